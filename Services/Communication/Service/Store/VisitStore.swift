import AppointmentsAPI
import CommunicationAPI
import Core
import Postgres

/// A visit as the calendar told of it last.
struct KnownVisit: Sendable, Equatable {
    var isUpcoming: Bool
    /// What there is to say of it, in the words of a reminder.
    var notice: VisitNotice
}

/// The tables `known_visits` and `visit_reminders`, in transactions that are opened for the clinic.
enum VisitStore {
    /// Keeps a visit's state unless a later one is known; `false` when one is.
    static func keep(_ visit: AppointmentState, version: Int64, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            insert into known_visits (clinic_id, id, version, patient_id, location_id, doctor_id, service_id, status, starts_at,
                local_start, time_zone)
            values (clinic_id(), \(visit.id), \(version), \(visit.patientId), \(visit.locationId), \(visit.doctorId),
                \(visit.serviceId), \(visit.status.rawValue), \(visit.start), \(visit.localStart), \(visit.timeZone.name))
            on conflict (clinic_id, id) do update set version = excluded.version, patient_id = excluded.patient_id,
                location_id = excluded.location_id, doctor_id = excluded.doctor_id, service_id = excluded.service_id,
                status = excluded.status, starts_at = excluded.starts_at, local_start = excluded.local_start,
                time_zone = excluded.time_zone
            where known_visits.version <= excluded.version
            """
        )
        return rows.affected == 1
    }

    /// How a visit stands that is about to be told of anew; nobody speaks of it meanwhile.
    static func lock(_ id: AppointmentID, in tx: borrowing Transaction) throws -> VisitStanding? {
        try standing(id, "for update", in: tx)
    }

    /// How a visit stands, and stands until the transaction ends: what is said of it is there when it changes.
    static func standing(_ id: AppointmentID, in tx: borrowing Transaction) throws -> VisitStanding? {
        try standing(id, "for share", in: tx)
    }

    private static func standing(
        _ id: AppointmentID,
        _ lock: Query,
        in tx: borrowing Transaction
    ) throws -> VisitStanding? {
        let rows = try tx.rows(
            "select status, starts_at from known_visits where clinic_id = clinic_id() and id = \(id) \(lock)"
        )
        guard let row = rows.first else { return nil }
        let status: String = try row[0]
        return VisitStanding(isCancelled: status == AppointmentStatus.cancelled.rawValue, start: try row[1])
    }

    /// For how long after it has begun people speak of a visit that they were told of.
    private static let spokenOf: Duration = .seconds(6 * 3_600)

    /// Whether somebody who speaks of a visit can mean one: that which they were told of, cancelled or not, unless it is known to
    /// be over, or one of their own that is to come.
    static func isAwaited(
        _ visit: AppointmentID?,
        by patients: [PatientID],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let upcoming = AppointmentStatus.upcoming.map(\.rawValue)
        let rows = try tx.rows(
            """
            select exists (select from known_visits where clinic_id = clinic_id() and starts_at > \(now)
                    and status = any (\(upcoming)) and patient_id = any (\(patients)))
                or exists (select from known_visits where clinic_id = clinic_id() and id = \(visit)
                    and starts_at > \(now - spokenOf))
                or (\(visit)::uuid is not null
                    and not exists (select from known_visits where clinic_id = clinic_id() and id = \(visit)))
            """
        )
        guard let row = rows.first else { return false }
        return try row[0]
    }

    /// Those of some visits that are not known to be called off, or to have begun so long ago that nobody speaks of them.
    static func notOver(
        _ visits: [AppointmentID],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Set<AppointmentID> {
        let rows = try tx.rows(
            """
            select id from known_visits where clinic_id = clinic_id() and id = any (\(visits))
                and (status = \(AppointmentStatus.cancelled.rawValue) or starts_at <= \(now - spokenOf))
            """
        )
        let over: [AppointmentID] = try rows.map { try $0[0] }
        return Set(visits).subtracting(over)
    }

    /// A visit, for a reminder of it; it stands so until the transaction ends.
    static func find(
        _ id: AppointmentID,
        for reminder: ReminderTime,
        in tx: borrowing Transaction
    ) throws -> KnownVisit? {
        let rows = try tx.rows(
            """
            select patient_id, doctor_id, service_id, status, starts_at, local_start, time_zone from known_visits
            where clinic_id = clinic_id() and id = \(id) for share
            """
        )
        guard let row = rows.first else { return nil }
        let status: String = try row[3]
        return KnownVisit(
            isUpcoming: AppointmentStatus.upcoming.contains { $0.rawValue == status },
            notice: VisitNotice(
                template: reminder.template,
                appointment: id,
                patient: try row[0],
                doctor: try row[1],
                service: try row[2],
                localStart: try row[5],
                timeZone: try row[6],
                start: try row[4]
            )
        )
    }

    /// Takes the right to leave the jobs of reminders; gives those for which nobody has taken it before.
    static func claim(
        _ reminders: [ReminderTime],
        of visit: AppointmentID,
        at start: Instant,
        in tx: borrowing Transaction
    ) throws -> Set<ReminderTime> {
        guard !reminders.isEmpty else { return [] }
        let rows = try tx.rows(
            """
            insert into visit_reminders (clinic_id, visit_id, starts_at, reminder)
            select clinic_id(), \(visit), \(start), name from unnest(\(reminders.map(\.rawValue))) as r (name)
            on conflict do nothing returning reminder
            """
        )
        return Set(
            try rows.compactMap { row in
                let name: String = try row[0]
                return ReminderTime(rawValue: name)
            }
        )
    }
}
