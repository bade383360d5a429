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
            ("audience", { $0.aud = "another" }), ("not yet valid", { $0.nbf = Instant.now().seconds + 30 }),
            ("signed in the future", { $0.iat = Instant.now().seconds + 120 }),
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

    /// Signed by our own key, and still no token of ours: what can be read in two ways is read in neither.
    @Test func tokensThatAreNotPlainAreRefused() async throws {
        let claims = AccessTokenClaims(issuer: Self.issuer, user: user, signIn: SignInID(), issuedAt: .now())
        let payload = String(decoding: try JSONEncoder().encode(claims), as: UTF8.self)
        #expect(try await !refuses(tokens.sign(tokens.header, payload)))
        let repeated = #"\#(payload.dropLast()),"sub":"\#(UserID())"}"#
        let escaped = #"\#(payload.dropLast()),"su\u0062":"\#(UserID())"}"#
        for other in [
            repeated, escaped, payload + "{}", payload + "x", "[\(payload)]", "\"\(payload.count)\"",
            payload.replacing(#""aud":"polyclinic""#, with: #""aud":["polyclinic"]"#),
        ] {
            #expect(try await refuses(tokens.sign(tokens.header, other)), "\(other)")
        }
        for header in [
            #"{"alg":"none","alg":"ES256","kid":"key-1"}"#, #"{"alg":"ES256","kid":"key-2","kid":"key-1"}"#,
            #"{"alg":"ES256","kid":"key-1","b64":false}"#, #"{"alg":"ES256","kid":"key-1","crit":null}"#,
            #"{"alg":"ES256","kid":"key-1","x5u":"https://evil.example"}"#, tokens.header + "x",
        ] {
            #expect(try await refuses(tokens.sign(header, payload)), "\(header)")
        }
    }

    /// One encoding for one token: nothing before, between or behind.
    @Test func garbageAroundATokenIsRefused() async throws {
        let valid = try tokens.token(for: user)
        let parts = valid.split(separator: ".")
        for broken in [
            valid + "=", valid + "==", valid + "\n", valid + " ", " " + valid, valid + ".", "." + valid, valid + "A",
            "\(parts[0])=.\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1])..\(parts[2])",
            ".\(parts[1]).\(parts[2])", "\(parts[0])..\(parts[2])", "\(parts[1]).\(parts[2])", "\(parts[2])",
            #"{"payload":"\#(parts[1])","protected":"\#(parts[0])","signature":"\#(parts[2])"}"#,
        ] {
            #expect(await refuses(broken), "\(broken)")
        }
    }

    /// A header that brings its own key, or tells where to find one, decides nothing.
    @Test func keysOfTheSenderAreRefused() async throws {
        let attacker = TestTokens(issuer: Self.issuer)
        let (x, y) = (attacker.verificationKey.x, attacker.verificationKey.y)
        let jwk = #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)","kid":"key-1","use":"sig","alg":"ES256"}"#
        for extra in [
            #""jwk":\#(jwk)"#, #""jku":"https://evil.example/jwks.json""#, #""x5c":["MIIB"]"#,
            #""x5u":"https://evil.example/cert.pem""#,
        ] {
            let header = #"{"alg":"ES256","kid":"key-1","typ":"JWT",\#(extra)}"#
            #expect(try await refuses(attacker.token(for: user, header: header)), "\(extra)")
            #expect(try await refuses(tokens.token(for: user, header: header)), "\(extra) under our own key")
        }
    }

    /// Signatures whose numbers are no numbers of the curve.
    @Test func impossibleSignaturesAreRefused() async throws {
        let claims = AccessTokenClaims(issuer: Self.issuer, user: user, signIn: SignInID(), issuedAt: .now())
        let signed = try TestTokens.signingInput(tokens.header, claims)
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        for half in [String(repeating: "00", count: 32), order, String(repeating: "ff", count: 32)] {
            let signature = try #require([UInt8](hex: half + half))
            #expect(await refuses(signed + "." + TestTokens.base64URL(signature)), "\(half)")
        }
        for count in [0, 1, 32, 63, 65, 96, 128] {
            let signature = [UInt8](repeating: 1, count: count)
            #expect(await refuses(signed + "." + TestTokens.base64URL(signature)), "\(count) bytes")
        }
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
