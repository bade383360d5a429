import Core

extension EmailAddress {
    /// As providers and mail servers are handed it: its domain in ASCII, the name before the `@` as it was written.
    ///
    /// `nil` where its domain has no such form: no mail can travel there.
    var mailed: EmailAddress? {
        if DomainName.isASCII(address) { return self }
        guard let domain = DomainName.travelling(String(domainPart)) else { return nil }
        return EmailAddress("\(localPart)@\(domain)")
    }
}
