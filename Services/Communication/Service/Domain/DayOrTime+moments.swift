import CommunicationAPI
import Core

/// What is asked for from one day or moment to another; days are those of the clinic's time zone, or UTC's where none is known.
extension DayOrTime {
    /// Since when: the day's first moment.
    func start(in zone: TimeZoneName?) -> Instant {
        switch self {
        case .day(let day): PreferenceRules.start(of: day, in: zone)
        case .time(let time): time
        }
    }

    /// Before when: the day is included, a moment is not.
    func end(in zone: TimeZoneName?) -> Instant {
        switch self {
        case .day(let day): PreferenceRules.start(of: day.adding(days: 1), in: zone)
        case .time(let time): time
        }
    }
}
