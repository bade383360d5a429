package import Core

/// A token bucket: so many per second on average, and so many at once.
package struct TokenBucket: Sendable, Equatable {
    /// Tokens per second.
    package let rate: Double
    /// The most the bucket holds.
    package let burst: Double
    private var tokens: Double
    private var filledAt: Instant

    /// A full bucket.
    package init(rate: Double, burst: Double, at now: Instant) {
        precondition(rate > 0 && burst >= 1, "Cannot make a token bucket when nothing could ever be taken")
        self.rate = rate
        self.burst = burst
        tokens = burst
        filledAt = now
    }

    /// Takes tokens; `nil` when they were there, else how long until they are.
    package mutating func take(_ count: Double = 1, at now: Instant) -> Duration? {
        fill(at: now)
        guard tokens < count else {
            tokens -= count
            return nil
        }
        return .microseconds(Int64(((count - tokens) / rate * 1_000_000).rounded(.up)))
    }

    /// Whole tokens left.
    package mutating func remaining(at now: Instant) -> Int {
        fill(at: now)
        return Int(tokens)
    }

    /// Whether it has filled up, so that forgetting it changes nothing.
    package func isFull(at now: Instant) -> Bool {
        tokens + max(0, (now - filledAt).inSeconds) * rate >= burst
    }

    private mutating func fill(at now: Instant) {
        // A clock set back fills nothing and takes nothing away.
        if now > filledAt { tokens = min(burst, tokens + (now - filledAt).inSeconds * rate) }
        filledAt = now
    }
}
