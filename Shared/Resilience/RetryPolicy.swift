import Core

/// How often and how long apart something is tried again: exponential, with full jitter.
package struct RetryPolicy: Sendable, Equatable {
    /// Tries in all, the first included.
    package var attempts: Int
    /// The upper bound of the first pause; it doubles with every failure up to `cap`.
    package var base: Duration
    package var cap: Duration
    /// The shortest pause.
    package var floor: Duration

    package init(attempts: Int, base: Duration = .seconds(1), cap: Duration = .seconds(3_600), floor: Duration = .zero)
    {
        precondition(attempts >= 1, "Cannot make a retry policy when it allows no attempt")
        self.attempts = attempts
        self.base = base
        self.cap = cap
        self.floor = floor
    }

    /// Without an end: for connections that must come back.
    package static func forever(base: Duration, cap: Duration, floor: Duration = .zero) -> RetryPolicy {
        RetryPolicy(attempts: .max, base: base, cap: cap, floor: floor)
    }

    /// The pause after so many failed attempts, or `nil` when there is no further attempt.
    ///
    /// - Parameter failures: failed attempts so far, at least 1.
    package func delay(afterFailures failures: Int, using random: inout some RandomNumberGenerator) -> Duration? {
        guard failures < attempts else { return nil }
        let bound = bound(afterFailures: failures)
        guard bound > floor else { return floor }
        return .microseconds(Int64.random(in: floor.microseconds...bound.microseconds, using: &random))
    }

    /// The same with the system's random numbers.
    package func delay(afterFailures failures: Int) -> Duration? {
        var random = SystemRandomNumberGenerator()
        return delay(afterFailures: failures, using: &random)
    }

    /// The longest pause after so many failures.
    package func bound(afterFailures failures: Int) -> Duration {
        var time = base
        for _ in 1..<max(failures, 1) where time < cap { time *= 2 }
        return min(time, cap)
    }
}
