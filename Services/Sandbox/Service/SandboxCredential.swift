/// Which credentials the sandbox takes for good ones: it knows no customers.
enum SandboxCredential {
    /// Words that make a credential a wrong one, so that a refusal can be tried out.
    static let refusedWords = ["invalid", "wrong", "revoked", "expired"]

    static func isAccepted(_ text: String) -> Bool {
        let letters = Array(text.lowercased().utf8)
        return !letters.isEmpty && !refusedWords.contains { letters.firstRange(of: Array($0.utf8)) != nil }
    }
}
