import Core
import Synchronization

/// The `Date` header, written anew once a second (RFC 9110 §5.6.7).
enum HTTPDate {
    private static let cache = Mutex((second: Int64.min, text: ""))

    static func now(_ instant: Instant = .now()) -> String {
        cache.withLock { cache in
            if cache.second != instant.seconds { cache = (instant.seconds, text(instant)) }
            return cache.text
        }
    }

    static func text(_ instant: Instant) -> String {
        let days = Int((Double(instant.seconds) / 86_400).rounded(.down))
        let date = CalendarDate(daysSince1970: days)
        let second = Int(instant.seconds) - days * 86_400
        let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][date.isoWeekday - 1]
        let month = months[date.month - 1]
        let time = [second / 3_600, second / 60 % 60, second % 60].map(twoDigits).joined(separator: ":")
        return "\(weekday), \(twoDigits(date.day)) \(month) \(date.year) \(time) GMT"
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
