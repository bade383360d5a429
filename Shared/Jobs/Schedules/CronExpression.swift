import Core

/// A time table in the five fields of cron: minute, hour, day of month, month, day of week (0 and 7 are Sunday).
///
/// Fields take `*`, numbers, names of months and days, ranges, lists and steps. As with cron, when day of month and day of
/// week are both restricted a day that matches either counts.
package struct CronExpression: Hashable, Sendable, CustomStringConvertible {
    let minutes: UInt64
    let hours: UInt64
    let daysOfMonth: UInt64
    let months: UInt64
    let daysOfWeek: UInt64
    /// `*` or `*/n`: runs by the hour that passes, not at an hour of the day.
    let isHourOpen: Bool
    let isDayOfMonthOpen: Bool
    let isDayOfWeekOpen: Bool
    package let description: String

    /// Why a text is no time table.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: String) throws(Invalid) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count == 5 else {
            throw Invalid(description: "cron \"\(text)\" needs 5 fields, has \(fields.count)")
        }
        description = fields.joined(separator: " ")
        minutes = try Self.read(fields[0], "minute", 0...59)
        hours = try Self.read(fields[1], "hour", 0...23)
        daysOfMonth = try Self.read(fields[2], "day of month", 1...31)
        months = try Self.read(fields[3], "month", 1...12, names: Self.monthNames, firstName: 1)
        let week = try Self.read(fields[4], "day of week", 0...7, names: Self.dayNames, firstName: 0)
        daysOfWeek = (week | week >> 7) & 0x7F
        isHourOpen = fields[1].hasPrefix("*")
        isDayOfMonthOpen = fields[2].hasPrefix("*")
        isDayOfWeekOpen = fields[4].hasPrefix("*")
    }

    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    private static func read(
        _ field: Substring,
        _ name: String,
        _ range: ClosedRange<Int>,
        names: [String] = [],
        firstName: Int = 0
    ) throws(Invalid) -> UInt64 {
        var set: UInt64 = 0
        for item in field.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2,
                let span = Self.span(parts[0], range, names, firstName, isStepped: parts.count == 2),
                let step = parts.count == 2 ? Int(parts[1]) : 1, step > 0, step <= range.upperBound + 1
            else {
                throw Invalid(description: "cron: \"\(item)\" is no \(name) (\(range.lowerBound)-\(range.upperBound))")
            }
            for value in stride(from: span.lowerBound, through: span.upperBound, by: step) { set |= 1 << UInt64(value) }
        }
        return set
    }

    private static func span(
        _ text: Substring,
        _ range: ClosedRange<Int>,
        _ names: [String],
        _ firstName: Int,
        isStepped: Bool
    ) -> ClosedRange<Int>? {
        if text == "*" { return range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end -> Int? in
            if let index = names.firstIndex(of: end.lowercased()) { return index + firstName }
            guard end.utf8.allSatisfy(\.isDigit), let number = Int(end) else { return nil }
            return range.contains(number) ? number : nil
        }
        guard let first = ends.first ?? nil else { return nil }
        if ends.count == 1 { return first...(isStepped ? range.upperBound : first) }
        guard ends.count == 2, let last = ends[1], first <= last else { return nil }
        return first...last
    }
}

extension UInt64 {
    func has(_ bit: Int) -> Bool { self >> UInt64(bit) & 1 == 1 }
}
