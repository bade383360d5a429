import AppointmentsAPI
import Core
import Postgres

/// What a booking is decided on, in one round trip.
struct BookingFacts: Sendable {
    /// `nil` without such a doctor.
    var isDoctorActive: Bool?
    /// Whether there is such a patient within the caller's reach.
    var isPatientKnown: Bool
    var service: BookedService?

    /// A visit type's terms.
    struct BookedService: Sendable {
        var terms: VisitTerms
        var price: Money
        var kinds: [VisitKind]
        var isActive: Bool
    }
}

/// Reads over several tables for a booking.
enum BookingStore {
    static func facts(
        doctor: DoctorID,
        patient: PatientID,
        service: VisitTypeID,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> BookingFacts {
        let rows = try tx.rows(
            """
            select d.active, p.id is not null, s.active, s.minutes, s.buffer_before, s.buffer_after, s.price_amount,
                s.price_currency, s.kinds
            from (select) as one
            left join doctors as d on d.clinic_id = \(clinic) and d.id = \(doctor) and d.deleted_at is null
            left join patients as p on p.clinic_id = \(clinic) and p.id = \(patient) and p.deleted_at is null
            left join services as s on s.clinic_id = \(clinic) and s.id = \(service) and s.deleted_at is null
            """
        )
        guard let row = rows.first else { return BookingFacts(isPatientKnown: false) }
        var facts = BookingFacts(isDoctorActive: try row[0], isPatientKnown: try row[1])
        if let isActive: Bool = try row[2] {
            let kinds: [String] = try row[8]
            facts.service = BookingFacts.BookedService(
                terms: VisitTerms(minutes: try row[3], bufferBefore: try row[4], bufferAfter: try row[5]),
                price: Money(amount: try row[6], currency: try row[7]),
                kinds: kinds.compactMap(VisitKind.init(rawValue:)),
                isActive: isActive
            )
        }
        return facts
    }
}
