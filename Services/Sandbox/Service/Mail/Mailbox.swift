import Core

/// Addresses with or without a name: `Clinic <hello@clinic.example>`.
enum Mailbox {
    /// The address alone; `nil` where there is none.
    static func address(_ text: String) -> String? {
        var address = Substring(text)
        if let open = text.lastIndex(of: "<"), text.hasSuffix(">") {
            address = text[text.index(after: open)...].dropLast()
        }
        return EmailAddress(address).map(\.address)
    }
}
