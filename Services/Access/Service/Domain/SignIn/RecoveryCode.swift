package import Core
import Vault

/// Opens an account once for somebody who has lost their authenticator app; stored as a keyed hash only.
package struct RecoveryCode: Sendable {
    /// Codes that are given out together.
    package static let count = 10
    /// Characters of five bits each.
    private static let length = 10

    /// Shown once: `abcde-fghij`.
    package let text: Secret

    /// 50 bits of the system's generator.
    package init() {
        let letters = Base32.encode(RandomBytes.make(7)).prefix(Self.length).lowercased()
        text = Secret("\(letters.prefix(Self.length / 2))-\(letters.suffix(Self.length / 2))")
    }

    /// What a code is found by, however it was typed; `nil` for what cannot be one.
    static func hash(_ typed: String, of user: UserID, index: BlindIndex) -> [UInt8]? {
        let letters = typed.lowercased().filter { $0 != "-" && $0 != " " }
        guard letters.utf8.count == length else { return nil }
        return index.token("\(user) \(letters)", purpose: "recovery code", clinic: nil)
    }
}
