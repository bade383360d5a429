import Contracts
import Core

/// How fast a clinic's messages may go through one provider entry.
struct SendingRate: Sendable, Equatable {
    /// The least that a bucket holds: as many as there are priorities, so that none is kept waiting by reserves alone.
    static let leastBurst = 3.0
    /// Messages per second that a clinic may set.
    static let allowed = 0.01...10_000
    /// Messages a day that a clinic may set.
    static let allowedCaps = 1...10_000_000
    /// Messages per second where the clinic sets none.
    ///
    /// Neither names a limit of its own; this is about what one process can hand over.
    static let defaults: [String: Double] = [ZeptoMailProvider.name: 2_500, SMTPProvider.name: 2_500]
    /// The same for a provider that is not in the list.
    static let otherDefault = 100.0

    /// Messages per second.
    let perSecond: Double
    /// Messages per day in UTC; `nil` without a cap.
    let dailyCap: Int?

    init(perSecond: Double, dailyCap: Int? = nil) {
        self.perSecond = perSecond
        self.dailyCap = dailyCap
    }

    /// The rate of a provider by a clinic's settings.
    init(of provider: String, settings: [String: JSONValue]) {
        let rate =
            switch settings["rates"]?[provider] {
            case .number(let number): number
            case .integer(let number): Double(number)
            default: Self.defaults[provider] ?? Self.otherDefault
            }
        perSecond = min(max(rate, Self.allowed.lowerBound), Self.allowed.upperBound)
        if case .integer(let cap) = settings["dailyCaps"]?[provider] { dailyCap = Int(cap) } else { dailyCap = nil }
    }

    /// The most that may go at once.
    var burst: Double { max(Self.leastBurst, perSecond) }
}
