import Core
import Resilience

/// When one of the providers of a round may be called again.
enum ProviderAvailability: Sendable, Equatable {
    /// It has said nothing about it.
    case anyTime
    /// Not before, for it has asked so itself.
    case asked(until: Instant)
    /// Not before, for a reason of ours: its circuit, its cap for the day, its channel's hours.
    case shut(until: Instant)
    /// Not until somebody has seen to it.
    case never

    /// What a provider has answered; whoever is left alone by all messages is by this one.
    init(after verdict: ProviderVerdict, at now: Instant) {
        switch (SendingRules.circuit(after: verdict), verdict.retryAfter) {
        case (.latch, _): self = .never
        case (.park(let time), _): self = .asked(until: now + Self.bounded(time))
        case (.settle, let time?): self = .asked(until: now + time)
        case (.settle, nil): self = .anyTime
        }
    }

    /// What stands in the way of a provider that was not called.
    ///
    /// - Parameter time: after which its circuit may be tried; `nil` for no time.
    init(refusedBy circuit: CircuitView, for time: Duration?, at now: Instant) {
        switch (circuit.state, time) {
        case (.latched, nil): self = .never
        case (.latched, let time?): self = .asked(until: now + Self.bounded(time))
        case (_, let time?): self = .shut(until: now + time)
        case (_, nil): self = .anyTime
        }
    }

    /// Its circuit keeps whoever comes earlier away from it; and a reset by hand, or a new provider, is to be noticed.
    private static func bounded(_ time: Duration) -> Duration { min(time, SendingRules.rounds.cap) }

    private var isAsked: Bool { if case .asked = self { true } else { false } }

    /// The earliest time at which a next round makes sense; `nil`, so that the usual backoff decides, unless a provider has asked
    /// for time (`Retry-After`) and none may be called at any time.
    static func earliest(_ providers: [ProviderAvailability]) -> Instant? {
        guard providers.contains(where: \.isAsked), !providers.contains(.anyTime) else { return nil }
        return providers.compactMap { provider in
            switch provider {
            case .asked(let until), .shut(let until): until
            case .anyTime, .never: nil
            }
        }.min()
    }
}
