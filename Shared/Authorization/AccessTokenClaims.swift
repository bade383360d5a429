package import Core

/// What an access token says: signed with ES256 by access, verified at the gateway (RFC 7519).
///
/// The header names `alg` ES256, the `kid` of a `VerificationKey` and `typ` JWT.
package struct AccessTokenClaims: Codable, Sendable {
    /// The only value of `aud` that is taken.
    package static let audience = "polyclinic"
    package static let lifetime: Duration = .seconds(15 * 60)

    /// The installation's public URL.
    package var iss: String
    package var aud: String
    package var sub: UserID
    /// The sign-in it belongs to; ending that ends the token.
    package var sid: SignInID
    /// Seconds since 1970.
    package var iat: Int64
    /// Seconds since 1970; from then on it is refused.
    package var exp: Int64
    /// Seconds since 1970; ours have none, and one that has is refused until then.
    package var nbf: Int64?

    package init(issuer: String, user: UserID, signIn: SignInID, issuedAt: Instant) {
        iss = issuer
        aud = Self.audience
        sub = user
        sid = signIn
        iat = issuedAt.seconds
        exp = (issuedAt + Self.lifetime).seconds
    }
}
