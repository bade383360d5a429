import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// The keyed hashes of an account's addresses.
struct AddressHashes: Sendable {
    var email: [UInt8]?
    var phone: [UInt8]?
}

/// A person's account.
struct StoredUser: Sendable {
    var id: UserID
    /// At least one of `email` and `phone`.
    var email: EmailAddress?
    var phone: PhoneNumber?
    var name: String
    var locale: String?
    var status: SystemUser.Status
    var createdAt: Instant
    var version: Int64

    /// What the account is known by, for its owner's eyes.
    var address: String { email?.description ?? phone?.description ?? "" }

    var account: Account {
        Account(id: id, email: email, phone: phone, name: name, locale: locale, createdAt: createdAt)
    }
}

/// The tables `users`, `user_emails` and `user_phones`.
enum UserStore {
    /// What `decode` reads.
    static let columns: Query = "u.id, u.email, u.phone, u.name, u.locale, u.status, u.created_at, u.version"
    /// How many they are.
    static let width = 8

    /// Whose address has this hash.
    ///
    /// Runs with the `lookup` role, which crosses clinics.
    static func find(emailHash: [UInt8], in tx: borrowing Transaction) throws -> UserID? {
        try tx.rows("select user_id from user_emails where email_hash = \(emailHash)").first.map { try $0[0] }
    }

    /// Whose number has this hash.
    ///
    /// Runs with the `lookup` role, which crosses clinics.
    static func find(phoneHash: [UInt8], in tx: borrowing Transaction) throws -> UserID? {
        try tx.rows("select user_id from user_phones where phone_hash = \(phoneHash)").first.map { try $0[0] }
    }

    /// `forUpdate` keeps others from changing the account until the end of the transaction.
    static func find(_ id: UserID, forUpdate: Bool = false, in tx: borrowing Transaction) throws -> StoredUser? {
        let lock: Query = forUpdate ? " for update" : ""
        return try tx.rows("select \(columns) from users as u where u.id = \(id)\(lock)").first.map(decode)
    }

    /// Throws `uniqueViolation` of `user_emails_pkey` or `user_phones_pkey` when the address has an account by now.
    static func insert(
        _ user: StoredUser,
        hashes: AddressHashes,
        policyVersion: Int64,
        in tx: borrowing Transaction
    ) throws {
        tx.execute(
            """
            insert into users (id, email, phone, name, locale, status, policy_version, created_at, updated_at)
            values (\(user.id), \(user.email), \(user.phone), \(user.name), \(user.locale),
                \(user.status.rawValue), \(policyVersion), \(user.createdAt), \(user.createdAt))
            """
        )
        if let hash = hashes.email {
            tx.execute("insert into user_emails (email_hash, user_id) values (\(hash), \(user.id))")
        }
        if let hash = hashes.phone {
            tx.execute("insert into user_phones (phone_hash, user_id) values (\(hash), \(user.id))")
        }
        try tx.flush()
    }

    /// Another number, or none, and its hash.
    ///
    /// Throws `uniqueViolation` of `user_phones_pkey` when it is another account's by now.
    static func setPhone(
        _ phone: PhoneNumber?,
        hash: [UInt8]?,
        of id: UserID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        tx.execute("delete from user_phones where user_id = \(id)")
        if let hash { tx.execute("insert into user_phones (phone_hash, user_id) values (\(hash), \(id))") }
        tx.execute(
            "update users set phone = \(phone), updated_at = \(now), version = version + 1 where id = \(id)"
        )
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
        word: String?,
        order: TimeOrder,
        after: UserID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [(user: StoredUser, role: SystemGrant?)] {
        var query: Query = """
            select \(columns), r.role, r.clinic_ids, r.expires_at
            from users as u left join system_roles as r on r.user_id = u.id where true
            """
        if let word {
            query += " and (u.name ilike \(LikePattern.containing(word)) or lower(u.email) = lower(\(word)))"
        }
        query += order.page(of: "u.id", behind: after, limit: limit)
        return try tx.rows(query).map { row in
            let role: String? = try row[width]
            return (try decode(row), try role.map { _ in try SystemRoleStore.decode(row, from: width) })
        }
    }

    /// A row that begins with `columns`.
    static func decode(_ row: Row) throws -> StoredUser {
        StoredUser(
            id: try row[0],
            email: try row[1],
            phone: try row[2],
            name: try row[3],
            locale: try row[4],
            status: try row[5],
            createdAt: try row[6],
            version: try row[7]
        )
    }
}

extension SystemUser.Status: Column {}
