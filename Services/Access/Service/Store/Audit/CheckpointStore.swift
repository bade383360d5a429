import AccessAPI
import AuditLog
import Core
import Postgres

/// A signed checkpoint as it is stored.
struct StoredCheckpoint: Sendable {
    var size: Int64
    var root: TreeHash
    /// Read with the lines of the witnesses that cosigned it by then.
    var note: String
    var signedAt: Instant
}

/// The tables `audit_checkpoints` and `audit_heads`.
enum CheckpointStore {
    private static let columns: Query = """
        c.size, c.root, c.note || coalesce((select string_agg(s.line, '' order by s.witness) from audit_cosignatures as s
            where s.clinic_id = c.clinic_id and s.size = c.size), '') as note, c.signed_at
        """

    /// The newest one, or the newest of at most `size` entries.
    static func newest(
        of clinic: ClinicID,
        upTo size: Int64 = .max,
        in tx: borrowing Transaction
    ) throws -> StoredCheckpoint? {
        let rows = try tx.rows(
            """
            select \(columns) from audit_checkpoints as c
            where c.clinic_id = \(clinic) and c.size <= \(size) order by c.size desc limit 1
            """
        )
        return try rows.first.map(decode)
    }

    static func exists(size: Int64, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows("select from audit_checkpoints where clinic_id = \(clinic) and size = \(size)")
        return !rows.isEmpty
    }

    /// Checkpoints by size, from `start` to `end`, those behind the size `last`.
    static func list(
        of clinic: ClinicID,
        from start: Int64,
        to end: Int64,
        order: CheckpointOrder = .smallestFirst,
        behind last: Int64? = nil,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredCheckpoint] {
        var query: Query = """
            select \(columns) from audit_checkpoints as c
            where c.clinic_id = \(clinic) and c.size >= \(start) and c.size <= \(end)
            """
        switch order {
        case .smallestFirst: query += " and c.size > \(last ?? -1) order by c.size"
        case .largestFirst: query += " and c.size < \(last ?? .max) order by c.size desc"
        }
        query += " limit \(limit)"
        return try tx.rows(query).map(decode)
    }

    /// Every `step`th checkpoint of fewer than `size` entries, from behind `after` on.
    static func sample(
        of clinic: ClinicID,
        below size: Int64,
        after: Int64,
        step: Int64,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredCheckpoint] {
        let rows = try tx.rows(
            """
            select \(columns) from (
                select *, row_number() over (order by size) as place
                from audit_checkpoints where clinic_id = \(clinic) and size < \(size)) as c
            where c.place % \(step) = 0 and c.size > \(after) order by c.size limit \(limit)
            """
        )
        return try rows.map(decode)
    }

    static func count(of clinic: ClinicID, below size: Int64, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            "select count(*) from audit_checkpoints where clinic_id = \(clinic) and size < \(size)"
        )
        return try rows.first.map { try $0[0] } ?? 0
    }

    static func insert(_ checkpoint: StoredCheckpoint, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into audit_checkpoints (clinic_id, size, root, note, signed_at)
            values (\(clinic), \(checkpoint.size), \(checkpoint.root.bytes), \(checkpoint.note), \(checkpoint.signedAt))
            on conflict do nothing
            """
        )
        tx.execute(
            """
            update audit_heads set signed_size = \(checkpoint.size), signed_at = \(checkpoint.signedAt)
            where clinic_id = \(clinic)
            """
        )
    }

    /// Logs with entries that no checkpoint covers, the longest unsigned first.
    ///
    /// Through the sequencer's door.
    static func unsigned(limit: Int, in tx: borrowing Transaction) throws -> [ClinicID] {
        let rows = try tx.rows(
            """
            select clinic_id from audit_heads where size > signed_size order by signed_at nulls first limit \(limit)
            """
        )
        return try rows.map { try $0[0] }
    }

    private static func decode(_ row: Row) throws -> StoredCheckpoint {
        let size: Int64 = try row[0]
        guard let root = TreeHash(bytes: try row[1] as [UInt8]) else { throw AuditLogFault.inconsistent(size: size) }
        return StoredCheckpoint(size: size, root: root, note: try row[2], signedAt: try row[3])
    }
}
