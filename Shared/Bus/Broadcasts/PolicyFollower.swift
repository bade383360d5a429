package import Authorization
import Contracts
import Core
package import Logging
import Metrics
package import Redis
import Resilience
import ServiceLifecycle
import Synchronization
import Telemetry

/// Holds the policy that this process decides with, and knows whether it is new enough to decide with.
///
/// Access tells the latest committed version twice a second; when that is ahead of ours the difference is fetched. What
/// has not been confirmed for two seconds, on the monotonic clock, is stale.
package final class PolicyFollower: Service {
    package enum Freshness: Sendable {
        case fresh
        /// No committed version was confirmed for `PolicyNews.goodFor`: nothing may be allowed.
        case stale
    }

    private let policy = Mutex(PolicySnapshot())
    private let confirmedAt = Mutex<ContinuousClock.Instant?>(nil)
    /// What `refresh` asks.
    private let question = SharedQuestion(rest: PolicyFollower.askedApart, mostWaiting: PolicyFollower.mostAsking)
    private let fetching = AsyncLock()
    /// Somebody asks because nothing was heard.
    private let isAsking = Mutex(false)
    private let fetch: @Sendable (PolicyChangesQuery) async throws -> PolicyChanges
    private let listen: @Sendable (PolicyFollower) async throws -> Void
    private let lag = Gauge(.policyLag)

    /// Follows over the bus.
    ///
    /// - Parameter requests: must be able to ask access.
    package convenience init(
        requests: RequestClient,
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        process: String,
        logger: Logger
    ) {
        self.init(redis: redis, keyspace: keyspace, keys: keys, logger: logger) { query in
            try await Self.ask(requests, query, from: process)
        }
    }

    /// Follows over the bus with another way to the difference: access reads its own tables.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        logger: Logger,
        fetch: @escaping @Sendable (PolicyChangesQuery) async throws -> PolicyChanges
    ) {
        self.fetch = fetch
        listen = { follower in
            let listener = BroadcastListener(
                redis: redis,
                keyspace: keyspace,
                keys: keys,
                topic: Self.topic,
                logger: logger,
                onNews: { news in await follower.hear(news) },
                onReload: { try await follower.reload() }
            )
            try await listener.run()
        }
    }

    /// The least time between two questions of `refresh`.
    package static let askedApart: Duration = .milliseconds(50)
    /// Who wait for an answer to `refresh`; more are refused by what is known.
    static let mostAsking = 1_000
    /// How long who is to decide waits for a policy that is new enough.
    package static let patience: Duration = .seconds(2)
    /// The topic of news that versions are told on.
    package static let topic = "access"

    /// The policy as held now, fresh or not.
    package var snapshot: PolicySnapshot { policy.withLock { $0 } }

    /// Decides without taking a copy of the policy.
    package func withSnapshot<R>(_ body: (borrowing PolicySnapshot) -> R) -> R { policy.withLock { body($0) } }

    /// How new the policy is.
    package func freshness() -> Freshness {
        guard let confirmed = confirmedAt.withLock({ $0 }) else { return .stale }
        return ContinuousClock.now - confirmed < PolicyNews.goodFor ? .fresh : .stale
    }

    /// Whether the policy may be decided with.
    package var isFresh: Bool { freshness() == .fresh }

    /// Whether the policy may be decided with, asking access where nothing was heard for too long.
    ///
    /// A process that has just begun, or that news reach late, is not the caller's fault: it is made to wait for a moment. What was
    /// as new as it has to be when the caller came is new enough.
    package func becomesFresh(within patience: Duration = PolicyFollower.patience) async -> Bool {
        let came = ContinuousClock.now
        while true {
            if let confirmed = confirmedAt.withLock({ $0 }), came - confirmed < PolicyNews.goodFor { return true }
            guard ContinuousClock.now - came < patience, !Task.isCancelled else { return false }
            if !takesAsking() {
                try? await Task.sleep(for: Self.askedApart)
                continue
            }
            let isTold = (try? await reload()) != nil
            isAsking.withLock { $0 = false }
            if !isTold { try? await Task.sleep(for: Self.askedApart) }
        }
    }

    /// Whether the policy held is at least of that version, after fetching once if it was not.
    package func catchUp(to version: Int64) async -> Bool {
        if withSnapshot({ $0.version }) >= version { return true }
        try? await reload()
        return withSnapshot { $0.version } >= version
    }

    /// Asks access for what is new, once for all who ask.
    ///
    /// For who is about to refuse somebody that access may have made a moment ago. However many are refused, there are
    /// `PolicyFollower.askedApart` between two questions.
    package func refresh() async {
        await question.answer { (try? await self.reload()) != nil }
    }

    /// Follows until shutdown.
    package func run() async throws { try await listen(self) }

    func hear(_ news: BroadcastListener.News, now: Instant = .now()) async {
        let heardAt = ContinuousClock.now
        // News that waited in a buffer, of Redis or of a process that was stopped, are as old as they are.
        let said = try? JSONTape(news.payload).decode(PolicyNews.self)
        let age = max(.zero, said.map { now - $0.at } ?? .zero)
        lag.record(age.inSeconds)
        do {
            let hasOtherKeys = said?.keyIDs.map { told in withSnapshot { $0.keys.map(\.kid) != told } } ?? false
            if hasOtherKeys || withSnapshot({ $0.version }) < news.version { try await fetchChanges() }
            guard withSnapshot({ $0.version }) >= news.version else { return }
            confirm(at: heardAt - age)
        } catch {
            // The next news come in half a second and ask again; until then the policy ages.
        }
    }

    func reload() async throws {
        let began = ContinuousClock.now
        try await fetchChanges()
        confirm(at: began)
    }

    private func confirm(at instant: ContinuousClock.Instant) {
        confirmedAt.withLock { confirmed in confirmed = max(confirmed ?? instant, instant) }
    }

    /// Fetches what is missing.
    ///
    /// One at a time: an older answer taken in after a newer one would undo it.
    private func fetchChanges() async throws { try await fetching.run { try await fetchPages() } }

    private func fetchPages() async throws {
        let held = withSnapshot { $0.version }
        var page = try await fetch(PolicyChangesQuery(since: held))
        if !page.full && page.next == nil {
            policy.withLock { $0.apply(page, at: .now()) }
            return
        }
        // Nobody may decide with half of it.
        var next = snapshot
        next.apply(page, at: .now())
        while let after = page.next {
            page = try await fetch(PolicyChangesQuery(since: held, after: after))
            next.apply(page, isFirst: false, at: .now())
        }
        let whole = next
        policy.withLock { $0 = whole }
    }

    /// Whether nobody else asks already.
    private func takesAsking() -> Bool {
        isAsking.withLock { isAsking in
            defer { isAsking = true }
            return !isAsking
        }
    }

    private static func ask(
        _ client: RequestClient,
        _ query: PolicyChangesQuery,
        from process: String
    ) async throws -> PolicyChanges {
        let endpoint = PolicyEndpoints().changes
        let request = BusRequest(
            operation: endpoint.name,
            principal: .system(process),
            deadline: .after(endpoint.deadline),
            idempotencyKey: "policy",
            source: RequestSource(address: "", userAgent: process),
            input: try JSONWriter.encode(query)
        )
        let reply = try await client.send(request, to: endpoint.service)
        guard reply.status == endpoint.status else { throw Problem.unavailable("The access policy") }
        return try JSONTape(reply.body).decode(PolicyChanges.self)
    }
}
