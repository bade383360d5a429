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
/// A clinic's own account has a bucket of the clinic's. An account of the installation has one that all clinics share; who is
/// held to less, or has a cap, takes from one of its own too, in the same step.
///
/// Of a fast provider's tokens a few are fetched at once, and kept for the messages that follow, of whichever clinic shares the
/// bucket: Redis is asked once for many.
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
        /// `nil` for the bucket that all clinics share.
        let clinic: ClinicID?
        let entry: ProviderEntryID
    }

    /// What a message asks for: a token of each bucket, or none.
    private struct Wish {
        let clinic: ClinicID
        let entry: ProviderEntryID
        let priority: MessagePriority
        /// Whether it comes for a token when there is none; else no place is kept for it.
        let waits: Bool
        /// In the order in which they are asked: the clinic's, then the one that all share.
        let buckets: [(key: Key, rate: SendingRate)]
        /// Of the clinic's bucket: one that clinics share has none.
        let dailyCap: Int?

        init(
            _ clinic: ClinicID,
            _ entry: ProviderEntryID,
            _ rate: SendingRate,
            _ priority: MessagePriority,
            waits: Bool
        ) {
            self.clinic = clinic
            self.entry = entry
            self.priority = priority
            self.waits = waits
            dailyCap = rate.dailyCap
            var buckets: [(key: Key, rate: SendingRate)] = []
            if rate.hasOwnBucket { buckets.append((Key(clinic: clinic, entry: entry), rate)) }
            if let account = rate.ofAccount {
                buckets.append((Key(clinic: nil, entry: entry), SendingRate(perSecond: account)))
            }
            self.buckets = buckets
        }

        var isShared: Bool { buckets.last?.key.clinic == nil }
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

    /// Takes what one message needs of a clinic's rate with a provider entry, and of the account's where clinics share it;
    /// `nil` when it may go, else why it may not.
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
        let wish = Wish(clinic, entry, rate, priority, waits: waits)
        var count: DayCount?
        while true {
            switch await ask(wish, count) {
            case .taken: return nil
            case .wait(let wait): return wait
            case .uncounted(let day): count = DayCount(day: day, messages: try await gone(DayCount.start(of: day)))
            }
        }
    }

    private func ask(_ wish: Wish, _ count: DayCount?) async -> Answer {
        // Of two buckets tokens are taken one by one: what is fetched of one would not be there of the other.
        let only = wish.buckets.count == 1 ? wish.buckets.first : nil
        let purse = only.map { Self.fetched(of: $0.rate) } ?? 1
        if let only, purse > 1, pay(from: only.key) { return .taken(1) }
        guard case .admitted(let permit) = circuit.admit() else { return takeLocally(wish, count) }
        let filled = only.flatMap { purse > 1 && startFilling($0.key) ? $0.key : nil }
        do {
            let answer = try await askRedis(wish, count, most: filled == nil ? 1 : purse)
            circuit.settle(permit, .alive)
            switch answer {
            case .taken(let tokens):
                if let filled { fill(filled, tokens - 1) }
                stopCountingLocally(wish)
            case .wait:
                if let filled { fill(filled, 0) }
                Self.count(wish.priority, "redis")
                stopCountingLocally(wish)
            case .uncounted: break
            }
            return answer
        } catch {
            circuit.settle(permit, .failure)
            if let filled { fill(filled, 0) }
            return takeLocally(wish, count)
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

    /// The key of a bucket of a clinic's own account: ids only.
    func key(_ clinic: ClinicID, _ entry: ProviderEntryID) -> String {
        keyspace.rateLimit("sending:\(clinic):\(entry)")
    }

    /// The key of the bucket that all clinics share, of an entry of the installation's.
    func sharedKey(_ entry: ProviderEntryID) -> String { key(.installation, entry) }

    /// The keys of a message's buckets and, where the last is shared, of who waits for it.
    private func keys(_ wish: Wish) -> [String] {
        guard wish.isShared else { return [key(wish.clinic, wish.entry)] }
        // A command's keys lie together: those of the clinic's bucket with the one that all share.
        let shared = sharedKey(wish.entry)
        let buckets = wish.buckets.map { bucket in bucket.key.clinic.map { "\(shared):\($0)" } ?? shared }
        return buckets + ["\(shared):waiting:\(wish.priority.rank)"]
    }

    private func askRedis(_ wish: Wish, _ count: DayCount?, most: Int) async throws -> Answer {
        // What went while it was away Redis has not counted.
        let isAgain = wish.buckets.contains { bucket in
            bucket.rate.dailyCap != nil && local.withLock { $0[bucket.key]?.day != nil }
        }
        var arguments: [RedisArgument] = [
            .number(wish.priority.rank), .number(Int(RateBucket.claimLasts.microseconds)),
            .number(Int(RateBucket.shortestWait.microseconds)), .number(most), .number(Int(count?.day ?? -1)),
            .number(count?.messages ?? 0), .number(isAgain ? 1 : 0), .number(wish.waits ? 1 : 0),
            .text("\(wish.clinic)"),
        ]
        for (_, rate) in wish.buckets {
            arguments += [.text("\(rate.perSecond)"), .text("\(rate.burst)"), .number(rate.dailyCap ?? 0)]
        }
        let (redis, keys, given) = (redis, keys(wish), arguments)
        let reply = try await withTimeLimit(patience) {
            try await RateScript.take.run(on: redis, keys: keys, arguments: given)
        }
        guard let answer = Answer(reply) else { throw RedisError.protocol }
        return answer
    }

    private func takeLocally(_ wish: Wish, _ count: DayCount?) -> Answer {
        let now = Instant.now()
        let today = DayCount.day(of: now)
        let answer: Answer = local.withLock { local in
            var asked: [(key: Key, bucket: RateBucket)] = []
            for (key, rate) in wish.buckets {
                if local[key] == nil, local.count >= Self.localCapacity, let any = local.keys.first { local[any] = nil }
                var bucket = local[key] ?? RateBucket(rate, at: now)
                if rate.dailyCap != nil, bucket.day != today {
                    guard let count, count.day == today else { return .uncounted(day: today) }
                    bucket.begin(count)
                    local[key] = bucket
                }
                let sharing = key.clinic == nil ? wish.clinic : nil
                guard let wait = bucket.take(rate, wish.priority, of: sharing, waits: wish.waits, at: now) else {
                    asked.append((key, bucket))
                    continue
                }
                // It keeps its place in this bucket, and has taken nothing of the one before.
                local[key] = bucket
                return .wait(wait)
            }
            for (key, bucket) in asked { local[key] = bucket }
            return .taken(1)
        }
        if case .wait = answer { Self.count(wish.priority, "process") }
        return answer
    }

    /// Redis counts again, with what it has been told.
    private func stopCountingLocally(_ wish: Wish) {
        guard wish.dailyCap != nil else { return }
        local.withLock { local in
            for bucket in wish.buckets { local[bucket.key]?.stopCounting() }
        }
    }
}
