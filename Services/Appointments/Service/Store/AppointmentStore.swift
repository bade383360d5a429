import AppointmentsAPI
import Core
import Postgres

/// The table `appointments`; row-level security keeps to the caller's reach.
enum AppointmentStore {
    private static let columns: Query = """
        id, doctor_id, patient_id, service_id, location_id, kind, status, starts_at, ends_at, minutes, time_zone,
        to_char(local_start, 'YYYY-MM-DD"T"HH24:MI'), price_amount, price_currency, notes, cancelled_at, cancel_reason,
        created_at, updated_at, version, patient_confirmed_at
        """

    /// Adds a visit and notes that the doctor treats the patient.
    static func insert(_ visit: Appointment, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into appointments (clinic_id, id, doctor_id, patient_id, service_id, location_id, kind, status, starts_at,
                ends_at, minutes, time_zone, local_start, price_amount, price_currency, notes, created_at, updated_at)
            values (\(clinic), \(visit.id), \(visit.doctorId), \(visit.patientId), \(visit.serviceId), \(visit.locationId),
                \(visit.kind.rawValue), \(visit.status.rawValue), \(visit.start), \(visit.end), \(visit.minutes), \(visit.timeZone),
                \(visit.localStart)::timestamp, \(visit.price.amount), \(visit.price.currency), \(visit.notes),
                \(visit.createdAt), \(visit.updatedAt))
            """
        )
        tx.execute(
            """
            insert into treatments (clinic_id, doctor_id, patient_id)
            values (\(clinic), \(visit.doctorId), \(visit.patientId)) on conflict do nothing
            """
        )
    }

    static func find(
        _ id: AppointmentID,
        of clinic: ClinicID,
        forUpdate: Bool = false,
        in tx: borrowing Transaction
    ) throws -> Versioned<Appointment>? {
        let rows = try tx.rows(
            """
            select \(columns) from appointments where clinic_id = \(clinic) and id = \(id)\
            \(forUpdate ? " for no key update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    /// Keeps what can change of a visit that was found `forUpdate`; gives its new version.
    static func update(_ visit: Appointment, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Int64? {
        let rows = try tx.rows(
            """
            update appointments set status = \(visit.status.rawValue), location_id = \(visit.locationId),
                starts_at = \(visit.start), ends_at = \(visit.end), time_zone = \(visit.timeZone),
                local_start = \(visit.localStart)::timestamp, cancelled_at = \(visit.cancellation?.at),
                cancel_reason = \(visit.cancellation?.reason), patient_confirmed_at = \(visit.patientConfirmedAt),
                updated_at = \(visit.updatedAt), version = version + 1
            where clinic_id = \(clinic) and id = \(visit.id) returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    /// What a list asks for; times are bounds of the visit.
    struct Filter: Sendable {
        var doctor: DoctorID?
        var patient: PatientID?
        var service: VisitTypeID?
        var location: LocationID?
        var statuses: [AppointmentStatus]?
        var endsAfter: Instant?
        var startsBefore: Instant?
        var order = VisitOrder.earliestFirst
    }

    /// Visits behind the last one shown.
    static func list(
        _ filter: Filter,
        of clinic: ClinicID,
        after: (start: Instant, id: AppointmentID)?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [Appointment] {
        var query: Query = "select \(columns) from appointments where clinic_id = \(clinic)"
        if let doctor = filter.doctor { query += " and doctor_id = \(doctor)" }
        if let patient = filter.patient { query += " and patient_id = \(patient)" }
        if let service = filter.service { query += " and service_id = \(service)" }
        if let location = filter.location { query += " and location_id = \(location)" }
        if let statuses = filter.statuses { query += " and status = any(\(statuses.map(\.rawValue)))" }
        if let bound = filter.endsAfter { query += " and ends_at > \(bound)" }
        if let bound = filter.startsBefore { query += " and starts_at < \(bound)" }
        switch filter.order {
        case .earliestFirst:
            if let after { query += " and (starts_at, id) > (\(after.start), \(after.id))" }
            query += " order by starts_at, id limit \(count)"
        case .latestFirst:
            if let after { query += " and (starts_at, id) < (\(after.start), \(after.id))" }
            query += " order by starts_at desc, id desc limit \(count)"
        }
        return try tx.rows(query).map { try decode($0).value }
    }

    /// Whether a visit that matches is still to come.
    static func hasUpcoming(_ filter: Filter, of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws
        -> Bool
    {
        var filter = filter
        filter.endsAfter = now
        filter.statuses = AppointmentStatus.upcoming
        return try !list(filter, of: clinic, after: nil, count: 1, in: tx).isEmpty
    }

    /// The next visits of these patients that have not begun, earliest first.
    static func upcoming(
        of patients: [PatientID],
        clinic: ClinicID,
        after now: Instant,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [Appointment] {
        let rows = try tx.rows(
            """
            select \(columns) from appointments
            where clinic_id = \(clinic) and patient_id = any(\(patients)) and starts_at > \(now)
                and status = any(\(AppointmentStatus.upcoming.map(\.rawValue)))
            order by starts_at, id limit \(count)
            """
        )
        return try rows.map { try decode($0).value }
    }

    /// Every visit of the transaction's clinic, in the order of their ids.
    static func all(
        after: AppointmentID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [Versioned<Appointment>] {
        var query: Query = "select \(columns) from appointments where clinic_id = clinic_id()"
        if let after { query += " and id > \(after)" }
        query += " order by id limit \(limit)"
        return try tx.rows(query).map(decode)
    }

    private static func decode(_ row: Row) throws -> Versioned<Appointment> {
        let cancelledAt: Instant? = try row[15]
        let reason: String? = try row[16]
        return Versioned(
            value: Appointment(
                id: try row[0],
                doctorId: try row[1],
                patientId: try row[2],
                serviceId: try row[3],
                locationId: try row[4],
                kind: try row[5],
                status: try row[6],
                start: try row[7],
                end: try row[8],
                minutes: try row[9],
                timeZone: try row[10],
                localStart: try row[11],
                price: Money(amount: try row[12], currency: try row[13]),
                notes: try row[14],
                cancellation: cancelledAt.map { Cancellation(at: $0, reason: reason) },
                patientConfirmedAt: try row[20],
                createdAt: try row[17],
                updatedAt: try row[18]
            ),
            version: try row[19]
        )
    }
}
