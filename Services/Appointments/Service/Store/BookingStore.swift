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
    /// Whether the time is taken already; that it is not says nothing about the next moment.
    var isTaken = false

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
    /// The outer bounds are constants, as only those may go into the index under row-level security.
    static func facts(
        _ draft: AppointmentDraft,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> BookingFacts {
        let rows = try tx.rows(
            """
            select d.active, p.id is not null, s.active, s.minutes, s.buffer_before, s.buffer_after, s.price_amount,
                s.price_currency, s.kinds, exists (
                    select from reservations as r
                    where r.clinic_id = \(clinic) and r.resource_id = \(draft.doctorId) and r.released is false
                        and r.starts_at between \(draft.start - ReservationStore.longest * 2)
                            and \(draft.start + ReservationStore.longest)
                        and r.starts_at < \(draft.start) + make_interval(mins => s.minutes + s.buffer_after)
                        and r.ends_at > \(draft.start) - make_interval(mins => s.buffer_before))
            from (select) as one
            left join doctors as d on d.clinic_id = \(clinic) and d.id = \(draft.doctorId) and d.deleted_at is null
            left join patients as p on p.clinic_id = \(clinic) and p.id = \(draft.patientId) and p.deleted_at is null
            left join services as s on s.clinic_id = \(clinic) and s.id = \(draft.serviceId) and s.deleted_at is null
            """
        )
        guard let row = rows.first else { return BookingFacts(isPatientKnown: false) }
        var facts = BookingFacts(isDoctorActive: try row[0], isPatientKnown: try row[1])
        if let isActive: Bool = try row[2] {
            let kinds: [String] = try row[8]
            facts.isTaken = try row[9]
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
