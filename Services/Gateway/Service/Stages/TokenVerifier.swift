import Authorization
import Contracts
import Core
import Crypto
import FoundationEssentials
import JWTKit
import Synchronization

/// What a verified access token says of its bearer.
struct VerifiedToken: Hashable, Sendable {
    let user: UserID
    let signIn: SignInID
    let expiresAt: Instant
}

/// Verifies access tokens: ES256 under a known key, our issuer and audience, unexpired.
///
/// A verification takes about 50 µs, so what was verified is kept by the token's hash until it expires; the keys it was
/// verified with are kept with it, and retiring a key forgets what it signed. Whether the sign-in still counts is asked
/// of the policy snapshot every time.
final class TokenVerifier: Sendable {
    /// Verified tokens kept at once.
    static let largestCache = 50_000
    /// The longest token that is looked at, in bytes.
    static let longestToken = 4_096
    /// How far ahead the clock of whoever signed may be.
    static let clockSkew: Duration = .seconds(60)

    private struct State {
        var keys: [VerificationKey] = []
        var collection: JWTKeyCollection?
        var verified: [SHA256Digest: (token: VerifiedToken, kid: String)] = [:]
    }

    private let issuer: String
    private let state = Mutex(State())

    init(issuer: String) { self.issuer = issuer }

    /// The bearer of a token; `nil` for one that is not ours, is not signed as it must be or is past its time.
    func verify(_ token: some StringProtocol, keys: [VerificationKey], at now: Instant) async -> VerifiedToken? {
        guard token.utf8.count <= Self.longestToken else { return nil }
        let digest = SHA256.hash(data: Array(token.utf8))
        let (known, collection) = await collection(for: keys, digest)
        if let known { return known.expiresAt > now ? known : nil }
        guard let collection, let kid = Self.acceptableKeyID(of: token), keys.contains(where: { $0.kid == kid })
        else { return nil }
        guard let signed = try? await collection.verify(Array(token.utf8), as: SignedClaims.self) else { return nil }
        let claims = signed.claims
        let verified = VerifiedToken(user: claims.sub, signIn: claims.sid, expiresAt: Instant(seconds: claims.exp))
        guard claims.iss == issuer, claims.aud == AccessTokenClaims.audience, verified.expiresAt > now,
            Instant(seconds: claims.iat) <= now + Self.clockSkew, Instant(seconds: claims.nbf ?? 0) <= now
        else { return nil }
        remember(verified, as: digest, kid: kid, at: now)
        return verified
    }

    private func collection(
        for keys: [VerificationKey],
        _ digest: SHA256Digest
    ) async -> (VerifiedToken?, JWTKeyCollection?) {
        let held = state.withLock { state -> (VerifiedToken?, JWTKeyCollection?)? in
            state.keys == keys ? (state.verified[digest]?.token, state.collection) : nil
        }
        if let held { return held }
        let collection = JWTKeyCollection()
        for key in keys {
            guard let publicKey = try? ES256PublicKey(parameters: (x: key.x, y: key.y)) else { continue }
            await collection.add(ecdsa: publicKey, kid: JWKIdentifier(string: key.kid))
        }
        let kept = Set(keys.map(\.kid))
        return state.withLock { state in
            // A key that is gone, or came back as another one, vouches for nothing any more.
            let same = Set(state.keys).intersection(keys).map(\.kid)
            state.verified = state.verified.filter { kept.contains($0.value.kid) && same.contains($0.value.kid) }
            state.keys = keys
            state.collection = collection
            return (state.verified[digest]?.token, collection)
        }
    }

    private func remember(_ token: VerifiedToken, as digest: SHA256Digest, kid: String, at now: Instant) {
        state.withLock { state in
            if state.verified.count >= Self.largestCache {
                state.verified = state.verified.filter { $0.value.token.expiresAt > now }
                if state.verified.count >= Self.largestCache { state.verified.removeAll(keepingCapacity: true) }
            }
            state.verified[digest] = (token, kid)
        }
    }

    /// The key id of a token whose header is one we take: ES256 and nothing that asks for more.
    static func acceptableKeyID(of token: some StringProtocol) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = object(parts[0]), object(parts[1]) != nil, base64URL(parts[2]) != nil,
            refusedMembers.allSatisfy({ header.source(of: $0) == nil }), header.text(of: "alg") == "ES256",
            header.source(of: "typ") == nil || header.text(of: "typ") == "JWT"
        else { return nil }
        return header.text(of: "kid")
    }

    /// What a header may not ask for or bring along: extensions that must be understood, other encodings, and keys.
    private static let refusedMembers = ["crit", "b64", "jwk", "jku", "x5c", "x5u"]

    /// A part of a token that is one JSON object and can be read in one way only.
    private static func object(_ part: some StringProtocol) -> JSONTape? {
        guard let bytes = base64URL(part), let tape = try? JSONTape([UInt8](bytes)), tape.isObject, !tape.repeatsKeys
        else { return nil }
        return tape
    }

    /// Base64url without padding (RFC 7515 §2), and of no other alphabet.
    private static func base64URL(_ text: some StringProtocol) -> Data? {
        var standard: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"): standard.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): standard.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: standard.append(byte)
            }
        }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: Data(standard))
    }
}

/// The claims as the library verifies them; issuer, audience and expiry are compared here, at the request's own time.
private struct SignedClaims: JWTPayload {
    let claims: AccessTokenClaims

    init(from decoder: any Decoder) throws { claims = try AccessTokenClaims(from: decoder) }
    func encode(to encoder: any Encoder) throws { try claims.encode(to: encoder) }
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
