import CommunicationAPI
import Contracts
import Core

/// How fast a clinic's messages may go through one provider entry.
struct SendingRate: Sendable, Equatable {
    /// The least that a bucket holds: as many as there are priorities, so that none is kept waiting by reserves alone.
    static let leastBurst = 3.0
    /// Messages per second that may be set.
    static let allowed = 0.01...10_000
    /// Messages a day that a clinic may set.
    static let allowedCaps = 1...10_000_000
    /// Messages per second through a provider that this version does not have.
    static let otherDefault = 100.0

    /// Messages per second.
    let perSecond: Double
    /// Messages per day in UTC; `nil` without a cap.
    let dailyCap: Int?
    /// Messages per second of all clinics together, no fewer than `perSecond`; `nil` where the account is the clinic's own.
    let ofAccount: Double?

    init(perSecond: Double, dailyCap: Int? = nil, ofAccount: Double? = nil) {
        self.perSecond = perSecond
        self.dailyCap = dailyCap
        self.ofAccount = ofAccount
    }

    /// The rate of a provider by a clinic's settings; one name has one rate in all its channels.
    ///
    /// - Parameter channel: whose usual rate holds where none is set; `nil` for the first that has the provider.
    init(
        of provider: String,
        _ channel: MessageChannel? = nil,
        in providers: MessageProviders,
        settings: [String: JSONValue]
    ) {
        let rate =
            switch settings["rates"]?[provider] {
            case .number(let number): number
            case .integer(let number): Double(number)
            default: providers.usualRate(of: provider, channel) ?? Self.otherDefault
            }
        perSecond = min(max(rate, Self.allowed.lowerBound), Self.allowed.upperBound)
        if case .integer(let cap) = settings["dailyCaps"]?[provider] { dailyCap = Int(cap) } else { dailyCap = nil }
        ofAccount = nil
    }

    /// Whether the clinic is held to something by itself, not only together with those who share the account.
    var hasOwnBucket: Bool { dailyCap != nil || perSecond < ofAccount ?? .infinity }

    /// The most that may go at once.
    var burst: Double { max(Self.leastBurst, perSecond) }
}
