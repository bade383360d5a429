import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// A location with the version of its row.
struct StoredLocation: Sendable {
    var location: Location
    var version: Int64
}

/// The table `locations`.
///
/// Removed ones stay as rows and are not seen.
enum LocationStore {
    private static let columns: Query =
        "id, clinic_id, name, time_zone, address, phone, created_at, updated_at, version"

    static func insert(_ location: Location, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into locations (clinic_id, id, name, time_zone, address, phone, created_at, updated_at)
            values (\(location.clinicId), \(location.id), \(location.name), \(location.timeZone),
                \(try encode(location.address)), \(location.phone), \(location.createdAt), \(location.updatedAt))
            """
        )
    }

    /// A location that is there; `forUpdate` keeps others from changing it until the end of the transaction.
    static func find(
        _ id: LocationID,
        of clinic: ClinicID,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredLocation? {
        let rows = try tx.rows(
            """
            select \(columns) from locations where clinic_id = \(clinic) and id = \(id) and deleted_at is null\
            \(forUpdate ? " for update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    static func update(_ location: Location, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            update locations set name = \(location.name), time_zone = \(location.timeZone),
                address = \(try encode(location.address)), phone = \(location.phone),
                updated_at = \(location.updatedAt), version = version + 1
            where clinic_id = \(location.clinicId) and id = \(location.id)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    static func remove(_ location: Location, at now: Instant, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            update locations set deleted_at = \(now), updated_at = \(now), version = version + 1
            where clinic_id = \(location.clinicId) and id = \(location.id)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// Locations that are there, or those removed, in the order of their ids; `only` limits them to these.
    static func list(
        of clinic: ClinicID,
        only: [LocationID]? = nil,
        removed: Bool = false,
        order: TimeOrder = .oldestFirst,
        after: LocationID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredLocation] {
        var query: Query =
            "select \(columns) from locations where clinic_id = \(clinic) and (deleted_at is not null) = \(removed)"
        if let only { query += " and id = any(\(only))" }
        query += order.page(of: "id", behind: after, limit: limit)
        return try tx.rows(query).map(decode)
    }

    /// Those of the ids that are no locations of the clinic.
    static func unknown(_ ids: [LocationID], in clinic: ClinicID, tx: borrowing Transaction) throws -> Set<LocationID> {
        if ids.isEmpty { return [] }
        let rows = try tx.rows(
            "select id from locations where clinic_id = \(clinic) and id = any(\(ids)) and deleted_at is null"
        )
        return Set(ids).subtracting(try rows.map { try $0[0] })
    }

    private static func encode(_ address: PostalAddress?) throws -> JSONColumn? {
        try address.map { JSONColumn(try JSONWriter.encode($0)) }
    }

    private static func decode(_ row: Row) throws -> StoredLocation {
        let address: JSONColumn? = try row[4]
        let location = Location(
            id: try row[0],
            clinicId: try row[1],
            name: try row[2],
            timeZone: try row[3],
            address: try address.map { try JSONTape($0.json).decode(PostalAddress.self) },
            phone: try row[5],
            createdAt: try row[6],
            updatedAt: try row[7]
        )
        return StoredLocation(location: location, version: try row[8])
    }
}
