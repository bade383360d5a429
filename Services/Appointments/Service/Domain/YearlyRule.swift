import Core

/// The rule behind a zone's last recorded change: a POSIX `TZ` text with the extensions of RFC 8536 §3.3.1.
struct YearlyRule: Hashable, Sendable {
    /// When the clocks change: a day of the year and seconds since its midnight, which may be negative or pass a day.
    struct Change: Hashable, Sendable {
        enum Day: Hashable, Sendable {
            /// 1…365, February 29 never counted.
            case julian(Int)
            /// 0…365, February 29 counted.
            case ordinal(Int)
            /// The `week`th (5: the last) such weekday (0 Sunday) of a month.
            case weekday(month: Int, week: Int, day: Int)
        }

        var day: Day
        var seconds: Int
    }

    /// Seconds east of UTC.
    let standard: Int
    /// With when it begins (on the standard clock) and ends (on the summer clock); `nil` without summer time.
    let summer: Summer?

    struct Summer: Hashable, Sendable {
        var offset: Int
        var begins: Change
        var ends: Change
    }

    /// `nil` for a text that is not a rule.
    init?(_ text: String) {
        var reader = RuleReader(text)
        guard reader.skipName(), let standard = reader.offset() else { return nil }
        self.standard = -standard
        if reader.isAtEnd {
            summer = nil
            return
        }
        guard reader.skipName() else { return nil }
        var offset = self.standard + 3_600
        if !reader.isAt(",") {
            guard let given = reader.offset() else { return nil }
            offset = -given
        }
        guard let begins = reader.change(), let ends = reader.change(), reader.isAtEnd else { return nil }
        summer = Summer(offset: offset, begins: begins, ends: ends)
    }

    func offset(at seconds: Int64) -> Int {
        guard let summer else { return standard }
        let year = CalendarDate(daysSince1970: Int((seconds + Int64(standard)).flooredDivision(by: 86_400))).year
        let (begins, ends) = moments(summer, in: year)
        let isSummer = begins < ends ? begins <= seconds && seconds < ends : !(ends <= seconds && seconds < begins)
        return isSummer ? summer.offset : standard
    }

    /// The moments of change within bounds, in order.
    func changes(from start: Int64, to end: Int64) -> [Int64] {
        guard let summer, start <= end else { return [] }
        let years = Self.year(start) - 1...Self.year(end) + 1
        return years.flatMap { year -> [Int64] in
            let (begins, ends) = moments(summer, in: year)
            return [begins, ends]
        }.filter { $0 >= start && $0 <= end && offset(at: $0) != offset(at: $0 - 1) }.sorted()
    }

    private static func year(_ seconds: Int64) -> Int {
        CalendarDate(daysSince1970: Int(seconds.flooredDivision(by: 86_400))).year
    }

    private func moments(_ summer: Summer, in year: Int) -> (begins: Int64, ends: Int64) {
        (
            summer.begins.secondsOnWall(in: year) - Int64(standard),
            summer.ends.secondsOnWall(in: year) - Int64(summer.offset)
        )
    }
}

extension YearlyRule.Change {
    fileprivate func secondsOnWall(in year: Int) -> Int64 {
        Int64(dayNumber(in: year)) * LocalTime.secondsOfDay + Int64(seconds)
    }

    private func dayNumber(in year: Int) -> Int {
        guard let newYear = CalendarDate(year: year, month: 1, day: 1)?.daysSince1970 else { return 0 }
        switch day {
        case .ordinal(let number): return newYear + number
        case .julian(let number):
            let isLeap = CalendarDate(year: year, month: 2, day: 29) != nil
            return newYear + number - 1 + (isLeap && number >= 60 ? 1 : 0)
        case .weekday(let month, let week, let weekday):
            guard let first = CalendarDate(year: year, month: month, day: 1) else { return newYear }
            let ahead = (weekday - first.isoWeekday % 7 + 7) % 7
            var date = first.adding(days: ahead + (week - 1) * 7)
            while date.month != month { date = date.adding(days: -7) }
            return date.daysSince1970
        }
    }
}

/// Reads the parts of a rule.
private struct RuleReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }

    func isAt(_ character: Character) -> Bool { position < bytes.count && bytes[position] == character.asciiValue }

    private mutating func skip(_ character: Character) -> Bool {
        guard isAt(character) else { return false }
        position += 1
        return true
    }

    /// `CET` or `<+1030>`.
    mutating func skipName() -> Bool {
        let start = position
        if skip("<") {
            while position < bytes.count, bytes[position] != UInt8(ascii: ">") { position += 1 }
            return skip(">")
        }
        while position < bytes.count, bytes[position].isLetter {
            position += 1
        }
        return position - start >= 3
    }

    private mutating func number() -> Int? {
        let start = position
        var value = 0
        while position < bytes.count, bytes[position].isDigit, position - start < 4 {
            value = value * 10 + Int(bytes[position] - 48)
            position += 1
        }
        return position > start ? value : nil
    }

    /// `[+-]h[h[h]][:mm[:ss]]` in seconds; west of UTC is positive here.
    mutating func offset() -> Int? {
        var sign = 1
        if skip("-") { sign = -1 } else { _ = skip("+") }
        guard let hours = number(), hours <= 167 else { return nil }
        var seconds = hours * 3_600
        for unit in [60, 1] {
            guard skip(":") else { break }
            guard let value = number(), value < 60 else { return nil }
            seconds += value * unit
        }
        return sign * seconds
    }

    /// `,M3.5.0/2`.
    mutating func change() -> YearlyRule.Change? {
        guard skip(","), let day = day() else { return nil }
        var seconds = 2 * 3_600
        if skip("/") {
            guard let given = offset() else { return nil }
            seconds = given
        }
        return YearlyRule.Change(day: day, seconds: seconds)
    }

    private mutating func day() -> YearlyRule.Change.Day? {
        if skip("J") { return number().flatMap { (1...365).contains($0) ? .julian($0) : nil } }
        guard skip("M") else { return number().flatMap { $0 <= 365 ? .ordinal($0) : nil } }
        guard let month = number(), (1...12).contains(month), skip("."), let week = number(), (1...5).contains(week),
            skip("."), let day = number(), day <= 6
        else { return nil }
        return .weekday(month: month, week: week, day: day)
    }
}
