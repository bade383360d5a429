import AppointmentsAPI
import Contracts
import Core

/// A doctor's opening hours as rules need them: with the rules of each location's zone.
struct DoctorHours: Sendable {
    /// A place's zone, by name and by rules.
    struct Zone: Sendable {
        var name: TimeZoneName
        var rules: ZoneRules
    }

    /// Time in which the doctor is at one location without a gap.
    struct Stretch: Hashable, Sendable {
        var locationID: LocationID
        var time: Range<Instant>
    }

    /// How many dates before and behind a range's own decide which stretches touch it.
    ///
    /// A stretch may have begun the date before, and the zone may have left out that one.
    static let datesAround = 2

    var doctorID: DoctorID
    var weekly: [WeeklyHours]
    /// Dates whose hours take the place of the weekly ones.
    var exceptions: [CalendarDate: [DayHours]]
    var zones: [LocationID: Zone]

    /// The stretches that touch a range of time, whole, in order: hours that adjoin others of their location are one.
    ///
    /// Hours are wall-clock times of their location: a stretch over a change of clocks is shorter or longer by it.
    func stretches(touching range: Range<Instant>) -> [Stretch] {
        zones.flatMap { location, zone in
            stretches(at: location, zone.rules, around: range).map { Stretch(locationID: location, time: $0) }
        }
        .filter { $0.time.overlaps(range) }
        .sorted { $0.time.lowerBound < $1.time.lowerBound }
    }

    /// The stretches at one location on the dates around a range.
    ///
    /// One that holds a whole date, and so 24 hours but for a change of clocks, ends with it. Whoever works around the
    /// clock has stretches that begin anew each midnight; else the first of them, however long ago, would decide all
    /// slots since, and those found would depend on the dates that were looked at.
    private func stretches(
        at location: LocationID,
        _ rules: ZoneRules,
        around range: Range<Instant>
    ) -> [Range<Instant>] {
        var stretches: [Range<Instant>] = []
        var endOfWholeDate: Instant?
        let last = rules.local(range.upperBound).date.adding(days: Self.datesAround)
        var date = rules.local(range.lowerBound).date.adding(days: -Self.datesAround)
        while date <= last {
            let day = rules.day(date)
            let open = hours(on: date, at: location, rules, within: day)
            for time in open {
                if time.lowerBound == endOfWholeDate { stretches.append(time) } else { stretches.join(time) }
            }
            if open == [day] { endOfWholeDate = day.upperBound }
            date = date.adding(days: 1)
        }
        return stretches
    }

    /// Hours of one date at one location, joined, within the instants that belong to it: none on a date the zone left out.
    private func hours(
        on date: CalendarDate,
        at location: LocationID,
        _ rules: ZoneRules,
        within day: Range<Instant>
    ) -> [Range<Instant>] {
        let times = hours(on: date).filter { $0.locationId == location }
            .map { hours in
                let start = rules.instant(LocalTime(date: date, minutes: hours.from.minutes))
                let end = rules.instant(LocalTime(date: date, minutes: hours.to.minutes))
                return (start..<max(start, end)).clamped(to: day)
            }
        var open: [Range<Instant>] = []
        for time in times.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) { open.join(time) }
        return open
    }

    private func hours(on date: CalendarDate) -> [DayHours] {
        if let exception = exceptions[date] { return exception }
        return weekly.filter { $0.weekday.isoNumber == date.isoWeekday }
            .map { DayHours(locationId: $0.locationId, from: $0.from, to: $0.to) }
    }
}

extension [Range<Instant>] {
    /// Appends a time that begins no earlier than the last; where it adjoins that one, the two are one.
    fileprivate mutating func join(_ time: Range<Instant>) {
        guard let last, time.lowerBound <= last.upperBound else { return append(time) }
        self[count - 1] = last.lowerBound..<Swift.max(last.upperBound, time.upperBound)
    }
}

extension AvailabilityDraft {
    /// Faults that no schema can say: hours that end before they begin, that overlap, or a date given twice.
    func faults() -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        for (index, hours) in weekly.enumerated() where hours.from >= hours.to {
            faults.append(.init(pointer: "/weekly/\(index)/to", "must be later than from"))
        }
        for (index, hours) in weekly.enumerated() {
            let earlier = weekly[..<index].filter { $0.weekday == hours.weekday }
            if earlier.contains(where: { $0.from < hours.to && hours.from < $0.to }) {
                faults.append(.init(pointer: "/weekly/\(index)", "overlaps other hours of that weekday"))
            }
        }
        var dates: Set<CalendarDate> = []
        for (index, exception) in (exceptions ?? []).enumerated() {
            if !dates.insert(exception.date).inserted {
                faults.append(.init(pointer: "/exceptions/\(index)/date", "appears twice"))
            }
            for (place, hours) in exception.hours.enumerated() {
                let pointer = "/exceptions/\(index)/hours/\(place)"
                if hours.from >= hours.to { faults.append(.init(pointer: pointer + "/to", "must be later than from")) }
                if exception.hours[..<place].contains(where: { $0.from < hours.to && hours.from < $0.to }) {
                    faults.append(.init(pointer: pointer, "overlaps other hours of that date"))
                }
            }
        }
        return faults
    }

    /// Every location named, once.
    var locations: Set<LocationID> {
        Set(weekly.map(\.locationId)).union((exceptions ?? []).flatMap { $0.hours.map(\.locationId) })
    }
}
