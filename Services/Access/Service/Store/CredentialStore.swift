import AccessAPI
import Authorization
import Contracts
import Core
import Postgres

/// What a sign-in is decided with.
struct StoredCredential: Sendable {
    var user: StoredUser
    /// `nil` where no password has been set.
    var password: PasswordHash?
    var lockedUntil: Instant?
    /// Clinics the person belongs to, or looks after as an auditor: whose trails tell of the sign-in.
    var clinics: [ClinicID]

    func isLocked(at now: Instant) -> Bool { lockedUntil.map { $0 > now } ?? false }
}

/// The table `credentials`; through the installation's door.
enum CredentialStore {
    /// The account, its password and its clinics.
    ///
    /// Asked for an unknown id as well, so that both take the same time.
    static func find(_ user: UserID, in tx: borrowing Transaction) throws -> StoredCredential? {
        let rows = try tx.rows(
            """
            select u.id, u.email, u.name, u.locale, u.status, u.created_at, u.version, c.salt, c.hash, c.cost,
                c.locked_until,
                array(select m.clinic_id from memberships as m where m.user_id = u.id and m.status = 'active'
                    union select unnest(r.clinic_ids) from system_roles as r where r.user_id = u.id order by 1)
            from users as u left join credentials as c on c.user_id = u.id
            where u.id = \(user)
            """
        )
        return try rows.first.map { row in
            let salt: [UInt8]? = try row[7]
            let password = try salt.map { PasswordHash(salt: $0, hash: try row[8], cost: try row[9]) }
            return StoredCredential(
                user: StoredUser(
                    id: try row[0],
                    email: try row[1],
                    name: try row[2],
                    locale: try row[3],
                    status: try row[4],
                    createdAt: try row[5],
                    version: try row[6]
                ),
                password: password,
                lockedUntil: try row[10],
                clinics: try row[11]
            )
        }
    }

    /// Sets the first password; `false` when there is one already.
    static func insert(
        _ password: PasswordHash,
        for user: UserID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let rows = try tx.rows(
            """
            insert into credentials (user_id, salt, hash, cost, changed_at)
            values (\(user), \(password.salt), \(password.hash), \(password.cost), \(now))
            on conflict (user_id) do nothing
            """
        )
        return rows.affected == 1
    }

    /// Counts a failed try and shuts the account when there were too many in a row.
    static func fail(_ user: UserID, at now: Instant, in tx: borrowing Transaction) throws {
        let rows = try tx.rows(
            "update credentials set failures = failures + 1 where user_id = \(user) returning failures"
        )
        guard let row = rows.first else { return }
        let failures: Int = try row[0]
        guard let until = Lockout.until(after: failures, at: now) else { return }
        tx.execute("update credentials set failures = 0, locked_until = \(until) where user_id = \(user)")
    }

    static func succeed(_ user: UserID, in tx: borrowing Transaction) {
        tx.execute(
            """
            update credentials set failures = 0, locked_until = null
            where user_id = \(user) and (failures > 0 or locked_until is not null)
            """
        )
    }
}
