import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Opening hours, and the free slots that follow from them.
struct AvailabilityHandlers: Sendable {
    let endpoints = AvailabilityEndpoints()
    let zones: ZoneCatalog

    func register(in table: inout HandlerTable) {
        table.read(endpoints.read, read)
        table.change(endpoints.replace, replace)
        table.read(endpoints.doctorSlots, doctorSlots)
        table.read(endpoints.slots, slots)
    }

    // MARK: - Hours

    @Sendable private func read(
        _ path: DoctorPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Availability> {
        let version = try HoursStore.version(of: path.id, of: context.clinic, forUpdate: false, in: tx)
        guard let version else { throw Problem.notFound }
        let stored = try HoursStore.find(of: context.clinic, doctor: path.id, in: tx)[path.id] ?? .init()
        return Reply(
            Availability(
                doctorId: path.id,
                weekly: stored.weekly,
                exceptions: stored.exceptions,
                updatedAt: version.updatedAt
            ),
            version: version.version
        )
    }

    @Sendable private func replace(
        _ draft: AvailabilityDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Availability> {
        let faults = draft.faults()
        guard faults.isEmpty else { throw Problem.invalid(faults) }
        let version = try HoursStore.version(of: draft.id, of: context.clinic, forUpdate: true, in: tx)
        guard let version else { throw Problem.notFound }
        try context.checkMatch(version: version.version)
        let places = try ClinicStore.places(draft.locations, of: context.clinic, in: tx)
        guard places.count == draft.locations.count else { throw Problem.locationUnknown }
        for place in places where zones.rules(place.timeZone) == nil {
            throw Problem.conflict("time_zone_unknown", "The time zone \(place.timeZone) is not known here.")
        }
        HoursStore.replace(draft, of: context.clinic, in: tx)
        HoursStore.raiseVersion(of: draft.id, of: context.clinic, at: context.now, in: tx)
        try Problem.of(context) { try tx.flush() }
        let stored = try HoursStore.find(of: context.clinic, doctor: draft.id, in: tx)[draft.id] ?? .init()
        return Reply(
            Availability(
                doctorId: draft.id,
                weekly: stored.weekly,
                exceptions: stored.exceptions,
                updatedAt: context.now
            ),
            version: version.version + 1,
            audit: AuditDetail(resource: "\(draft.id)")
        )
    }

    // MARK: - Slots

    @Sendable private func doctorSlots(
        _ request: DoctorSlotsRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<SlotList> {
        guard try DoctorStore.find(request.id, of: context.clinic, in: tx) != nil else { throw Problem.notFound }
        let wanted = SlotsRequest(
            service: request.service,
            from: request.from,
            to: request.to,
            timeZone: request.timeZone
        )
        return Reply(SlotList(items: try find(wanted, doctor: request.id, context, tx)))
    }

    @Sendable private func slots(
        _ request: SlotsRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<SlotList> {
        Reply(SlotList(items: try find(request, doctor: nil, context, tx)))
    }

    private func find(
        _ request: SlotsRequest,
        doctor: DoctorID?,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> [Slot] {
        let range = try range(of: request, context, tx)
        guard let service = try VisitServiceStore.find(request.service, of: context.clinic, in: tx)?.value,
            service.active
        else { throw Problem.invalid([.init(parameter: "service", "is not offered")]) }
        // The dates of the locations may be two days away from the caller's: offsets from UTC lie up to 26 hours apart.
        let around = DoctorHours.datesAround + 2
        let dates = request.from.adding(days: -around)...request.to.adding(days: around)
        let stored = try HoursStore.find(of: context.clinic, doctor: doctor, active: true, dates: dates, in: tx)
        let terms = VisitTerms(service)
        let taken = try ReservationStore.taken(
            range.widened(for: terms),
            of: Array(stored.keys),
            clinic: context.clinic,
            in: tx
        )
        var slots: [Slot] = []
        for (doctor, hours) in stored {
            let finder = SlotFinder(
                hours: try hours.resolved(doctor, zones),
                terms: terms,
                taken: taken[doctor] ?? []
            )
            slots += finder.slots(in: range, now: context.now)
        }
        return slots.filter { request.location == nil || $0.locationId == request.location }
            .sorted { ($0.start, $0.doctorId) < ($1.start, $1.doctorId) }
    }

    /// The instants of the dates asked for, in the zone asked for.
    private func range(
        of request: SlotsRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Range<Instant> {
        let days = request.to.daysSince1970 - request.from.daysSince1970 + 1
        guard days >= 1 else { throw Problem.invalid([.init(parameter: "to", "must not be before from")]) }
        guard days <= SlotsRequest.mostDays else {
            throw Problem.invalid([.init(parameter: "to", "must be less than \(SlotsRequest.mostDays) days after from")]
            )
        }
        let rules: ZoneRules
        if let name = request.timeZone {
            guard let known = zones.rules(name) else {
                throw Problem.invalid([.init(parameter: "timeZone", "is not a known time zone")])
            }
            rules = known
        } else {
            guard let name = try ClinicStore.timeZone(of: context.clinic, in: tx) else {
                throw Problem.unavailable("The clinic's time zone")
            }
            rules = try zones.required(name)
        }
        return rules.day(request.from).lowerBound..<rules.day(request.to).upperBound
    }
}

extension HoursStore.Stored {
    /// The hours with their zones' rules.
    func resolved(_ doctor: DoctorID, _ catalog: ZoneCatalog) throws(Problem) -> DoctorHours {
        var known: [LocationID: DoctorHours.Zone] = [:]
        for (location, name) in zones { known[location] = .init(name: name, rules: try catalog.required(name)) }
        return DoctorHours(
            doctorID: doctor,
            weekly: weekly,
            exceptions: Dictionary(exceptions.map { ($0.date, $0.hours) }) { first, _ in first },
            zones: known
        )
    }
}

extension Range<Instant> {
    /// The range with the visits that reach into it and the time kept free around them.
    func widened(for terms: VisitTerms) -> Range<Instant> {
        let before = Duration.seconds(terms.bufferBefore * 60)
        return lowerBound - before..<upperBound + terms.duration + .seconds(terms.bufferAfter * 60)
    }
}
