import Core
import Postgres

/// The table `reservations`: time that is taken.
enum ReservationStore {
    /// Nothing is reserved for longer; the table checks it.
    static let longest: Duration = .seconds(24 * 3_600)

    /// Waits until nobody else takes or moves time of this doctor, to the end of the transaction.
    ///
    /// The exclusion constraint guards; without this lock, contenders for one slot would deadlock in its index.
    static func lock(_ doctor: DoctorID, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute("select pg_advisory_xact_lock(hashtextextended(\("\(clinic)/\(doctor)"), 0))")
    }

    /// Takes time; `false` when some of it is taken, or the doctor is gone since they were looked up.
    static func take(
        _ time: Range<Instant>,
        of doctor: DoctorID,
        id: AppointmentID,
        clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let rows = try tx.rows(
            """
            insert into reservations (clinic_id, id, resource_id, during)
            select clinic_id, \(id), id, tstzrange(\(time.lowerBound), \(time.upperBound), '[)') from doctors
            where clinic_id = \(clinic) and id = \(doctor) and deleted_at is null
            on conflict do nothing
            """
        )
        return rows.affected == 1
    }

    /// Moves a visit's taken time; `false` when some of the new time is another's.
    ///
    /// Nobody else takes time of the doctor meanwhile: see `lock`.
    static func move(
        _ id: AppointmentID,
        of doctor: DoctorID,
        to time: Range<Instant>,
        clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let rows = try tx.rows(
            """
            update reservations set during = tstzrange(\(time.lowerBound), \(time.upperBound), '[)')
            where clinic_id = \(clinic) and id = \(id) and not exists (
                select from reservations as r
                where r.clinic_id = \(clinic) and r.resource_id = \(doctor) and r.released is false and r.id <> \(id)
                    and r.starts_at > \(time.lowerBound - longest) and r.starts_at < \(time.upperBound)
                    and r.ends_at > \(time.lowerBound))
            """
        )
        return rows.affected == 1
    }

    static func release(_ id: AppointmentID, clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute("update reservations set released = true where clinic_id = \(clinic) and id = \(id)")
    }

    /// Taken time that touches the range, by doctor and in order.
    static func taken(
        _ range: Range<Instant>,
        of doctors: [DoctorID],
        clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [DoctorID: [Range<Instant>]] {
        let rows = try tx.rows(
            """
            select resource_id, starts_at, ends_at from reservations
            where clinic_id = \(clinic) and resource_id = any(\(doctors)) and released is false
                and starts_at > \(range.lowerBound - longest) and starts_at < \(range.upperBound)
                and ends_at > \(range.lowerBound)
            order by starts_at
            """
        )
        var taken: [DoctorID: [Range<Instant>]] = [:]
        for row in rows {
            let start: Instant = try row[1]
            taken[try row[0], default: []].append(start..<(try row[2]))
        }
        return taken
    }
}
