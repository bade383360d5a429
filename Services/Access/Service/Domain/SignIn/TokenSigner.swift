package import Authorization
import Contracts
package import Core
import Crypto
package import Vault

/// Signs access tokens with the current ES256 key (RFC 7515, 7518 §3.4).
package struct TokenSigner: Sendable {
    /// Every key that tokens may be signed with: the current one, and the next ones before their time.
    package let verificationKeys: [VerificationKey]
    private let issuer: String
    private let header: String
    private let key: P256.Signing.PrivateKey

    /// Throws `KeyFileError` when there is no usable current key.
    package init(keys: KeyFile, issuer: String) throws {
        guard let current = keys.jwtSigningKeys.first(where: \.current), let secret = current.key else {
            throw KeyFileError("The key file has no current key for access tokens.")
        }
        key = try P256.Signing.PrivateKey(rawRepresentation: secret.bytes)
        header = Base64URL.encode(Array(#"{"alg":"ES256","kid":\#(JSONWriter.quoted(current.id)),"typ":"JWT"}"#.utf8))
        verificationKeys = keys.jwtSigningKeys.compactMap { key in
            let point = key.publicKey.bytes
            guard point.count == 65 else { return nil }
            return VerificationKey(
                kid: key.id,
                x: Base64URL.encode(Array(point[1..<33])),
                y: Base64URL.encode(Array(point[33..<65]))
            )
        }
        self.issuer = issuer
    }

    package func sign(user: UserID, signIn: SignInID, at now: Instant) throws -> String {
        let claims = AccessTokenClaims(issuer: issuer, user: user, signIn: signIn, issuedAt: now)
        let signed = header + "." + Base64URL.encode(try JSONWriter.encode(claims))
        let signature = try key.signature(for: Array(signed.utf8))
        return signed + "." + Base64URL.encode([UInt8](signature.rawRepresentation))
    }
}
