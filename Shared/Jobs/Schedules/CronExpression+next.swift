package import Core

extension CronExpression {
    /// How far ahead is looked: long enough for 29 February on one day of the week.
    private static let daysAhead = 366 * 28 + 7

    /// The first occurrence after `moment` in the zone; `nil` when there is none (30 February).
    ///
    /// Where the clock jumps over a stated hour the run comes as much later as was jumped; where an hour comes twice it runs
    /// in the first. A table with an open hour (`*`, `*/2`) goes by the time that passes instead: `*/15 * * * *` runs every
    /// 15 minutes through both.
    package func next(after moment: Instant, in zone: any ZoneOffsets) -> Instant? {
        isHourOpen ? nextOpen(after: moment, zone) : nextStated(after: moment, zone)
    }

    private func nextStated(after moment: Instant, _ zone: any ZoneOffsets) -> Instant? {
        let start = day(of: moment, zone) - 1
        for day in start...(start + Self.daysAhead) where matches(day) {
            var best: Int64?
            for hour in 0..<24 where hours.has(hour) {
                for minute in 0..<60 where minutes.has(minute) {
                    let local = Int64(day) * 86_400 + Int64(hour * 3_600 + minute * 60)
                    let utc = zone.instant(ofLocal: local)
                    if utc * 1_000_000 > moment.microseconds, utc < best ?? .max { best = utc }
                }
            }
            if let best { return Instant(seconds: best) }
        }
        return nil
    }

    /// Steps through the minutes that pass; days and hours that do not match are passed over whole.
    private func nextOpen(after moment: Instant, _ zone: any ZoneOffsets) -> Instant? {
        var utc = (moment.seconds.flooredDivision(by: 60) + 1) * 60
        let end = utc + Int64(Self.daysAhead) * 86_400
        while utc < end {
            let local = utc + Int64(zone.offset(at: utc))
            let day = local.flooredDivision(by: 86_400)
            let second = Int(local - day * 86_400)
            if !matches(Int(day)) {
                // To the next midnight, but no further than a transition could lie.
                utc += min(Int64(86_400 - second), 3_600)
                utc -= utc % 60
            } else if !hours.has(second / 3_600) || !minutes.has(second / 60 % 60) {
                utc += 60
            } else {
                return Instant(seconds: utc)
            }
        }
        return nil
    }

    private func day(of moment: Instant, _ zone: any ZoneOffsets) -> Int {
        Int((moment.seconds + Int64(zone.offset(at: moment.seconds))).flooredDivision(by: 86_400))
    }

    private func matches(_ daysSince1970: Int) -> Bool {
        let date = CalendarDate(daysSince1970: daysSince1970)
        guard months.has(date.month) else { return false }
        let inMonth = daysOfMonth.has(date.day)
        // 1 January 1970 was a Thursday.
        let inWeek = daysOfWeek.has(((daysSince1970 + 4) % 7 + 7) % 7)
        if isDayOfMonthOpen || isDayOfWeekOpen { return inMonth && inWeek }
        return inMonth || inWeek
    }
}

/// A zone's offsets from UTC.
package protocol ZoneOffsets: Sendable {
    /// Seconds east of UTC at a moment, in seconds since 1970.
    func offset(at seconds: Int64) -> Int
}

extension ZoneOffsets {
    /// The moment of a wall-clock time: in a gap by the offset before it, in a fold the first.
    func instant(ofLocal local: Int64) -> Int64 {
        let before = Int64(offset(at: local - 86_400))
        let after = Int64(offset(at: local + 86_400))
        let candidates = [local - before, local - after].filter { local - $0 == Int64(offset(at: $0)) }
        return candidates.min() ?? local - before
    }
}
