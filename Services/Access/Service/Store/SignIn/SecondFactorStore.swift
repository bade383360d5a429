import Core
import Postgres

/// A person's authenticator app.
struct StoredTOTP: Sendable {
    /// The secret, sealed.
    var sealed: [UInt8]
    var enrolledAt: Instant
    var isConfirmed: Bool
    /// The step of the last code that was taken.
    var lastStep: Int64
}

/// The tables `totp_factors` and `recovery_codes`; through the installation's door, but for `reset`.
enum SecondFactorStore {
    /// The factor, locked until the end of the transaction: no code is taken twice.
    static func find(_ user: UserID, in tx: borrowing Transaction) throws -> StoredTOTP? {
        let rows = try tx.rows(
            """
            select sealed, enrolled_at, confirmed_at is not null, last_step from totp_factors
            where user_id = \(user) for update
            """
        )
        return try rows.first.map { row in
            StoredTOTP(sealed: try row[0], enrolledAt: try row[1], isConfirmed: try row[2], lastStep: try row[3])
        }
    }

    static func isEnabled(_ user: UserID, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows("select from totp_factors where user_id = \(user) and confirmed_at is not null")
        return !rows.isEmpty
    }

    /// Begins anew with this secret, unless one has been confirmed.
    static func enroll(_ user: UserID, sealed: [UInt8], at now: Instant, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            insert into totp_factors as f (user_id, sealed, enrolled_at) values (\(user), \(sealed), \(now))
            on conflict (user_id) do update set sealed = excluded.sealed, enrolled_at = excluded.enrolled_at, last_step = 0
            where f.confirmed_at is null
            """
        )
        return rows.affected == 1
    }

    static func confirm(_ user: UserID, at now: Instant, in tx: borrowing Transaction) {
        tx.execute("update totp_factors set confirmed_at = \(now) where user_id = \(user)")
    }

    static func take(_ step: Int64, of user: UserID, in tx: borrowing Transaction) {
        tx.execute("update totp_factors set last_step = \(step) where user_id = \(user)")
    }

    /// Puts these codes in the place of earlier ones.
    static func replaceRecoveryCodes(
        _ hashes: [[UInt8]],
        of user: UserID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute("delete from recovery_codes where user_id = \(user)")
        tx.execute(
            """
            insert into recovery_codes (user_id, code_hash, created_at)
            select \(user), code_hash, \(now) from unnest(\(ByteColumns(hashes))) as c (code_hash)
            """
        )
    }

    /// Uses a recovery code up; `false` when there is none that is unused.
    static func useRecoveryCode(_ hash: [UInt8], of user: UserID, at now: Instant, in tx: borrowing Transaction) throws
        -> Bool
    {
        try tx.rows(
            """
            update recovery_codes set used_at = \(now)
            where user_id = \(user) and code_hash = \(hash) and used_at is null
            """
        ).affected == 1
    }

    /// Takes a confirmed factor away, in a transaction of a clinic; `false` when there is none.
    static func reset(_ user: UserID, in tx: borrowing Transaction) throws -> Bool {
        tx.execute("delete from recovery_codes where user_id = \(user)")
        return try tx.rows(
            "delete from totp_factors where user_id = \(user) and confirmed_at is not null"
        ).affected == 1
    }

    static func remove(_ user: UserID, in tx: borrowing Transaction) {
        tx.execute("delete from recovery_codes where user_id = \(user)")
        tx.execute("delete from totp_factors where user_id = \(user)")
    }
}
