import Core

/// Addresses with or without a name: `Clinic <hello@clinic.example>`.
enum Mailbox {
    /// The address alone; `nil` where there is none.
    static func address(_ text: String) -> String? {
        guard text.hasSuffix(">") else { return EmailAddress(text)?.address }
        // A bracket may stand in the quotes of either name.
        let openings = text.indices.filter { text[$0] == "<" }.reversed()
        return openings.lazy.compactMap { EmailAddress(text[$0...].dropFirst().dropLast()) }.first?.address
    }
}
