import Contracts
import Core
import Crypto
import Vault

/// The three headers of a webhook that is signed as Svix does, which is Standard Webhooks.
struct SvixSignature: Sendable, Equatable {
    /// How far the time it was signed at may be from ours; each delivery is signed anew.
    static let tolerance: Duration = .seconds(300)
    static let secretPrefix = "whsec_"
    /// Signatures of one delivery, as many as its sender has keys.
    static let mostSignatures = 10

    /// The same in each delivery of the same event.
    let id: String
    let timestamp: String
    private let signatures: [[UInt8]]

    /// `nil` when one is missing or could not be theirs.
    init?(_ headers: [String: String]) {
        func header(_ name: String) -> String? { headers["svix-\(name)"] ?? headers["webhook-\(name)"] }
        guard let id = ProviderVerdict.token(header("id")), let timestamp = header("timestamp"),
            timestamp.utf8.count <= 12, let list = header("signature")
        else { return nil }
        self.id = id
        self.timestamp = timestamp
        signatures = list.split(separator: " ").prefix(Self.mostSignatures).compactMap { item in
            item.hasPrefix("v1,") ? Base64.decode(String(item.dropFirst(3))) : nil
        }
    }

    /// Whether one of the signatures is made with one of the secrets, over this body and not long ago.
    func isValid(for body: [UInt8], secrets: [Secret], at now: Instant) -> Bool {
        guard let seconds = Int64(timestamp), !timestamp.hasPrefix("+"), seconds >= 0,
            abs((now - Instant(seconds: seconds)).microseconds) <= Self.tolerance.microseconds
        else { return false }
        let content = Array("\(id).\(timestamp).".utf8) + body
        var isValid = false
        for key in secrets.compactMap(Self.key) {
            let expected = Array(HMAC<SHA256>.authenticationCode(for: content, using: key))
            for signature in signatures where constantTimeEqual(signature, expected) { isValid = true }
        }
        return isValid
    }

    /// The key in a secret: base64 behind the prefix that their console shows it with.
    static func key(_ secret: Secret) -> SymmetricKey? {
        let text = secret.unredacted
        let bytes = Base64.decode(text.hasPrefix(secretPrefix) ? String(text.dropFirst(secretPrefix.count)) : text)
        return bytes.flatMap { $0.isEmpty ? nil : SymmetricKey(data: $0) }
    }
}
