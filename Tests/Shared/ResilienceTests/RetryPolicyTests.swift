import Core
import Resilience
import Testing

@Suite struct RetryPolicyTests {
    private let policy = RetryPolicy(attempts: 6, base: .seconds(1), cap: .seconds(10), floor: .milliseconds(100))

    @Test(arguments: [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10)])
    func theBoundDoublesUpToTheCap(failures: Int, seconds: Int) {
        #expect(policy.bound(afterFailures: failures) == .seconds(seconds))
        var random = CircuitWalkTests.Seeded(state: UInt64(failures))
        let delays = (0..<1_000).compactMap { _ in policy.delay(afterFailures: failures, using: &random) }
        #expect(delays.count == 1_000)
        #expect(delays.allSatisfy { $0 >= .milliseconds(100) && $0 <= .seconds(seconds) })
        // Full jitter: both halves of the range are used.
        #expect(
            delays.contains { $0 < .milliseconds(seconds * 500) }
                && delays.contains { $0 > .milliseconds(seconds * 500) }
        )
    }

    @Test func theLastFailureHasNoPauseAfterIt() {
        #expect(policy.delay(afterFailures: 6) == nil)
        #expect(RetryPolicy(attempts: 1).delay(afterFailures: 1) == nil)
    }

    @Test func foreverHasNoEndAndNoOverflow() {
        let policy = RetryPolicy.forever(base: .milliseconds(50), cap: .seconds(5))
        #expect(policy.bound(afterFailures: 1_000_000) == .seconds(5))
        #expect(policy.delay(afterFailures: 1_000_000) != nil)
    }
}

@Suite struct TokenBucketTests {
    @Test func aBurstAndThenTheRate() {
        var now = Instant(seconds: 0)
        var bucket = TokenBucket(rate: 2, burst: 3, at: now)
        for _ in 0..<3 { #expect(bucket.take(at: now) == nil) }
        #expect(bucket.take(at: now) == .milliseconds(500))
        now = now + .milliseconds(500)
        #expect(bucket.take(at: now) == nil)
        #expect(bucket.remaining(at: now) == 0)
        now = now + .seconds(60)
        #expect(bucket.remaining(at: now) == 3)
        #expect(bucket.isFull(at: now))
    }

    @Test func aClockSetBackGivesNothing() {
        let now = Instant(seconds: 1_000)
        var bucket = TokenBucket(rate: 1, burst: 1, at: now)
        #expect(bucket.take(at: now) == nil)
        #expect(bucket.take(at: now - .seconds(500)) != nil)
    }

    @Test(arguments: 0..<20)
    func neverMoreThanRateAndBurst(seed: Int) {
        var random = CircuitWalkTests.Seeded(state: UInt64(seed))
        var now = Instant(seconds: 0)
        var bucket = TokenBucket(rate: 10, burst: 5, at: now)
        var taken = 0
        for _ in 0..<5_000 {
            now = now + .milliseconds(Int.random(in: 0...40, using: &random))
            if bucket.take(at: now) == nil { taken += 1 }
            #expect(Double(taken) <= 5 + 10 * (now - Instant(seconds: 0)).inSeconds + 0.001)
        }
    }
}

@Suite struct CircuitBreakersTests {
    @Test func oneBreakerPerKeyAndOpenOnesStay() {
        let breakers = CircuitBreakers<Int>(policy: CircuitBreakerPolicy(), capacity: 4, now: { Instant(seconds: 5) })
        let first = breakers.breaker(for: 0)
        #expect(breakers.breaker(for: 0) === first)
        first.latch("credentials")
        for key in 1..<10 { _ = breakers.breaker(for: key) }
        #expect(breakers.existing(for: 0) === first)
        #expect(breakers.existing(for: 1) == nil)
    }
}
