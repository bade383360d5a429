import Authorization
import Core
import Postgres

/// The table `system_roles`: at most one per user.
enum SystemRoleStore {
    static func find(_ user: UserID, in tx: borrowing Transaction) throws -> SystemGrant? {
        let rows = try tx.rows("select role, clinic_ids, expires_at from system_roles where user_id = \(user)")
        return try rows.first.map { try decode($0, from: 0) }
    }

    static func set(
        _ grant: SystemGrant,
        for user: UserID,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            insert into system_roles (user_id, role, clinic_ids, expires_at, granted_by, granted_at)
            values (\(user), \(grant.role.rawValue), \(grant.clinicIds), \(grant.expiresAt), \(actor), \(now))
            on conflict (user_id) do update set role = excluded.role, clinic_ids = excluded.clinic_ids,
                expires_at = excluded.expires_at, granted_by = excluded.granted_by, granted_at = excluded.granted_at
            """
        )
    }

    static func remove(_ user: UserID, in tx: borrowing Transaction) {
        tx.execute("delete from system_roles where user_id = \(user)")
    }

    /// Whether somebody else can still administer the installation.
    static func anotherSuperAdmin(than user: UserID, at now: Instant, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select exists (select from system_roles as r join users as u on u.id = r.user_id
                where r.role = 'SUPER_ADMIN' and r.user_id <> \(user) and u.status = 'active'
                    and (r.expires_at is null or r.expires_at > \(now)))
            """
        )
        return try rows.first.map { try $0[0] } ?? false
    }

    static func decode(_ row: Row, from column: Int) throws -> SystemGrant {
        let name: String = try row[column]
        guard let role = Role(rawValue: name) else { throw StoreError.missing }
        return SystemGrant(role: role, clinicIds: try row[column + 1], expiresAt: try row[column + 2])
    }
}
