import Authorization
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
        guard claims.iss == issuer, claims.aud == AccessTokenClaims.audience, verified.expiresAt > now else {
            return nil
        }
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
        guard parts.count == 3, let bytes = Self.base64URL(parts[0]),
            let header = try? JSONDecoder().decode(TokenHeader.self, from: bytes),
            header.alg == "ES256", header.crit == nil, header.typ == nil || header.typ == "JWT"
        else { return nil }
        return header.kid
    }

    /// Base64url without padding (RFC 7515 §2).
    private static func base64URL(_ text: some StringProtocol) -> Data? {
        var standard = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: Data(standard))
    }
}

private struct TokenHeader: Decodable {
    var alg: String
    var kid: String?
    var typ: String?
    var crit: [String]?
}

/// The claims as the library verifies them; issuer, audience and expiry are compared here, at the request's own time.
private struct SignedClaims: JWTPayload {
    let claims: AccessTokenClaims

    init(from decoder: any Decoder) throws { claims = try AccessTokenClaims(from: decoder) }
    func encode(to encoder: any Encoder) throws { try claims.encode(to: encoder) }
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
