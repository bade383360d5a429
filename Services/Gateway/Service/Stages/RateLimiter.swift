import Authorization
import Core
import Resilience
import Synchronization

/// What a caller may ask per time.
package struct RateLimits: Sendable, Hashable {
    package struct Limit: Sendable, Hashable {
        static let quotas = 1...1_000_000
        static let windows = 1...86_400

        /// Requests per window.
        package var quota: Int
        /// Seconds.
        package var window: Int
    }

    /// Per signed-in user and class of routes.
    package var user = Limit(quota: 50, window: 1)
    /// Per API key and class of routes.
    package var key = Limit(quota: 50, window: 1)
    /// Per clinic and class of routes.
    package var clinic = Limit(quota: 500, window: 1)
    /// Per client address, of IPv6 per network of 64 bits, on `/auth/*` and `/public/*`.
    package var address = Limit(quota: 60, window: 60)
    /// Per client address on other public routes: webhooks come in bursts from few addresses.
    package var webhook = Limit(quota: 200, window: 1)

    package init() {}
}

/// Which requests share a bucket.
enum RouteClass: UInt8, Hashable, Sendable {
    case read, write, authentication, publicBooking, webhook, open
}

/// Token buckets in this process; each gateway holds its share of the limits, so no request waits for another process.
final class RateLimiter: Sendable {
    /// Buckets of callers kept at once, and as many of addresses; full ones are forgotten first.
    static let mostBuckets = 200_000

    enum Subject: Hashable, Sendable {
        case user(UserID, RouteClass)
        case apiKey(APIKeyID, RouteClass)
        case clinic(ClinicID, RouteClass)
        case address(String, RouteClass)
    }

    /// What the headers say, and whether the request is let in.
    struct Verdict: Sendable {
        var policy: String
        var limit: String
        /// Seconds to wait; `nil` when let in.
        var retryAfter: Int?
    }

    /// `nil` lifts all limits.
    private let limits: RateLimits?
    private typealias Buckets = [Subject: TokenBucket]

    /// Of signed-in callers and of clinics.
    private let callers = Mutex<Buckets>([:])
    /// Of addresses: whoever has many of them takes no room from those who are signed in.
    private let addresses = Mutex<Buckets>([:])
    private let share = Mutex(1)

    init(limits: RateLimits?) { self.limits = limits }

    /// How many gateways share the limits.
    func share(among gateways: Int) {
        let gateways = max(1, gateways)
        let changed = share.withLock { share in
            defer { share = gateways }
            return share != gateways
        }
        // Buckets of another size would go on with the old rate.
        guard changed else { return }
        callers.withLock { $0.removeAll(keepingCapacity: true) }
        addresses.withLock { $0.removeAll(keepingCapacity: true) }
    }

    /// Takes one token of each subject's bucket; `nil` when nothing is limited.
    func take(
        class routeClass: RouteClass,
        caller: Caller?,
        clinic: ClinicID?,
        address: String,
        at now: Instant
    ) -> Verdict? {
        guard let limits else { return nil }
        switch routeClass {
        case .read, .write:
            var verdict: Verdict?
            switch caller {
            case .user(let user, _): verdict = take(.user(user, routeClass), "user", limits.user, at: now)
            case .apiKey(let key): verdict = take(.apiKey(key, routeClass), "key", limits.key, at: now)
            case nil: break
            }
            guard verdict?.retryAfter == nil, let clinic else { return verdict }
            let wider = take(.clinic(clinic, routeClass), "clinic", limits.clinic, at: now)
            guard let narrower = verdict else { return wider }
            return Verdict(
                policy: narrower.policy + ", " + wider.policy,
                limit: narrower.limit + ", " + wider.limit,
                retryAfter: wider.retryAfter
            )
        case .authentication, .publicBooking:
            return take(.address(TrustedProxies.client(at: address), routeClass), "address", limits.address, at: now)
        case .webhook, .open:
            return take(.address(TrustedProxies.client(at: address), routeClass), "address", limits.webhook, at: now)
        }
    }

    private func take(_ subject: Subject, _ name: String, _ limit: RateLimits.Limit, at now: Instant) -> Verdict {
        let shared = share.withLock { $0 }
        let quota = max(1, limit.quota / shared)
        let take = { (buckets: inout Buckets) -> (Duration?, Int) in
            if buckets.count >= Self.mostBuckets { Self.makeRoom(&buckets, at: now) }
            var bucket =
                buckets[subject]
                ?? TokenBucket(rate: Double(quota) / Double(limit.window), burst: Double(quota), at: now)
            let wait = bucket.take(at: now)
            buckets[subject] = bucket
            return (wait, bucket.remaining(at: now))
        }
        let (wait, remaining) =
            if case .address = subject { addresses.withLock { take(&$0) } } else { callers.withLock { take(&$0) } }
        let seconds = wait.map { max(1, Int($0.inSeconds.rounded(.up))) }
        return Verdict(
            policy: "\"\(name)\";q=\(quota);w=\(limit.window)",
            limit: "\"\(name)\";r=\(remaining);t=\(seconds ?? limit.window)",
            retryAfter: seconds
        )
    }

    /// Forgets those who have asked least: what full buckets would say is the same without them, and whoever has used theirs
    /// up stays held to it however many others come.
    private static func makeRoom(_ buckets: inout Buckets, at now: Instant) {
        buckets = buckets.filter { !$0.value.isFull(at: now) }
        guard buckets.count >= mostBuckets else { return }
        // Half of them at once, so that a flood from ever new addresses pays for one sorting with many requests.
        let idlest = buckets.mapValues { bucket in
            var bucket = bucket
            return Double(bucket.remaining(at: now)) / bucket.burst
        }.sorted { $0.value > $1.value }
        for (subject, _) in idlest.prefix(mostBuckets / 2) { buckets[subject] = nil }
    }
}
