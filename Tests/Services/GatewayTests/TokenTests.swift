import Authorization
import Core
import Crypto
import FoundationEssentials
import TestKit
import Testing

@testable import Gateway

/// What only looks like a token of ours.
@Suite struct TokenTests {
    static let issuer = "https://clinic.example"
    let tokens = TestTokens(issuer: issuer)
    let verifier = TokenVerifier(issuer: issuer)
    let user = UserID()

    @Test func ownTokenIsTakenAgainAndAgainUntilItExpires() async throws {
        let signIn = SignInID()
        let token = try tokens.token(for: user, signIn: signIn)
        for _ in 0..<3 {
            let verified = try #require(await verifier.verify(token, keys: [tokens.verificationKey], at: .now()))
            #expect(verified.user == user)
            #expect(verified.signIn == signIn)
        }
        #expect(await verifier.verify(token, keys: [tokens.verificationKey], at: .now() + .seconds(901)) == nil)
    }

    @Test func wrongClaimsAreRefused() async throws {
        let changes: [(String, (inout AccessTokenClaims) -> Void)] = [
            ("expired", { $0.exp = Instant.now().seconds - 1 }), ("expires now", { $0.exp = Instant.now().seconds }),
            ("issuer", { $0.iss = "https://clinic.example.evil" }), ("empty issuer", { $0.iss = "" }),
            ("audience", { $0.aud = "another" }),
        ]
        for (name, change) in changes {
            let token = try tokens.token(for: user, change: change)
            #expect(await refuses(token), "\(name)")
        }
    }

    @Test(arguments: [
        #"{"alg":"none","kid":"key-1"}"#, #"{"alg":"None","kid":"key-1"}"#, #"{"alg":"HS256","kid":"key-1"}"#,
        #"{"alg":"ES384","kid":"key-1"}"#, #"{"alg":"RS256","kid":"key-1"}"#, #"{"alg":"ES256"}"#,
        #"{"alg":"ES256","kid":"key-2"}"#, #"{"alg":"ES256","kid":"key-1","crit":["exp"]}"#,
        #"{"alg":"ES256","kid":"key-1","typ":"at+jwt+x"}"#, #"{"kid":"key-1"}"#, #"["ES256"]"#, "",
    ])
    func otherHeadersAreRefused(_ header: String) async throws {
        #expect(try await refuses(tokens.token(for: user, header: header)))
    }

    @Test func unsignedAndWronglySignedTokensAreRefused() async throws {
        let claims = AccessTokenClaims(issuer: Self.issuer, user: user, signIn: SignInID(), issuedAt: .now())
        let none = try TestTokens.signingInput(#"{"alg":"none","kid":"key-1"}"#, claims)
        #expect(await refuses(none + "."))
        // The public key, which everybody knows, as the secret of an HMAC.
        let symmetric = try TestTokens.signingInput(#"{"alg":"HS256","kid":"key-1","typ":"JWT"}"#, claims)
        for secret in [tokens.key.publicKey.rawRepresentation, Data(tokens.key.publicKey.pemRepresentation.utf8)] {
            let code = HMAC<SHA256>.authenticationCode(for: Data(symmetric.utf8), using: SymmetricKey(data: secret))
            #expect(await refuses(symmetric + "." + TestTokens.base64URL(Array(code))))
        }
        let stranger = TestTokens(issuer: Self.issuer)
        #expect(try await refuses(stranger.token(for: user)))
        let valid = try tokens.token(for: user)
        let parts = valid.split(separator: ".")
        let others = try TestTokens.signingInput(
            #"{"alg":"ES256","kid":"key-1","typ":"JWT"}"#,
            AccessTokenClaims(issuer: Self.issuer, user: UserID(), signIn: SignInID(), issuedAt: .now())
        )
        #expect(await refuses(others + "." + parts[2]))
        let signature = try tokens.key.signature(for: Data("\(parts[0]).\(parts[1])".utf8))
        let der = TestTokens.base64URL(Array(signature.derRepresentation))
        #expect(await refuses("\(parts[0]).\(parts[1]).\(der)"))
        for broken in [
            "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "..", "", valid + ".x", valid.dropLast(4) + "",
        ] {
            #expect(await refuses(broken))
        }
        #expect(await refuses(String(repeating: "a", count: TokenVerifier.longestToken + 1)))
    }

    @Test func retiredKeyTakesItsTokensWithIt() async throws {
        let next = TestTokens(kid: "key-2", issuer: Self.issuer)
        let old = try tokens.token(for: user)
        let new = try next.token(for: user)
        let both = [tokens.verificationKey, next.verificationKey]
        #expect(await verifier.verify(old, keys: both, at: .now()) != nil)
        #expect(await verifier.verify(new, keys: both, at: .now()) != nil)
        #expect(await verifier.verify(old, keys: [next.verificationKey], at: .now()) == nil)
        #expect(await verifier.verify(new, keys: [next.verificationKey], at: .now()) != nil)
        // Another key under an old name vouches for nothing that the old one signed.
        let imposter = TestTokens(kid: "key-2", issuer: Self.issuer)
        #expect(await verifier.verify(new, keys: [imposter.verificationKey], at: .now()) == nil)
    }

    private func refuses(_ token: String) async -> Bool {
        await verifier.verify(token, keys: [tokens.verificationKey], at: .now()) == nil
    }
}
