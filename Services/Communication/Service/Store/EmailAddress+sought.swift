import Core
@_spi(_Unicode) import Swift

extension EmailAddress {
    /// The form by which an address is found again, however it was spelled: in small letters, composed (NFC), and a domain's
    /// labels as people read them.
    ///
    /// Of an address in ASCII it is `normalized`.
    var sought: String {
        let text = normalized
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) || text.contains(Punycode.prefix),
            let at = text.firstIndex(of: "@")
        else { return text }
        let labels = text[text.index(after: at)...].split(separator: ".", omittingEmptySubsequences: false)
        let domain = labels.map(Self.read).joined(separator: ".")
        let found = "\(text[..<at])@\(domain)"
        // The library's own, which its Foundation is made with.
        return String(String.UnicodeScalarView(found._nfc))
    }

    /// A label as people read it; one that would read like another without letters of its own stays as it is.
    private static func read(_ label: Substring) -> String {
        guard let letters = Punycode.decode(label)?.lowercased(), !letters.utf8.allSatisfy({ $0 < 0x80 }),
            !letters.contains("."), EmailAddress("a@\(letters).example") != nil
        else { return String(label) }
        return letters
    }
}
