package import Core

/// What is held of one API key, made ready for decisions.
package final class APIKeyPolicy: Sendable {
    package let grant: APIKeyGrant
    let membership: MembershipPolicy

    init(_ grant: APIKeyGrant, _ book: RoleBook) {
        self.grant = grant
        membership = MembershipPolicy(MembershipGrant(clinicId: grant.clinicId, roles: [grant.role]), book)
    }

    /// Whether the key opens anything at a moment.
    package func isGood(at now: Instant) -> Bool { grant.active && grant.expiresAt > now }

    /// The hashes of the secrets that are accepted at a moment: the present one's, and for a while the one's before.
    package func secretHashes(at now: Instant) -> [[UInt8]] {
        guard isGood(at: now) else { return [] }
        return grant.secrets.compactMap { secret in
            if let until = secret.until, until <= now { nil } else { [UInt8](hex: secret.hash) }
        }
    }
}
