import Contracts
package import Core
package import Vault

/// A random bearer secret.
///
/// It is stored as a keyed hash only.
package struct OneTimeToken: Sendable {
    package enum Purpose: String, Sendable {
        case refresh = "refresh token"
        case invitation = "invitation token"
        case passwordReset = "password reset token"
    }

    /// Shown once.
    package let text: Secret
    package let hash: [UInt8]

    /// 256 bits of the system's generator.
    package init(_ purpose: Purpose, index: BlindIndex) {
        self.init(Base64URL.encode(RandomBytes.make(32)), purpose, index)
    }

    /// The token somebody presents.
    package init(presented text: String, _ purpose: Purpose, index: BlindIndex) { self.init(text, purpose, index) }

    /// The token that takes this one's place.
    ///
    /// It follows from it under a key, so that it can be told again without having been stored.
    package func successor(index: BlindIndex) -> OneTimeToken {
        OneTimeToken(
            Base64URL.encode(index.token(text.unredacted, purpose: "refresh successor", clinic: nil)),
            .refresh,
            index
        )
    }

    private init(_ text: String, _ purpose: Purpose, _ index: BlindIndex) {
        self.text = Secret(text)
        hash = index.token(text, purpose: purpose.rawValue, clinic: nil)
    }
}
