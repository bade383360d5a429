import AppointmentsAPI
import Contracts
import Core
import Postgres

/// The tables `weekly_hours`, `exceptions` and `exception_hours`.
enum HoursStore {
    /// A doctor's hours as they were set, with the zones of the locations named.
    struct Stored: Sendable {
        var weekly: [WeeklyHours] = []
        var exceptions: [DayException] = []
        var zones: [LocationID: TimeZoneName] = [:]
    }

    /// The hours of active doctors, exceptions from `dates` alone; hours at removed locations are left out.
    ///
    /// - Parameter doctor: One doctor alone.
    static func find(
        of clinic: ClinicID,
        doctor: DoctorID? = nil,
        active: Bool = false,
        dates: ClosedRange<CalendarDate>? = nil,
        in tx: borrowing Transaction
    ) throws -> [DoctorID: Stored] {
        let whose: Query = doctor.map { " and h.doctor_id = \($0)" } ?? ""
        let during: Query = dates.map { " and h.date between \($0.lowerBound) and \($0.upperBound)" } ?? ""
        let doctors: Query = """
            join doctors as d on d.clinic_id = h.clinic_id and d.id = h.doctor_id and d.deleted_at is null
            \(active ? " and d.active" : "" as Query)
            """
        let places: Query = "locations as l on l.clinic_id = h.clinic_id and l.id = h.location_id and not l.deleted"
        let rows = try tx.rows(
            """
            select h.doctor_id, h.location_id, l.time_zone, h.weekday, null::date, h.from_minute, h.to_minute
            from weekly_hours as h \(doctors) join \(places) where h.clinic_id = \(clinic)\(whose)
            union all
            select h.doctor_id, x.location_id, l.time_zone, null, h.date, x.from_minute, x.to_minute
            from exceptions as h \(doctors)
            left join (exception_hours as x join locations as l
                on l.clinic_id = x.clinic_id and l.id = x.location_id and not l.deleted)
                on x.clinic_id = h.clinic_id and x.doctor_id = h.doctor_id and x.date = h.date
            where h.clinic_id = \(clinic)\(whose)\(during)
            order by 1, 4, 5, 6
            """
        )
        var found: [DoctorID: Stored] = [:]
        for row in rows { try add(row, to: &found) }
        return found
    }

    private static func add(_ row: Row, to found: inout [DoctorID: Stored]) throws {
        let doctor: DoctorID = try row[0]
        var stored = found[doctor] ?? Stored()
        let location: LocationID? = try row[1]
        let from = try minute(row, 5)
        let to = try minute(row, 6)
        if let location { stored.zones[location] = try row[2] }
        if let number: Int = try row[3], let weekday = Weekday(isoNumber: number), let location, let from, let to {
            stored.weekly.append(WeeklyHours(weekday: weekday, locationId: location, from: from, to: to))
        } else if let date: CalendarDate = try row[4] {
            if stored.exceptions.last?.date != date { stored.exceptions.append(DayException(date: date, hours: [])) }
            if let location, let from, let to {
                let hours = DayHours(locationId: location, from: from, to: to)
                stored.exceptions[stored.exceptions.count - 1].hours.append(hours)
            }
        }
        found[doctor] = stored
    }

    private static func minute(_ row: Row, _ column: Int) throws -> TimeOfDay? {
        let minutes: Int? = try row[column]
        return minutes.flatMap { TimeOfDay(minutes: $0) }
    }

    /// Puts the hours in the place of all that the caller may change.
    static func replace(_ draft: AvailabilityDraft, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute("delete from exceptions where clinic_id = \(clinic) and doctor_id = \(draft.id)")
        tx.execute("delete from weekly_hours where clinic_id = \(clinic) and doctor_id = \(draft.id)")
        for hours in draft.weekly {
            tx.execute(
                """
                insert into weekly_hours (clinic_id, doctor_id, location_id, weekday, from_minute, to_minute)
                values (\(clinic), \(draft.id), \(hours.locationId), \(hours.weekday.isoNumber), \(hours.from.minutes),
                    \(hours.to.minutes))
                """
            )
        }
        for exception in draft.exceptions ?? [] {
            tx.execute(
                "insert into exceptions (clinic_id, doctor_id, date) values (\(clinic), \(draft.id), \(exception.date))"
            )
            for hours in exception.hours {
                tx.execute(
                    """
                    insert into exception_hours (clinic_id, doctor_id, location_id, date, from_minute, to_minute)
                    values (\(clinic), \(draft.id), \(hours.locationId), \(exception.date), \(hours.from.minutes),
                        \(hours.to.minutes))
                    """
                )
            }
        }
    }

    /// When and how often the hours were set; `nil` without such a doctor, or one the caller may not change.
    static func version(
        of doctor: DoctorID,
        of clinic: ClinicID,
        forUpdate: Bool,
        in tx: borrowing Transaction
    ) throws -> (version: Int64, updatedAt: Instant)? {
        let rows = try tx.rows(
            """
            select hours_version, coalesce(hours_updated_at, created_at) from doctors
            where clinic_id = \(clinic) and id = \(doctor) and deleted_at is null\(forUpdate ? " for no key update" : "" as Query)
            """
        )
        return try rows.first.map { (version: try $0[0], updatedAt: try $0[1]) }
    }

    static func raiseVersion(of doctor: DoctorID, of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) {
        tx.execute(
            """
            update doctors set hours_version = hours_version + 1, hours_updated_at = \(now)
            where clinic_id = \(clinic) and id = \(doctor)
            """
        )
    }
}
