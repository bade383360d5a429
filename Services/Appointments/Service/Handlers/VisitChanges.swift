import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres

/// Changes of visits that are booked, by the same rules whoever asks: a request, or a patient's reply.
///
/// Whoever calls has found the visit with `held`, and asked `VisitMove` whether it can be done.
struct VisitChanges: Sendable {
    let zones: ZoneCatalog
    let clinic: ClinicID
    /// Who events say caused it.
    let actor: String
    let now: Instant
    /// The patient's message that asked for it.
    var command: InboundMessageID?

    private var freeTime: FreeTime { FreeTime(zones: zones, clinic: clinic, now: now) }

    /// A visit that nobody else changes to the end of the transaction, nor takes its doctor's time; `nil` out of reach.
    func held(_ id: AppointmentID, in tx: borrowing Transaction) throws -> Versioned<Appointment>? {
        guard let found = try AppointmentStore.find(id, of: clinic, in: tx) else { return nil }
        ReservationStore.lock(found.value.doctorId, of: clinic, in: tx)
        return try AppointmentStore.find(id, of: clinic, forUpdate: true, in: tx)
    }

    /// Notes that the patient will come; said again it changes nothing.
    func confirm(_ visit: Versioned<Appointment>, in tx: borrowing Transaction) throws -> Versioned<Appointment> {
        guard visit.value.status != .confirmed || visit.value.patientConfirmedAt == nil else { return visit }
        return try save(visit, as: .confirm, in: tx) { changed in
            changed.patientConfirmedAt = now
        } telling: {
            AppointmentConfirmed(appointment: $0, commandId: command)
        }
    }

    /// Calls the visit off and gives its time back.
    func cancel(
        _ visit: Versioned<Appointment>,
        reason: String?,
        in tx: borrowing Transaction
    ) throws -> Versioned<Appointment> {
        ReservationStore.release(visit.value.id, clinic: clinic, in: tx)
        return try save(visit, as: .cancel, in: tx) { changed in
            changed.cancellation = Cancellation(at: now, reason: reason)
        } telling: {
            AppointmentCancelled(appointment: $0, commandId: command)
        }
    }

    /// Moves the visit to another time of its doctor; a `Problem` with the nearest free slots where that cannot be.
    ///
    /// - Parameter isConfirmed: the patient chose the time, and will come.
    func reschedule(
        _ visit: Versioned<Appointment>,
        to start: Instant,
        at wanted: LocationID? = nil,
        isConfirmed: Bool = false,
        in tx: borrowing Transaction
    ) throws -> Versioned<Appointment> {
        let (id, doctor) = (visit.value.id, visit.value.doctorId)
        let terms = try terms(of: visit.value, in: tx)
        let finder = try freeTime.finder(of: doctor, around: start, terms, in: tx)
        let time = terms.visit(at: start)
        guard let location = finder.location(of: time, wanted: wanted), let zone = finder.hours.zones[location] else {
            let detail = "The doctor does not see patients then."
            throw try freeTime.refusal("outside_hours", detail, start, finder, in: tx)
        }
        guard try ReservationStore.move(id, of: doctor, to: terms.reserved(at: start), clinic: clinic, in: tx) else {
            throw try freeTime.refusal("slot_taken", "That time is taken.", start, finder, in: tx)
        }
        return try save(visit, as: .reschedule, in: tx) { changed in
            (changed.start, changed.end) = (time.lowerBound, time.upperBound)
            (changed.locationId, changed.timeZone) = (location, zone.name)
            changed.localStart = zone.rules.local(start).description
            changed.patientConfirmedAt = isConfirmed ? now : nil
        } telling: {
            AppointmentRescheduled(
                appointment: $0,
                formerLocalStart: visit.value.localStart,
                commandId: command
            )
        }
    }

    /// The next times the visit could be moved to.
    func offers(for visit: Appointment, in tx: borrowing Transaction) throws -> [OfferedTime] {
        try freeTime.offers(of: visit.doctorId, terms(of: visit, in: tx), in: tx)
    }

    /// As long as was agreed, with the time that is kept free around such visits now.
    private func terms(of visit: Appointment, in tx: borrowing Transaction) throws -> VisitTerms {
        let service = try VisitServiceStore.find(visit.serviceId, of: clinic, in: tx)?.value
        return VisitTerms(
            minutes: visit.minutes,
            bufferBefore: service?.bufferBefore ?? 0,
            bufferAfter: service?.bufferAfter ?? 0
        )
    }

    private func save(
        _ visit: Versioned<Appointment>,
        as move: VisitMove,
        in tx: borrowing Transaction,
        change: (inout Appointment) -> Void,
        telling event: (AppointmentState) -> some EventPayload
    ) throws -> Versioned<Appointment> {
        var changed = visit.value
        changed.status = move.status(after: changed.status) ?? changed.status
        changed.updatedAt = now
        change(&changed)
        guard let version = try AppointmentStore.update(changed, of: clinic, in: tx) else { throw Problem.notFound }
        try Outbox.append(
            event(AppointmentState(changed)),
            aggregate: "\(changed.id)",
            version: version,
            actor: actor,
            in: tx
        )
        return Versioned(value: changed, version: version)
    }
}
