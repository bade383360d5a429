import Core

/// A place in a clinic's numbering of one year.
struct InvoiceNumber: Hashable, Sendable, CustomStringConvertible {
    static let width = 6

    let year: Int
    /// From 1, without gaps.
    let sequence: Int64

    var description: String { "INV-\(year)-\(padded(Int(sequence), Self.width))" }

    /// The year of an instant where the clinic is; `offset` is that of its zone in seconds.
    static func year(at instant: Instant, offset: Int) -> Int {
        let local = instant.seconds + Int64(offset)
        return CalendarDate(daysSince1970: Int(local.flooredDivision(by: 86_400))).year
    }
}
