import Authorization
import Core
import Crypto

/// Recognises API keys from the policy snapshot, without asking anybody.
enum KeyVerifier {
    /// What every key begins with.
    static let scheme = "pck_"
    /// The longest key that is looked at, in bytes.
    static let longestKey = 200

    /// Whether a bearer credential is to be taken for a key.
    static func isKey(_ credential: some StringProtocol) -> Bool { credential.hasPrefix(scheme) }

    /// The key that is shown; `nil` for one that is unknown, revoked or expired.
    ///
    /// The prefix, which is no secret, finds it; the rest is compared in constant time.
    static func verify(_ shown: some StringProtocol, _ snapshot: PolicySnapshot, at now: Instant) -> APIKeyID? {
        guard shown.utf8.count <= longestKey, let prefix = prefix(of: shown),
            let key = snapshot.apiKey(prefix: prefix)
        else { return nil }
        let digest = SHA256.hash(data: Array(shown.utf8))
        // The comparison of digests takes the same time wherever they differ.
        return key.secretHashes(at: now).contains { digest == $0 } ? key.grant.id : nil
    }

    /// `pck_` and what stands before the next underscore.
    static func prefix(of shown: some StringProtocol) -> String? {
        guard isKey(shown) else { return nil }
        let tag = shown.dropFirst(scheme.count).prefix { $0 != "_" }
        return tag.isEmpty ? nil : scheme + tag
    }
}
