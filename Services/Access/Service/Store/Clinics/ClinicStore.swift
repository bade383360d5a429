import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// A clinic with the version of its row.
struct StoredClinic: Sendable {
    var clinic: Clinic
    var version: Int64
}

/// The table `clinics`.
enum ClinicStore {
    private static let columns: Query = """
        clinic_id, slug, name, time_zone, currency, country, locale, branding, status, created_at, updated_at, version
        """

    static func insert(_ clinic: Clinic, policyVersion: Int64, in tx: borrowing Transaction) throws {
        let branding = try clinic.branding.map { JSONColumn(try JSONWriter.encode($0)) }
        tx.execute(
            """
            insert into clinics (clinic_id, slug, name, time_zone, currency, country, locale, branding, status,
                policy_version, created_at, updated_at)
            values (\(clinic.id), \(clinic.slug), \(clinic.name), \(clinic.timeZone), \(clinic.currency),
                \(clinic.country), \(clinic.locale), \(branding), \(clinic.status.rawValue), \(policyVersion),
                \(clinic.createdAt), \(clinic.updatedAt))
            """
        )
        try tx.flush()
    }

    /// The clinic, locked against other changes of it until the end of the transaction.
    static func lock(_ id: ClinicID, in tx: borrowing Transaction) throws -> StoredClinic? {
        try tx.rows("select \(columns) from clinics where clinic_id = \(id) for update").first.map(decode)
    }

    static func find(_ id: ClinicID, in tx: borrowing Transaction) throws -> StoredClinic? {
        try tx.rows("select \(columns) from clinics where clinic_id = \(id)").first.map(decode)
    }

    /// The clinic of a public name, or of an id.
    ///
    /// Through the installation's door.
    static func find(_ id: ClinicID?, slug: Slug?, in tx: borrowing Transaction) throws -> StoredClinic? {
        try tx.rows("select \(columns) from clinics where clinic_id = \(id) or slug = \(slug)").first.map(decode)
    }

    static func update(_ clinic: Clinic, policyVersion: Int64, in tx: borrowing Transaction) throws -> Int64 {
        let branding = try clinic.branding.map { JSONColumn(try JSONWriter.encode($0)) }
        let rows = try tx.rows(
            """
            update clinics set slug = \(clinic.slug), name = \(clinic.name), time_zone = \(clinic.timeZone),
                currency = \(clinic.currency), country = \(clinic.country), locale = \(clinic.locale),
                branding = \(branding), status = \(clinic.status.rawValue), updated_at = \(clinic.updatedAt),
                policy_version = \(policyVersion), version = version + 1
            where clinic_id = \(clinic.id)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// Clinics in the order of their ids; `only` limits them to these.
    ///
    /// Through the installation's door.
    static func list(
        only: [ClinicID]?,
        word: String? = nil,
        order: TimeOrder = .oldestFirst,
        after: ClinicID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredClinic] {
        var query: Query = "select \(columns) from clinics where true"
        if let only { query += " and clinic_id = any(\(only))" }
        if let word {
            let pattern = LikePattern.containing(word)
            query += " and (name ilike \(pattern) or slug ilike \(pattern))"
        }
        query += order.page(of: "clinic_id", behind: after, limit: limit)
        return try tx.rows(query).map(decode)
    }

    private static func decode(_ row: Row) throws -> StoredClinic {
        let branding: JSONColumn? = try row[7]
        let clinic = Clinic(
            id: try row[0],
            slug: try row[1],
            name: try row[2],
            timeZone: try row[3],
            currency: try row[4],
            country: try row[5],
            locale: try row[6],
            branding: try branding.map { try JSONTape($0.json).decode(Branding.self) },
            status: try row[8],
            createdAt: try row[9],
            updatedAt: try row[10]
        )
        return StoredClinic(clinic: clinic, version: try row[11])
    }
}

extension Clinic.Status: Column {}
