package import Core
package import Logging
package import Redis
import ServiceLifecycle
import Synchronization

/// How far this machine's clock is from Redis', whose time all deadlines on the bus are in.
package final class RedisClock: Service {
    /// Past this difference the process is not ready: its deadlines could not be kept.
    package static let offsetMax: Duration = .milliseconds(500)
    package static let period: Duration = .seconds(10)
    /// How long a measurement counts.
    package static let validFor: Duration = .seconds(60)
    /// The quickest of so many answers is taken: it has the least delay in it.
    static let samples = 3

    private struct Measurement {
        var offset: Duration
        var at: ContinuousClock.Instant
    }

    private let redis: RedisClient
    private let logger: Logger
    private let measurement = Mutex<Measurement?>(nil)

    package init(redis: RedisClient, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    /// Redis' time minus ours; zero before the first measurement.
    package var offset: Duration { measurement.withLock { $0?.offset } ?? .zero }

    /// Redis' time now.
    package func now() -> Instant { Instant.now() + offset }

    /// Whether deadlines mean the same here as elsewhere.
    package var isTrusted: Bool {
        guard let measurement = measurement.withLock({ $0 }) else { return false }
        return measurement.offset <= Self.offsetMax && measurement.offset >= .zero - Self.offsetMax
            && ContinuousClock.now - measurement.at < Self.validFor
    }

    /// Measures now.
    package func measure() async throws(RedisError) {
        var best: (delay: Duration, offset: Duration)?
        for _ in 0..<Self.samples {
            let start = Instant.now()
            let began = ContinuousClock.now
            guard let parts = try await redis.send(["TIME"]).array, parts.count == 2, let seconds = parts[0].integer,
                let micros = parts[1].integer
            else { throw .protocol }
            let delay = ContinuousClock.now - began
            let theirs = Instant(microseconds: seconds * 1_000_000 + micros)
            if best.map({ delay < $0.delay }) ?? true { best = (delay, theirs - (start + delay / 2)) }
        }
        guard let offset = best?.offset else { return }
        measurement.withLock { $0 = Measurement(offset: offset, at: .now) }
    }

    /// Measures again and again until shutdown.
    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                do {
                    try await self.redis.waitUntilUp()
                    try await self.measure()
                    if !self.isTrusted { self.logger.error("clock differs from that of redis") }
                    try await Task.sleep(for: Self.period)
                } catch let error as RedisError where error != .cancelled {
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }
}
