import Core

/// How a time zone's offset changes, read from the system's TZif data (RFC 8536), and all arithmetic between wall clocks
/// and instants.
struct ZoneRules: Sendable {
    /// Seconds since 1970 from which the offset at the same index holds.
    private let transitions: [Int64]
    /// Seconds east of UTC, one per transition.
    private let offsets: [Int]
    /// What held before the first transition.
    private let first: Int
    /// What holds behind the last transition.
    private let rule: YearlyRule?

    init(transitions: [Int64], offsets: [Int], first: Int, rule: YearlyRule?) {
        precondition(
            transitions.count == offsets.count,
            "Cannot have \(offsets.count) offsets for \(transitions.count) changes"
        )
        self.transitions = transitions
        self.offsets = offsets
        self.first = first
        self.rule = rule
    }

    static let utc = ZoneRules(transitions: [], offsets: [], first: 0, rule: nil)

    /// Seconds east of UTC at an instant given in seconds since 1970.
    func offset(at seconds: Int64) -> Int {
        guard let last = transitions.last else { return rule?.offset(at: seconds) ?? first }
        if seconds >= last, let rule { return rule.offset(at: seconds) }
        let index = firstTransition(after: seconds)
        return index == 0 ? first : offsets[index - 1]
    }

    /// The wall clock at an instant, whole minutes.
    func local(_ instant: Instant) -> LocalTime {
        LocalTime(secondsOnWall: instant.seconds + Int64(offset(at: instant.seconds)))
    }

    /// The instant of a wall-clock time.
    ///
    /// A time in a gap takes the offset before the gap (RFC 5545 §3.3.5); one in a fold is its first occurrence.
    func instant(_ local: LocalTime) -> Instant {
        let wall = local.secondsOnWall
        // No change of offset moves the wall clock by more than a day.
        let changes = changes(from: wall - 2 * LocalTime.secondsOfDay, to: wall + 2 * LocalTime.secondsOfDay)
        let candidates = [offset(at: wall - 2 * LocalTime.secondsOfDay)] + changes.map(\.after)
        let valid = candidates.map { wall - Int64($0) }.filter { self.offset(at: $0) == Int(wall - $0) }
        if let earliest = valid.min() { return Instant(seconds: earliest) }
        let gap = changes.first { $0.at + Int64($0.before) <= wall && wall < $0.at + Int64($0.after) }
        return Instant(seconds: wall - Int64(gap?.before ?? first))
    }

    /// The instants that belong to a date; empty for a date that the zone left out.
    func day(_ date: CalendarDate) -> Range<Instant> {
        let start = instant(LocalTime(date: date, minutes: 0))
        return start..<max(start, instant(LocalTime(date: date.adding(days: 1), minutes: 0)))
    }

    private func changes(from start: Int64, to end: Int64) -> [(at: Int64, before: Int, after: Int)] {
        var moments = transitions[firstTransition(after: start)...].prefix { $0 <= end }.map { $0 }
        if let rule { moments += rule.changes(from: max(start, (transitions.last ?? start - 1) + 1), to: end) }
        return moments.map { (at: $0, before: offset(at: $0 - 1), after: offset(at: $0)) }
    }

    private func firstTransition(after seconds: Int64) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// A date and a wall-clock time, without a zone.
struct LocalTime: Hashable, Sendable, CustomStringConvertible {
    static let secondsOfDay: Int64 = 86_400

    var date: CalendarDate
    /// Since midnight; 1440 is the beginning of the next day.
    var minutes: Int

    init(date: CalendarDate, minutes: Int) {
        self.date = date
        self.minutes = minutes
    }

    init(secondsOnWall seconds: Int64) {
        let day = seconds.flooredDivision(by: Self.secondsOfDay)
        date = CalendarDate(daysSince1970: Int(day))
        minutes = Int((seconds - day * Self.secondsOfDay) / 60)
    }

    /// Seconds since 1970-01-01T00:00 on a wall clock that never changes.
    var secondsOnWall: Int64 { Int64(date.daysSince1970) * Self.secondsOfDay + Int64(minutes) * 60 }

    /// `YYYY-MM-DDTHH:MM`.
    var description: String { "\(date)T\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))" }
}
