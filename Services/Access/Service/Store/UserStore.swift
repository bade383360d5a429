import AccessAPI
import Authorization
import Core
import Postgres

/// A person's account.
struct StoredUser: Sendable {
    var id: UserID
    var email: EmailAddress
    var name: String
    var locale: String?
    var status: SystemUser.Status
    var createdAt: Instant
    var version: Int64

    var account: Account { Account(id: id, email: email, name: name, locale: locale, createdAt: createdAt) }
}

/// The tables `users` and `user_emails`.
enum UserStore {
    private static let columns: Query = "u.id, u.email, u.name, u.locale, u.status, u.created_at, u.version"

    /// Whose address has this hash.
    ///
    /// Through the lookup door.
    static func find(emailHash: [UInt8], in tx: borrowing Transaction) throws -> UserID? {
        try tx.rows("select user_id from user_emails where email_hash = \(emailHash)").first.map { try $0[0] }
    }

    /// `forUpdate` keeps others from changing the account until the end of the transaction.
    static func find(_ id: UserID, forUpdate: Bool = false, in tx: borrowing Transaction) throws -> StoredUser? {
        let lock: Query = forUpdate ? " for update" : ""
        return try tx.rows("select \(columns) from users as u where u.id = \(id)\(lock)").first.map(decode)
    }

    /// Throws `uniqueViolation` of `user_emails_pkey` when the address has an account by now.
    static func insert(
        _ user: StoredUser,
        emailHash: [UInt8],
        policyVersion: Int64,
        in tx: borrowing Transaction
    ) throws {
        tx.execute(
            """
            insert into users (id, email, name, locale, status, policy_version, created_at, updated_at)
            values (\(user.id), \(user.email), \(user.name), \(user.locale), \(user.status.rawValue),
                \(policyVersion), \(user.createdAt), \(user.createdAt))
            """
        )
        tx.execute("insert into user_emails (email_hash, user_id) values (\(emailHash), \(user.id))")
        try tx.flush()
    }

    /// Lets an invited account be used; leaves others as they are.
    static func activate(_ id: UserID, at now: Instant, policyVersion: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            update users set status = case when status = 'invited' then 'active' else status end,
                policy_version = \(policyVersion), updated_at = \(now), version = version + 1
            where id = \(id)
            """
        )
    }

    /// Notes that what the user may do has changed.
    static func touch(_ id: UserID, policyVersion: Int64, in tx: borrowing Transaction) {
        tx.execute("update users set policy_version = \(policyVersion) where id = \(id)")
    }

    static func rename(
        _ id: UserID,
        name: String,
        locale: String?,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int64 {
        let rows = try tx.rows(
            """
            update users set name = \(name), locale = \(locale), updated_at = \(now), version = version + 1
            where id = \(id)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// Accounts in the order of their ids, with their system role.
    static func list(
        after: UserID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [(user: StoredUser, role: SystemGrant?)] {
        var query: Query = """
            select \(columns), r.role, r.clinic_ids, r.expires_at
            from users as u left join system_roles as r on r.user_id = u.id where true
            """
        if let after { query += " and u.id > \(after)" }
        query += " order by u.id limit \(limit)"
        return try tx.rows(query).map { row in
            let role: String? = try row[7]
            return (try decode(row), try role.map { _ in try SystemRoleStore.decode(row, from: 7) })
        }
    }

    private static func decode(_ row: Row) throws -> StoredUser {
        StoredUser(
            id: try row[0],
            email: try row[1],
            name: try row[2],
            locale: try row[3],
            status: try row[4],
            createdAt: try row[5],
            version: try row[6]
        )
    }
}

extension SystemUser.Status: Column {}
