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
    /// Clinics the person belongs to, or looks after as an auditor: whose trails tell of the sign-in.
    var clinics: [ClinicID]
    /// Whether signing in takes more than the password.
    var hasSecondFactor: Bool
}

/// The table `credentials`; through the installation's door.
enum CredentialStore {
    /// The account, its password and its clinics.
    ///
    /// Asked for an unknown id as well, so that both take the same time.
    static func find(_ user: UserID, in tx: borrowing Transaction) throws -> StoredCredential? {
        let rows = try tx.rows(
            """
            select \(UserStore.columns), c.salt, c.hash, c.cost, c.block_size, c.parallelism,
                array(select m.clinic_id from memberships as m where m.user_id = u.id and m.status = 'active'
                    union select unnest(r.clinic_ids) from system_roles as r where r.user_id = u.id order by 1),
                exists (select from totp_factors as t where t.user_id = u.id and t.confirmed_at is not null)
            from users as u left join credentials as c on c.user_id = u.id
            where u.id = \(user)
            """
        )
        return try rows.first.map { row in
            let next = UserStore.width
            let salt: [UInt8]? = try row[next]
            let password = try salt.map { salt in
                let cost = PasswordCost(
                    cost: try row[next + 2],
                    blockSize: try row[next + 3],
                    parallelism: try row[next + 4]
                )
                return PasswordHash(salt: salt, hash: try row[next + 1], cost: cost)
            }
            return StoredCredential(
                user: try UserStore.decode(row),
                password: password,
                clinics: try row[next + 5],
                hasSecondFactor: try row[next + 6]
            )
        }
    }

    /// Whether somebody would lose something with the account: it is a clinic's member or was suspended there, or holds a
    /// role of the installation.
    static func isInUse(_ user: UserID, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select exists (select from memberships where user_id = \(user) and status in ('active', 'suspended'))
                or exists (select from system_roles where user_id = \(user))
            """
        )
        return try rows.first.map { try $0[0] } ?? false
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
            insert into credentials (user_id, salt, hash, cost, block_size, parallelism, changed_at)
            values (\(user), \(password.salt), \(password.hash), \(password.cost.cost), \(password.cost.blockSize),
                \(password.cost.parallelism), \(now))
            on conflict (user_id) do nothing
            """
        )
        return rows.affected == 1
    }

    /// Whether this is still the account's password; it stays so until the end of the transaction.
    static func holds(_ password: PasswordHash, for user: UserID, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select from credentials where user_id = \(user) and hash = \(password.hash) for update
            """
        )
        return !rows.isEmpty
    }

    /// Puts another password in the place of the present one.
    static func set(_ password: PasswordHash, for user: UserID, at now: Instant, in tx: borrowing Transaction) {
        renew(password, for: user, in: tx)
        tx.execute("update credentials set changed_at = \(now) where user_id = \(user)")
    }

    /// When the password was last changed; `nil` where there is none.
    static func changedAt(_ user: UserID, in tx: borrowing Transaction) throws -> Instant? {
        try tx.rows("select changed_at from credentials where user_id = \(user)").first.map { try $0[0] }
    }

    /// The same password hashed anew.
    static func renew(_ password: PasswordHash, for user: UserID, in tx: borrowing Transaction) {
        tx.execute(
            """
            update credentials set salt = \(password.salt), hash = \(password.hash), cost = \(password.cost.cost),
                block_size = \(password.cost.blockSize), parallelism = \(password.cost.parallelism)
            where user_id = \(user)
            """
        )
    }
}
