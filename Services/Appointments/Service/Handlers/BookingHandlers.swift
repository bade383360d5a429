import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// Visits: booked and found.
struct BookingHandlers: Sendable {
    let endpoints = BookingEndpoints()
    let cursors: CursorSeal
    let zones: ZoneCatalog

    func register(in table: inout HandlerTable) {
        table.change(endpoints.book, book)
        table.read(endpoints.list, list)
        table.read(endpoints.read, read)
    }

    // MARK: - Booking

    @Sendable private func book(
        _ draft: AppointmentDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Appointment> {
        let (service, isTaken) = try bookable(draft, context, tx)
        let freeTime = FreeTime(zones: zones, clinic: context.clinic, now: context.now)
        let finder = try freeTime.finder(of: draft.doctorId, around: draft.start, service.terms, in: tx)
        let visit = service.terms.visit(at: draft.start)
        guard let location = finder.location(of: visit, wanted: draft.locationId),
            let zone = finder.hours.zones[location]
        else {
            let detail = "The doctor does not see patients then."
            throw try freeTime.refusal("outside_hours", detail, draft.start, finder, in: tx)
        }
        try context.checkReach(of: draft.doctorId, at: location)
        // Whoever comes too late need not queue up for the lock.
        if isTaken { throw try freeTime.refusal("slot_taken", "That time is taken.", draft.start, finder, in: tx) }
        let id = AppointmentID(at: context.now)
        ReservationStore.lock(draft.doctorId, of: context.clinic, in: tx)
        let reserved = service.terms.reserved(at: draft.start)
        guard try ReservationStore.take(reserved, of: draft.doctorId, id: id, clinic: context.clinic, in: tx) else {
            throw try freeTime.refusal("slot_taken", "That time is taken.", draft.start, finder, in: tx)
        }
        let appointment = Appointment(
            id: id,
            doctorId: draft.doctorId,
            patientId: draft.patientId,
            serviceId: draft.serviceId,
            locationId: location,
            kind: draft.kind,
            status: .confirmed,
            start: visit.lowerBound,
            end: visit.upperBound,
            minutes: service.terms.minutes,
            timeZone: zone.name,
            localStart: zone.rules.local(draft.start).description,
            price: service.price,
            notes: draft.notes,
            cancellation: nil,
            createdAt: context.now,
            updatedAt: context.now
        )
        AppointmentStore.insert(appointment, of: context.clinic, in: tx)
        try Outbox.append(
            AppointmentBooked(appointment: AppointmentState(appointment)),
            aggregate: "\(id)",
            version: 1,
            actor: context.actor,
            in: tx
        )
        return Reply(
            appointment,
            version: 1,
            location: "\(RouteTable.base)/appointments/\(id)",
            audit: AuditDetail(resource: "\(id)", patient: draft.patientId)
        )
    }

    /// The visit type, if what the draft names exists and may be booked, and whether the time is taken at first sight.
    private func bookable(
        _ draft: AppointmentDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> (service: BookingFacts.BookedService, isTaken: Bool) {
        let facts = try BookingStore.facts(draft, of: context.clinic, in: tx)
        var faults: [Problem.Fault] = []
        if facts.isDoctorActive != true { faults.append(.init(pointer: "/doctorId", "is no doctor who can be booked")) }
        if !facts.isPatientKnown { faults.append(.init(pointer: "/patientId", "is no patient within reach")) }
        if facts.service?.isActive != true { faults.append(.init(pointer: "/serviceId", "is not offered")) }
        if let service = facts.service, service.isActive, !service.kinds.contains(draft.kind) {
            faults.append(.init(pointer: "/kind", "is not how this visit takes place"))
        }
        faults += VisitStart.faults(of: draft.start, at: context.now)
        guard faults.isEmpty, let service = facts.service else { throw Problem.invalid(faults) }
        return (service, facts.isTaken)
    }

    // MARK: - Afterwards

    @Sendable private func read(
        _ path: AppointmentPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Appointment> {
        guard let found = try AppointmentStore.find(path.id, of: context.clinic, in: tx) else { throw Problem.notFound }
        return Reply(found.value, version: found.version, audit: AuditDetail(patient: found.value.patientId))
    }

    @Sendable private func list(
        _ request: AppointmentSearch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Appointment>> {
        let limit = request.limit ?? Page<Appointment>.usualLimit
        var plain = request
        plain.limit = nil
        plain.cursor = nil
        // The cursor is bound to the filter it was made with.
        let list = String(decoding: try JSONWriter.encode(plain), as: UTF8.self)
        let position = try context.position(request.cursor, list: list, cursors)
        let found = try AppointmentStore.list(
            try filter(request, context, tx),
            of: context.clinic,
            after: Self.place(position),
            count: limit + 1,
            in: tx
        )
        let page = context.page(found, limit: limit, list: list, cursors) { ["\($0.start.microseconds)", "\($0.id)"] }
        return Reply(page, audit: AuditDetail(patient: request.patient))
    }

    private static func place(_ position: [String]?) -> (start: Instant, id: AppointmentID)? {
        guard let position, position.count == 2, let start = Int64(position[0]), let id = AppointmentID(position[1])
        else { return nil }
        return (Instant(microseconds: start), id)
    }

    private func filter(
        _ request: AppointmentSearch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> AppointmentStore.Filter {
        func bound(_ bound: DayOrInstant?, _ tx: borrowing Transaction, _ end: (Range<Instant>) -> Instant) throws
            -> Instant?
        {
            switch bound {
            case nil: return nil
            case .instant(let instant): return instant
            case .day(let day):
                guard let name = try ClinicStore.timeZone(of: context.clinic, in: tx) else {
                    throw Problem.unavailable("The clinic's time zone")
                }
                return end(try zones.required(name).day(day))
            }
        }
        return AppointmentStore.Filter(
            doctor: request.doctor,
            patient: request.patient,
            service: request.service,
            location: request.location,
            statuses: request.status.map { [$0] },
            endsAfter: try bound(request.from, tx) { $0.lowerBound },
            startsBefore: try bound(request.to, tx) { $0.upperBound },
            order: request.sort ?? .earliestFirst
        )
    }
}

extension OperationContext {
    /// Refuses a visit outside the caller's reach; row-level security would too, but only when all is written.
    ///
    /// The patient was looked for within reach already.
    fileprivate func checkReach(of doctor: DoctorID, at location: LocationID) throws(Problem) {
        let isWithin =
            switch scope {
            case .clinic, .own: true
            case .locations(let reach): reach.contains(location)
            case .treated(let own): own == doctor
            case .account: false
            }
        if !isWithin { throw .forbidden(endpoint.auditAction) }
    }
}
