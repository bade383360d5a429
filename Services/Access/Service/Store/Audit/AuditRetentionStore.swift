import AccessAPI
import Core
import Postgres

/// The table `audit_retention`, and the one way to blank entries.
enum AuditRetentionStore {
    /// What a clinic has set; the usual six years at version 0 where it has not.
    static func find(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> (days: Int, version: Int64) {
        let rows = try tx.rows("select days::bigint, version from audit_retention where clinic_id = \(clinic)")
        return try rows.first.map { (try $0[0], try $0[1]) } ?? (AuditRetention.longestDays, 0)
    }

    /// Sets it; gives the new version.
    static func set(_ days: Int, of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            insert into audit_retention (clinic_id, days, version, updated_at) values (\(clinic), \(days), 1, \(now))
            on conflict (clinic_id) do update set days = excluded.days, version = audit_retention.version + 1,
                updated_at = excluded.updated_at
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// Blanks the oldest entries of the transaction's clinic that are past their time; returns how many.
    static func blank(most: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows("select blank_audit_entries(\(most)::integer)::bigint").first.map { try $0[0] } ?? 0
    }
}
