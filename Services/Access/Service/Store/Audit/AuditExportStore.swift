import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// A bundle that was asked for.
struct StoredExport: Sendable {
    enum Status: String, Column { case pending, ready, failed }

    var id: AuditExportID
    var filter: AuditFilter
    var status: Status
    /// The size of the log when it was asked for.
    var logSize: Int64
    var size: Int64?
    var count: Int64?
    var bytes: Int64?
    var createdAt: Instant
    var expiresAt: Instant

    func export(at now: Instant) -> AuditExport {
        AuditExport(
            id: id,
            status: expiresAt <= now ? .expired : AuditExport.Status(rawValue: status.rawValue) ?? .failed,
            from: filter.from,
            to: filter.to,
            filters: filter.fields == AuditFilters() ? nil : filter.fields,
            size: size,
            entries: count,
            createdAt: createdAt,
            expiresAt: expiresAt
        )
    }
}

/// The table `audit_exports`.
enum AuditExportStore {
    /// How long a bundle can be fetched.
    static let lifetime: Duration = .seconds(7 * 24 * 3_600)

    private static let columns: Query =
        "id, from_at, to_at, filters, status, log_size, size, entry_count, entry_bytes, created_at, expires_at"

    static func insert(
        _ export: StoredExport,
        of clinic: ClinicID,
        by actor: String,
        in tx: borrowing Transaction
    ) throws {
        tx.execute(
            """
            insert into audit_exports (clinic_id, id, requested_by, from_at, to_at, filters, status, log_size, created_at,
                expires_at)
            values (\(clinic), \(export.id), \(actor), \(export.filter.from), \(export.filter.to),
                \(JSONColumn(try JSONWriter.encode(export.filter.fields))), 'pending', \(export.logSize), \(export.createdAt),
                \(export.expiresAt))
            """
        )
    }

    static func find(_ id: AuditExportID, of clinic: ClinicID, in tx: borrowing Transaction) throws -> StoredExport? {
        try tx.rows("select \(columns) from audit_exports where clinic_id = \(clinic) and id = \(id)").first.map(decode)
    }

    /// Exports, newest first.
    static func list(
        of clinic: ClinicID,
        order: TimeOrder,
        after last: AuditExportID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredExport] {
        var query: Query = "select \(columns) from audit_exports where clinic_id = \(clinic)"
        query += order.page(of: "id", behind: last, limit: limit)
        return try tx.rows(query).map(decode)
    }

    static func complete(
        _ id: AuditExportID,
        of clinic: ClinicID,
        size: Int64,
        count: Int64,
        bytes: Int64,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update audit_exports set status = 'ready', size = \(size), entry_count = \(count), entry_bytes = \(bytes)
            where clinic_id = \(clinic) and id = \(id) and status = 'pending'
            """
        )
    }

    /// Clinic's bundles that can be fetched.
    static func ready(of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws -> [StoredExport] {
        try tx.rows(
            """
            select \(columns) from audit_exports
            where clinic_id = \(clinic) and status = 'ready' and expires_at > \(now) order by id
            """
        ).map(decode)
    }

    /// Notes anew what a ready bundle's entries amount to.
    static func remeasure(
        _ id: AuditExportID,
        of clinic: ClinicID,
        count: Int64,
        bytes: Int64,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update audit_exports set entry_count = \(count), entry_bytes = \(bytes)
            where clinic_id = \(clinic) and id = \(id) and status = 'ready'
            """
        )
    }

    static func fail(_ id: AuditExportID, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            update audit_exports set status = 'failed'
            where clinic_id = \(clinic) and id = \(id) and status = 'pending'
            """
        )
    }

    private static func decode(_ row: Row) throws -> StoredExport {
        let fields: JSONColumn? = try row[3]
        let filter = AuditFilter(
            from: try row[1],
            to: try row[2],
            fields: try fields.map { try JSONTape($0.json).decode(AuditFilters.self) } ?? AuditFilters()
        )
        return StoredExport(
            id: try row[0],
            filter: filter,
            status: try row[4],
            logSize: try row[5],
            size: try row[6],
            count: try row[7],
            bytes: try row[8],
            createdAt: try row[9],
            expiresAt: try row[10]
        )
    }
}
