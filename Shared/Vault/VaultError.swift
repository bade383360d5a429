/// Why something sealed could not be opened.
///
/// Never carries plaintext or keys.
package struct VaultError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Sealed under a key this process does not have (yet): another process may open it, or this one later.
        case unknownKey
        /// Not a format this version writes, or cut short.
        case malformed
        /// The key commitment, the tag or the associated data does not match.
        case notAuthentic
    }

    package let code: Code
    /// The id of the unknown key.
    package let keyID: String?

    package init(_ code: Code, keyID: String? = nil) {
        self.code = code
        self.keyID = keyID
    }

    /// Whether waiting for a newer key file may help; never read it as bad credentials.
    package var isTransient: Bool { code == .unknownKey }

    package var description: String {
        switch code {
        case .unknownKey: "sealed under unknown key \(keyID ?? "?")"
        case .malformed: "not a sealed record"
        case .notAuthentic: "the sealed record is not authentic"
        }
    }
}
