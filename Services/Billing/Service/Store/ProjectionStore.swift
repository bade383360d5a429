import Core
import Postgres

/// What other services told us and we need again.
enum ProjectionStore {
    static func keep(timeZone: TimeZoneName, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into clinics (clinic_id, time_zone) values (\(try tx.clinic), \(timeZone))
            on conflict (clinic_id) do update set time_zone = excluded.time_zone
            """
        )
    }

    /// The clinic's zone; `nil` as long as nobody has told.
    static func timeZone(in tx: borrowing Transaction) throws -> TimeZoneName? {
        try tx.rows("select time_zone from clinics where clinic_id = \(try tx.clinic)").first.map { row in try row[0] }
    }

    static func keep(visitType: VisitTypeID, name: String, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into visit_types (clinic_id, id, name) values (\(try tx.clinic), \(visitType), \(name))
            on conflict (clinic_id, id) do update set name = excluded.name
            """
        )
    }

    static func name(of visitType: VisitTypeID, in tx: borrowing Transaction) throws -> String? {
        let rows = try tx.rows("select name from visit_types where clinic_id = \(try tx.clinic) and id = \(visitType)")
        return try rows.first.map { row in try row[0] }
    }
}
