import AccessAPI
import Core
import Postgres

/// A code that was sent.
struct StoredCode: Sendable {
    var purpose: CodePurpose
    var user: UserID?
    /// What was said while registering.
    var sealed: [UInt8]?
    var known: OneTimeCode.Known
}

extension CodePurpose: Column {}

/// The table `one_time_codes`, in transactions of the clinic.
enum OneTimeCodeStore {
    /// Takes the place of the address's former code.
    static func renew(
        _ purpose: CodePurpose,
        address: [UInt8],
        clinic: ClinicID,
        codeHash: [UInt8],
        user: UserID?,
        sealed: [UInt8]? = nil,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            insert into one_time_codes (clinic_id, purpose, address_hash, code_hash, user_id, sealed, created_at,
                expires_at)
            values (\(clinic), \(purpose.rawValue), \(address), \(codeHash), \(user), \(sealed), \(now),
                \(now + OneTimeCode.lifetime))
            on conflict (clinic_id, purpose, address_hash) do update set code_hash = excluded.code_hash,
                user_id = excluded.user_id, sealed = excluded.sealed, tries = 0, created_at = excluded.created_at,
                expires_at = excluded.expires_at, used_at = null
            """
        )
    }

    /// The codes of an address, kept from others until the transaction ends: of two that present one, one sees the other.
    static func lock(
        address: [UInt8],
        clinic: ClinicID,
        purposes: [CodePurpose],
        in tx: borrowing Transaction
    ) throws -> [StoredCode] {
        var query: Query = """
            select purpose, user_id, sealed, code_hash, tries, expires_at, used_at is not null from one_time_codes
            where clinic_id = \(clinic) and address_hash = \(address)
            """
        query += " and purpose = any(\(purposes.map(\.rawValue)))"
        query += " order by purpose for update"
        return try tx.rows(query).map { row in
            StoredCode(
                purpose: try row[0],
                user: try row[1],
                sealed: try row[2],
                known: OneTimeCode.Known(
                    hash: try row[3],
                    tries: try row[4],
                    expiresAt: try row[5],
                    isUsed: try row[6]
                )
            )
        }
    }

    static func countTry(
        _ purpose: CodePurpose,
        address: [UInt8],
        clinic: ClinicID,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update one_time_codes set tries = tries + 1
            where clinic_id = \(clinic) and purpose = \(purpose.rawValue) and address_hash = \(address)
            """
        )
    }

    static func use(
        _ purpose: CodePurpose,
        address: [UInt8],
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update one_time_codes set used_at = \(now), sealed = null
            where clinic_id = \(clinic) and purpose = \(purpose.rawValue) and address_hash = \(address)
            """
        )
    }

    /// Drops codes whose time is over.
    ///
    /// Through the installation's door.
    static func forget(limit: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from one_time_codes where ctid in
                (select ctid from one_time_codes where expires_at < now() limit \(limit))
            """
        ).affected
    }
}

/// The table `code_requests`; through the installation's door.
enum CodeRequestStore {
    /// Counts a request; `false` when there have been too many in the limit's window.
    static func count(
        _ subject: [UInt8],
        _ limit: CodeLimit,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let rows = try tx.rows(
            """
            insert into code_requests as r (subject, since, until, requests)
            values (\(subject), \(now), \(now + limit.window), 1)
            on conflict (subject) do update set
                since = case when r.until <= \(now) then excluded.since else r.since end,
                until = case when r.until <= \(now) then excluded.until else r.until end,
                requests = case when r.until <= \(now) then 1 else r.requests + 1 end
            returning requests
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        let requests: Int = try row[0]
        return requests <= limit.requests
    }

    /// Drops counts whose window is over.
    static func forget(limit: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from code_requests where ctid in (select ctid from code_requests where until < now() limit \(limit))
            """
        ).affected
    }
}
