import Core
import Postgres

/// An invitation that can still be accepted, or could once.
struct StoredInvitation: Sendable {
    var clinic: ClinicID
    var id: TypedID<Entity.Role>
    var user: UserID
    var expiresAt: Instant
    var isOpen: Bool
}

/// The tables `invitations` and `invitation_tokens`.
enum InvitationStore {
    static let lifetime: Duration = .seconds(7 * 24 * 3_600)

    /// Which clinic's invitation has this hash.
    ///
    /// Runs with the `lookup` role, which crosses clinics.
    static func clinic(tokenHash: [UInt8], in tx: borrowing Transaction) throws -> ClinicID? {
        let rows = try tx.rows("select clinic_id from invitation_tokens where token_hash = \(tokenHash)")
        return try rows.first.map { try $0[0] }
    }

    /// Makes one; earlier ones of the same person in the same clinic stop working.
    static func insert(
        _ user: UserID,
        into clinic: ClinicID,
        tokenHash: [UInt8],
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        revoke(user, in: clinic, at: now, tx: tx)
        tx.execute(
            """
            insert into invitations (clinic_id, id, user_id, token_hash, invited_by, created_at, expires_at)
            values (\(clinic), \(UserID(at: now)), \(user), \(tokenHash), \(actor), \(now), \(now + lifetime))
            """
        )
        tx.execute("insert into invitation_tokens (token_hash, clinic_id) values (\(tokenHash), \(clinic))")
    }

    static func revoke(_ user: UserID, in clinic: ClinicID, at now: Instant, tx: borrowing Transaction) {
        tx.execute(
            """
            update invitations set revoked_at = \(now)
            where clinic_id = \(clinic) and user_id = \(user) and accepted_at is null and revoked_at is null
            """
        )
    }

    static func find(tokenHash: [UInt8], in clinic: ClinicID, tx: borrowing Transaction) throws -> StoredInvitation? {
        let rows = try tx.rows(
            """
            select clinic_id, id, user_id, expires_at, accepted_at is null and revoked_at is null from invitations
            where clinic_id = \(clinic) and token_hash = \(tokenHash) for update
            """
        )
        return try rows.first.map { row in
            StoredInvitation(
                clinic: try row[0],
                id: try row[1],
                user: try row[2],
                expiresAt: try row[3],
                isOpen: try row[4]
            )
        }
    }

    static func accept(_ invitation: StoredInvitation, at now: Instant, in tx: borrowing Transaction) {
        tx.execute(
            """
            update invitations set accepted_at = \(now)
            where clinic_id = \(invitation.clinic) and id = \(invitation.id)
            """
        )
    }
}
