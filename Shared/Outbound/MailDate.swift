import Core

/// Dates as RFC 5322 §3.3 writes them, in UTC.
enum MailDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func text(_ instant: Instant) -> String {
        let day = Int(instant.seconds.flooredDivision(by: 86_400))
        let second = Int(instant.seconds) - day * 86_400
        let date = CalendarDate(daysSince1970: day)
        let weekday = days[((day % 7) + 7) % 7]
        let time = [second / 3_600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(weekday), \(date.day) \(months[date.month - 1]) \(padded(date.year, 4)) \(time) +0000"
    }
}
