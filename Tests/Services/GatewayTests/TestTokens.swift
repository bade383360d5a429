import Authorization
import Core
import Crypto
import FoundationEssentials

/// Signs access tokens, and things that only look like them.
struct TestTokens: Sendable {
    let key = P256.Signing.PrivateKey()
    let kid: String
    let issuer: String

    init(kid: String = "key-1", issuer: String) {
        self.kid = kid
        self.issuer = issuer
    }

    var verificationKey: VerificationKey {
        let point = key.publicKey.rawRepresentation
        return VerificationKey(
            kid: kid,
            x: Self.base64URL(Array(point.prefix(32))),
            y: Self.base64URL(Array(point.suffix(32)))
        )
    }

    func token(
        for user: UserID,
        signIn: SignInID = SignInID(),
        header: String? = nil,
        change: (inout AccessTokenClaims) -> Void = { _ in }
    ) throws -> String {
        var claims = AccessTokenClaims(issuer: issuer, user: user, signIn: signIn, issuedAt: .now())
        change(&claims)
        return try sign(header ?? self.header, String(decoding: try JSONEncoder().encode(claims), as: UTF8.self))
    }

    /// The header of a token of ours.
    var header: String { #"{"alg":"ES256","kid":"\#(kid)","typ":"JWT"}"# }

    /// Signs texts as they are.
    func sign(_ header: String, _ payload: String) throws -> String {
        let signed = Self.base64URL(Array(header.utf8)) + "." + Self.base64URL(Array(payload.utf8))
        let signature = try key.signature(for: Array(signed.utf8)).rawRepresentation
        return signed + "." + Self.base64URL(Array(signature))
    }

    static func signingInput(_ header: String, _ claims: AccessTokenClaims) throws -> String {
        base64URL(Array(header.utf8)) + "." + base64URL(Array(try JSONEncoder().encode(claims)))
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        String(
            Data(bytes).base64EncodedString().compactMap { character in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            }
        )
    }
}
