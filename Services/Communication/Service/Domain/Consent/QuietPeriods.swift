import CommunicationAPI
import Core

/// When a message is not to be sent, as it was accepted: by what the recipient and the clinic wish, and by calling hours.
struct QuietPeriods: Codable, Sendable, Equatable {
    /// The same hours of every day.
    struct Period: Codable, Sendable, Equatable {
        let time: QuietTime
        let zone: TimeZoneName
        /// The channel that a country's calling hours are about; `nil` for a wish, which is about all of them.
        var channel: String?
    }

    let periods: [Period]

    /// `nil` without any, so that messages at all hours carry nothing.
    init?(_ periods: [Period]) {
        guard !periods.isEmpty else { return nil }
        self.periods = periods
    }

    /// The first moment from `moment` on that is in none of them.
    func start(from moment: Instant) -> Instant { Self.start(of: periods, from: moment) }

    /// When a channel may be used that may not be used now; `nil` when it may be.
    ///
    /// Wishes that leave no hour of the day hold nothing up for ever; calling hours are not wishes.
    func opening(of channel: String, at now: Instant) -> Instant? {
        let ours = periods.filter { $0.channel == nil || $0.channel == channel }
        return Self.opening(of: ours, at: now) ?? Self.opening(of: ours.filter { $0.channel != nil }, at: now)
    }

    private static func opening(of periods: [Period], at now: Instant) -> Instant? {
        let start = start(of: periods, from: now)
        return start > now && end(of: periods, at: start) == nil ? start : nil
    }

    private static func start(of periods: [Period], from moment: Instant) -> Instant {
        var start = moment
        // One may begin when another ends; together they may fill the day, and then no hour is better than the first.
        for _ in periods {
            guard let end = end(of: periods, at: start) else { break }
            start = end
        }
        return start
    }

    /// When those are over that it is now.
    private static func end(of periods: [Period], at moment: Instant) -> Instant? {
        periods.compactMap { PreferenceRules.quietUntil($0.time, in: $0.zone, at: moment) }.max()
    }
}
