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
///
/// Of a fast provider's tokens a few are fetched at once, and kept for the messages that follow: Redis is asked once for many.
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

    /// Fetched tokens are what a rate gives in so long, and no more than `purseMost`: other processes wait no longer for them.
    private static let purseTime: Duration = .milliseconds(20)
    private static let purseMost = 32
    /// Fetched tokens that nobody needs in so long are lost.
    private static let purseLasts: Duration = .milliseconds(100)

    /// What a bucket says.
    private enum Answer {
        /// So many tokens are taken, one of them spent already.
        case taken(Int)
        case wait(RateWait)
        /// A day is capped of which nobody has said yet how many have gone.
        case uncounted(day: Int64)

        init?(_ reply: Reply?) {
            guard let parts = reply?.array, parts.count == 2, let number = parts[1].integer else { return nil }
            switch parts[0].string {
            case "taken": self = .taken(Int(number))
            case "rate": self = .wait(.rate(.microseconds(number)))
            case "cap": self = .wait(.cap(.microseconds(number)))
            case "uncounted": self = .uncounted(day: number)
            default: return nil
            }
        }
    }

    private struct Purse {
        var tokens = 0
        var until = ContinuousClock.now
        /// Whoever comes while it is being filled asks for one token alone: fetched together they might not be needed.
        var isBeingFilled = false
    }

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let patience: Duration
    private let circuit = CircuitBreaker(policy: RateLimiter.outage)
    private let local = Mutex<[Key: RateBucket]>([:])
    private let purses = Mutex<[Key: Purse]>([:])

    init(redis: RedisClient, keyspace: Keyspace, patience: Duration = RateLimiter.patience) {
        self.redis = redis
        self.keyspace = keyspace
        self.patience = patience
    }

    /// Takes what one message needs of a clinic's rate with a provider entry; `nil` when it may go, else why it may not.
    ///
    /// - Parameters:
    ///   - waits: whether the message comes for a token when there is none; else no place is kept for it.
    ///   - gone: how many have gone through the entry since a day's beginning; asked where a cap is to be kept and the
    ///     day's count is not known, once for all processes.
    func take(
        _ clinic: ClinicID,
        _ entry: ProviderEntryID,
        _ rate: SendingRate,
        _ priority: MessagePriority,
        waits: Bool = true,
        gone: (_ since: Instant) async throws -> Int
    ) async rethrows -> RateWait? {
        let key = Key(clinic: clinic, entry: entry)
        var count: DayCount?
        while true {
            switch await ask(key, rate, priority, waits: waits, count) {
            case .taken: return nil
            case .wait(let wait): return wait
            case .uncounted(let day): count = DayCount(day: day, messages: try await gone(DayCount.start(of: day)))
            }
        }
    }

    private func ask(
        _ key: Key,
        _ rate: SendingRate,
        _ priority: MessagePriority,
        waits: Bool,
        _ count: DayCount?
    ) async -> Answer {
        let purse = Self.fetched(of: rate)
        if purse > 1, pay(from: key) { return .taken(1) }
        guard case .admitted(let permit) = circuit.admit() else {
            return takeLocally(key, rate, priority, waits: waits, count)
        }
        let fills = purse > 1 && startFilling(key)
        do {
            let answer = try await askRedis(key, rate, priority, waits: waits, count, most: fills ? purse : 1)
            circuit.settle(permit, .alive)
            switch answer {
            case .taken(let tokens):
                if fills { fill(key, tokens - 1) }
                stopCountingLocally(key, rate)
            case .wait:
                if fills { fill(key, 0) }
                Self.count(priority, "redis")
                stopCountingLocally(key, rate)
            case .uncounted: break
            }
            return answer
        } catch {
            circuit.settle(permit, .failure)
            if fills { fill(key, 0) }
            return takeLocally(key, rate, priority, waits: waits, count)
        }
    }

    /// - Parameter source: whose bucket was empty, Redis' or the process' own.
    private static func count(_ priority: MessagePriority, _ source: String) {
        Counter(.rateWaits, [(.lane, priority.rawValue), (.source, source)]).increment()
    }

    /// How many tokens are fetched at once; one where each is counted.
    static func fetched(of rate: SendingRate) -> Int {
        guard rate.dailyCap == nil else { return 1 }
        return max(1, Int(min(Double(purseMost), rate.perSecond * purseTime.inSeconds)))
    }

    private func pay(from key: Key) -> Bool {
        purses.withLock { purses in
            guard let purse = purses[key], purse.tokens > 0, purse.until > .now else { return false }
            purses[key]?.tokens -= 1
            return true
        }
    }

    private func startFilling(_ key: Key) -> Bool {
        purses.withLock { purses in
            if purses[key] == nil, purses.count >= Self.localCapacity { purses = [:] }
            guard !purses[key, default: Purse()].isBeingFilled else { return false }
            purses[key, default: Purse()].isBeingFilled = true
            return true
        }
    }

    private func fill(_ key: Key, _ tokens: Int) {
        purses.withLock { $0[key] = Purse(tokens: tokens, until: .now + Self.purseLasts) }
    }

    /// The key of a bucket: ids only.
    func key(_ clinic: ClinicID, _ entry: ProviderEntryID) -> String {
        keyspace.rateLimit("sending:\(clinic):\(entry)")
    }

    private func askRedis(
        _ bucket: Key,
        _ rate: SendingRate,
        _ priority: MessagePriority,
        waits: Bool,
        _ count: DayCount?,
        most: Int
    ) async throws -> Answer {
        // What went while it was away Redis has not counted.
        let isAgain = rate.dailyCap != nil && local.withLock { $0[bucket]?.day != nil }
        let arguments: [RedisArgument] = [
            .text("\(rate.perSecond)"), .text("\(rate.burst)"), .number(rate.dailyCap ?? 0), .number(priority.rank),
            .number(Int(RateBucket.claimLasts.microseconds)),
            .number(Int(RateBucket.shortestWait.microseconds)), .number(most), .number(Int(count?.day ?? -1)),
            .number(count?.messages ?? 0), .number(isAgain ? 1 : 0), .number(waits ? 1 : 0),
        ]
        let (redis, key) = (redis, key(bucket.clinic, bucket.entry))
        let reply = try await withTimeLimit(patience) {
            try await RateScript.take.run(on: redis, keys: [key], arguments: arguments)
        }
        guard let answer = Answer(reply) else { throw RedisError.protocol }
        return answer
    }

    private func takeLocally(
        _ key: Key,
        _ rate: SendingRate,
        _ priority: MessagePriority,
        waits: Bool,
        _ count: DayCount?
    ) -> Answer {
        let now = Instant.now()
        let today = DayCount.day(of: now)
        let answer: Answer = local.withLock { local in
            if local[key] == nil, local.count >= Self.localCapacity, let any = local.keys.first { local[any] = nil }
            var bucket = local[key] ?? RateBucket(rate, at: now)
            if rate.dailyCap != nil, bucket.day != today {
                guard let count, count.day == today else { return .uncounted(day: today) }
                bucket.begin(count)
            }
            let wait = bucket.take(rate, priority, waits: waits, at: now)
            local[key] = bucket
            return wait.map { Answer.wait($0) } ?? .taken(1)
        }
        if case .wait = answer { Self.count(priority, "process") }
        return answer
    }

    /// Redis counts again, with what it has been told.
    private func stopCountingLocally(_ key: Key, _ rate: SendingRate) {
        guard rate.dailyCap != nil else { return }
        local.withLock { $0[key]?.stopCounting() }
    }
}
