import Core
import Postgres

/// The table `password_resets`.
enum PasswordResetStore {
    /// Adds a link, unless there were too many within the hour; `false` when nothing was added.
    ///
    /// Works in a transaction of a clinic.
    static func insert(_ hash: [UInt8], of user: UserID, at now: Instant, in tx: borrowing Transaction) throws -> Bool {
        try tx.rows(
            """
            insert into password_resets (token_hash, user_id, created_at, expires_at)
            select \(hash), \(user), \(now), \(now + PasswordReset.lifetime)
            where (select count(*) from password_resets
                where user_id = \(user) and created_at > \(now - .seconds(3_600))) < \(PasswordReset.mostPerHour)
            """
        ).affected == 1
    }

    /// The link, locked until the end of the transaction.
    ///
    /// Through the installation's door.
    static func find(_ hash: [UInt8], in tx: borrowing Transaction) throws -> PasswordReset.Known? {
        let rows = try tx.rows(
            """
            select user_id, expires_at, used_at is not null from password_resets
            where token_hash = \(hash) for update
            """
        )
        return try rows.first.map { row in
            PasswordReset.Known(user: try row[0], expiresAt: try row[1], isUsed: try row[2])
        }
    }

    /// Ends every link of the person: this one is used, and what others lead to has been done.
    ///
    /// Through the installation's door.
    static func useAll(of user: UserID, at now: Instant, in tx: borrowing Transaction) {
        tx.execute("update password_resets set used_at = \(now) where user_id = \(user) and used_at is null")
    }

    /// Drops up to `limit` links that are over for a day; returns how many.
    ///
    /// Through the installation's door.
    static func forget(limit: Int, at now: Instant, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from password_resets where token_hash in (
                select token_hash from password_resets where expires_at < \(now - .seconds(24 * 3_600))
                limit \(limit) for update skip locked)
            """
        ).affected
    }
}
