package import Contracts
package import Core

/// A day of the clinic's, `2026-11-21`, or a moment, `2026-11-21T08:30:00Z`.
package enum DayOrTime: Documented, Hashable {
    case day(CalendarDate)
    case time(Instant)

    package init?(_ text: String) {
        if let day = CalendarDate(text) {
            self = .day(day)
        } else if let time = Instant(rfc3339: text) {
            self = .time(time)
        } else {
            return nil
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: Self.complaint)
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .day(let day): try container.encode(day)
        case .time(let time): try container.encode(time)
        }
    }

    private static let complaint = "is neither a date YYYY-MM-DD nor an RFC 3339 time with offset"

    package static var schema: Schema {
        .string(example: "2026-11-21", complaint: complaint, parses: { DayOrTime($0) != nil })
    }
    package static var placeholder: DayOrTime { .time(.placeholder) }
}
