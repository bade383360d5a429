import Core
@_spi(_Unicode) import Swift

extension EmailAddress {
    /// The form by which an address is found again, however it was spelled: in small letters, composed (NFC), and a domain that
    /// mail goes to as people read it.
    ///
    /// Of an address in ASCII it is `normalized`.
    var sought: String {
        let text = normalized
        guard !DomainName.isASCII(text) || DomainName.mayBeEncoded(text) else { return text }
        let found = "\(localPart.lowercased())@\(DomainName.readable(domain))"
        // The library's own, which its Foundation is made with.
        return String(String.UnicodeScalarView(found._nfc))
    }
}
