import AccessAPI
import Contracts
import Core
import Postgres

/// The tables `clinics` and `locations`: what access tells of them.
enum ClinicStore {
    /// A location with what the calendar needs of it.
    struct Place: Sendable {
        var id: LocationID
        var timeZone: TimeZoneName
    }

    /// Keeps a clinic's state unless a later one is known.
    static func keep(_ clinic: Clinic, version: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into clinics as c (clinic_id, name, time_zone, currency, active, version)
            values (\(clinic.id), \(clinic.name), \(clinic.timeZone), \(clinic.currency), \(clinic.status == .active), \(version))
            on conflict (clinic_id) do update set name = excluded.name, time_zone = excluded.time_zone,
                currency = excluded.currency, active = excluded.active, version = excluded.version
            where c.version <= excluded.version
            """
        )
    }

    /// Keeps a location's state unless a later one is known.
    static func keep(_ location: Location, deleted: Bool, version: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into locations as l (clinic_id, id, name, time_zone, deleted, version)
            values (\(location.clinicId), \(location.id), \(location.name), \(location.timeZone), \(deleted), \(version))
            on conflict (clinic_id, id) do update set name = excluded.name, time_zone = excluded.time_zone,
                deleted = excluded.deleted, version = excluded.version
            where l.version <= excluded.version
            """
        )
    }

    /// The clinic's time zone; `nil` before access has told of the clinic.
    static func timeZone(of clinic: ClinicID, in tx: borrowing Transaction) throws -> TimeZoneName? {
        let rows = try tx.rows("select time_zone from clinics where clinic_id = \(clinic)")
        return try rows.first.map { try $0[0] }
    }

    /// Those of the locations that are known and not removed.
    static func places(
        _ ids: some Collection<LocationID>,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [Place] {
        guard !ids.isEmpty else { return [] }
        let rows = try tx.rows(
            """
            select id, time_zone from locations
            where clinic_id = \(clinic) and id = any(\(Array(ids))) and not deleted
            """
        )
        return try rows.map { Place(id: try $0[0], timeZone: try $0[1]) }
    }
}
