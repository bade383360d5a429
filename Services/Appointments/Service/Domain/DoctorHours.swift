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

    /// A stretch of time in which the doctor is at one location.
    struct Window: Hashable, Sendable {
        var locationID: LocationID
        var time: Range<Instant>
    }

    var doctorID: DoctorID
    var weekly: [WeeklyHours]
    /// Dates whose hours take the place of the weekly ones.
    var exceptions: [CalendarDate: [DayHours]]
    var zones: [LocationID: Zone]

    /// The windows that touch a range of time, in order.
    ///
    /// Hours are wall-clock times of their location: a window over a change of clocks is shorter or longer by it.
    func windows(touching range: Range<Instant>) -> [Window] {
        var windows: [Window] = []
        for (location, zone) in zones {
            let last = zone.rules.local(range.upperBound).date.adding(days: 1)
            var date = zone.rules.local(range.lowerBound).date.adding(days: -1)
            while date <= last {
                for hours in hours(on: date) where hours.locationId == location {
                    let time = zone.rules.time(on: date, from: hours.from, to: hours.to)
                    if !time.isEmpty, time.overlaps(range) { windows.append(Window(locationID: location, time: time)) }
                }
                date = date.adding(days: 1)
            }
        }
        return windows.sorted { $0.time.lowerBound < $1.time.lowerBound }
    }

    private func hours(on date: CalendarDate) -> [DayHours] {
        if let exception = exceptions[date] { return exception }
        return weekly.filter { $0.weekday.isoNumber == date.isoWeekday }
            .map { DayHours(locationId: $0.locationId, from: $0.from, to: $0.to) }
    }
}

extension ZoneRules {
    /// Hours of one date, within the instants that belong to it: empty on a date the zone left out.
    fileprivate func time(on date: CalendarDate, from: TimeOfDay, to: TimeOfDay) -> Range<Instant> {
        let day = day(date)
        let start = instant(LocalTime(date: date, minutes: from.minutes))
        let end = instant(LocalTime(date: date, minutes: to.minutes))
        return (start..<max(start, end)).clamped(to: day)
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
