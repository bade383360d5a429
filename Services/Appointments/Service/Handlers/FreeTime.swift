import AppointmentsAPI
import Contracts
import Core
import Postgres

/// When a doctor can be booked, as it stands in a transaction.
struct FreeTime: Sendable {
    /// Free slots named when the wanted one is taken.
    static let alternatives = 3
    /// How far ahead times are looked for that are offered, in days.
    static let offerDays = 14
    /// No time is offered that begins sooner: whoever is to choose has to read and to come.
    static let offerNotice: Duration = .seconds(3_600)
    /// The dates around those of UTC whose hours count; the dates of the locations may be a day away from them.
    private static let datesAround = DoctorHours.datesAround + 1

    let zones: ZoneCatalog
    let clinic: ClinicID
    let now: Instant

    /// The doctor's hours around a wanted time; what is taken is not known yet.
    func finder(
        of doctor: DoctorID,
        around start: Instant,
        _ terms: VisitTerms,
        in tx: borrowing Transaction
    ) throws -> SlotFinder {
        let day = ZoneRules.utc.local(start).date
        let (behind, ahead) = (SlotFinder.daysBehind + Self.datesAround, SlotFinder.daysAhead + Self.datesAround)
        let dates = day.adding(days: -behind)...day.adding(days: ahead)
        let stored = try HoursStore.find(of: clinic, doctor: doctor, active: true, dates: dates, in: tx)
        let hours = try (stored[doctor] ?? .init()).resolved(doctor, zones)
        return SlotFinder(hours: hours, terms: terms, taken: [])
    }

    /// The 409 with the slots nearest to the wanted time as `alternatives`.
    func refusal(
        _ code: String,
        _ detail: String,
        _ start: Instant,
        _ finder: SlotFinder,
        in tx: borrowing Transaction
    ) throws -> Problem {
        var finder = finder
        let range =
            start - .seconds(SlotFinder.daysBehind * 86_400)..<start + .seconds(SlotFinder.daysAhead * 86_400)
        finder.taken = try taken(range, of: finder.hours.doctorID, finder.terms, in: tx)
        var problem = Problem.conflict(code, detail)
        let nearest = finder.nearest(to: start, now: now, count: Self.alternatives)
        problem.extensions["alternatives"] = String(decoding: try JSONWriter.encode(nearest), as: UTF8.self)
        return problem
    }

    /// The next slots that can be offered, with the wall-clock time of each.
    func offers(
        of doctor: DoctorID,
        _ terms: VisitTerms,
        in tx: borrowing Transaction
    ) throws -> [OfferedTime] {
        let range = now + Self.offerNotice..<now + .seconds(Self.offerDays * 86_400)
        let day = ZoneRules.utc.local(now).date
        let dates = day.adding(days: -Self.datesAround)...day.adding(days: Self.offerDays + Self.datesAround)
        let stored = try HoursStore.find(of: clinic, doctor: doctor, active: true, dates: dates, in: tx)
        guard let stored = stored[doctor] else { return [] }
        let finder = SlotFinder(
            hours: try stored.resolved(doctor, zones),
            terms: terms,
            taken: try taken(range, of: doctor, terms, in: tx)
        )
        return finder.slots(in: range, now: now).prefix(Self.alternatives).compactMap { slot in
            finder.hours.zones[slot.locationId].map { zone in
                OfferedTime(start: slot.start, localStart: zone.rules.local(slot.start).description)
            }
        }
    }

    private func taken(
        _ range: Range<Instant>,
        of doctor: DoctorID,
        _ terms: VisitTerms,
        in tx: borrowing Transaction
    ) throws -> [Range<Instant>] {
        try ReservationStore.taken(range.widened(for: terms), of: [doctor], clinic: clinic, in: tx)[doctor] ?? []
    }
}
