/// Which credentials the sandbox takes for good ones: it knows no customers.
enum SandboxCredential {
    /// Words that make a credential a wrong one, so that a refusal can be tried out.
    static let refusedWords = ["invalid", "wrong", "revoked", "expired"]

    static func isAccepted(_ text: String) -> Bool {
        !text.isEmpty && !refusedWords.contains { text.lowercased().contains($0) }
    }
}
