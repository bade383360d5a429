import CommunicationAPI
import Contracts
import Core
import Testing

/// Hours of the day in UTC that it is now.
struct QuietNow: Sendable {
    let hours: QuietTime
    /// When they are over.
    let end: Instant

    /// From an hour ago until so many minutes from now.
    init(endingIn minutes: Int64 = 120) throws {
        let minute = Instant.now().microseconds.flooredDivision(by: 60_000_000)
        func time(_ minute: Int64) throws -> TimeOfDay {
            try #require(TimeOfDay(minutes: Int(minute - minute.flooredDivision(by: 1_440) * 1_440)))
        }
        hours = QuietTime(from: try time(minute - 60), to: try time(minute + minutes))
        end = Instant(seconds: (minute + minutes) * 60)
    }
}
