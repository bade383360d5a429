import Bus
import CommunicationAPI
import Core
import Metrics
import ProviderConfig
import Redis
import Resilience
import Synchronization
import Telemetry

/// Holds messages to their providers' rates: together with the other processes while Redis is there, each for itself while
/// it is not.
final class RateLimiter: Sendable {
    /// Buckets kept in memory for when Redis is away; one more makes room by dropping one.
    static let localCapacity = 10_000
    /// How long an answer of Redis is waited for.
    static let patience: Duration = .milliseconds(250)
    /// After a failure Redis is left alone so long.
    private static let outage = CircuitBreakerPolicy(
        consecutiveFailures: 1,
        openTime: .seconds(1),
        longestOpenTime: .seconds(1),
        probeTime: .seconds(1)
    )

    private struct Key: Hashable {
        let clinic: ClinicID
        let entry: ProviderEntryID
    }

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let circuit = CircuitBreaker(policy: RateLimiter.outage)
    private let local = Mutex<[Key: RateBucket]>([:])

    init(redis: RedisClient, keyspace: Keyspace) {
        self.redis = redis
        self.keyspace = keyspace
    }

    /// Takes what one message needs of a clinic's rate with a provider entry; `nil` when it may go, else how long it waits.
    func take(
        _ clinic: ClinicID,
        _ entry: ProviderEntryID,
        _ rate: SendingRate,
        _ priority: MessagePriority
    ) async -> Duration? {
        guard case .admitted(let permit) = circuit.admit() else {
            return takeLocally(Key(clinic: clinic, entry: entry), rate, priority)
        }
        do {
            let wait = try await askRedis(clinic, entry, rate, priority)
            circuit.settle(permit, .alive)
            if wait != nil { Self.count(priority, "redis") }
            return wait
        } catch {
            circuit.settle(permit, .failure)
            return takeLocally(Key(clinic: clinic, entry: entry), rate, priority)
        }
    }

    /// - Parameter source: whose bucket was empty, Redis' or the process' own.
    private static func count(_ priority: MessagePriority, _ source: String) {
        Counter(.rateWaits, [(.lane, priority.rawValue), (.source, source)]).increment()
    }

    /// The key of a bucket: ids only.
    func key(_ clinic: ClinicID, _ entry: ProviderEntryID) -> String {
        keyspace.rateLimit("sending:\(clinic):\(entry)")
    }

    private func askRedis(
        _ clinic: ClinicID,
        _ entry: ProviderEntryID,
        _ rate: SendingRate,
        _ priority: MessagePriority
    ) async throws -> Duration? {
        let arguments: [RedisArgument] = [
            .text("\(rate.perSecond)"), .text("\(rate.burst)"), .number(rate.dailyCap ?? 0), .number(priority.rank),
            .number(Int(RateBucket.claimLasts.microseconds)),
            .number(Int(RateBucket.shortestWait.microseconds)),
        ]
        let (redis, key) = (redis, key(clinic, entry))
        let reply = try await withThrowingTaskGroup(of: Reply?.self) { group in
            group.addTask { try await RateScript.take.run(on: redis, keys: [key], arguments: arguments) }
            group.addTask {
                try await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let microseconds = reply?.integer else { throw RedisError.protocol }
        return microseconds < 0 ? nil : .microseconds(microseconds)
    }

    private func takeLocally(
        _ key: Key,
        _ rate: SendingRate,
        _ priority: MessagePriority
    ) -> Duration? {
        let now = Instant.now()
        let wait = local.withLock { local in
            if local[key] == nil, local.count >= Self.localCapacity, let any = local.keys.first { local[any] = nil }
            return local[key, default: RateBucket(rate, at: now)].take(rate, priority, at: now)
        }
        if wait != nil { Self.count(priority, "process") }
        return wait
    }
}
