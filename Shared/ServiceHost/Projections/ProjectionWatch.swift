import Authorization
import Bus
import Contracts
import Core
import Logging
import Metrics
import Postgres
import Redis
import Resilience
import ServiceLifecycle
import Telemetry

/// Has the owners of what this service keeps of others tell it again when the service is new, when its database was
/// restored to an earlier point, and when it takes in kinds of events that it did not take in before.
///
/// Every replica watches; the row that they take turns at makes them ask once.
final class ProjectionWatch: Service {
    static let period: Duration = .seconds(10)
    /// The first wait after a look that failed; doubled with each, up to the period.
    static let retryFirst: Duration = .milliseconds(500)

    private let service: ServiceName
    private let kinds: [ServiceName: Set<String>]
    private let database: Database
    private let beats: RedisBeats
    private let peers: @Sendable () async throws -> [ProcessReport]
    private let ask: @Sendable (ResendAsk) async throws -> Void
    private let log: Logger
    private let outage = Outage<ServiceName>()

    /// - Parameters:
    ///   - kinds: what the service takes in, by topic.
    ///   - peers: the processes that are alive.
    ///   - ask: returns once the question will be seen to; asked with the same id until it does.
    init(
        _ service: ServiceName,
        kinds: [ServiceName: Set<String>],
        database: Database,
        beats: RedisBeats,
        peers: @escaping @Sendable () async throws -> [ProcessReport],
        ask: @escaping @Sendable (ResendAsk) async throws -> Void,
        log: Logger
    ) {
        self.service = service
        self.kinds = kinds
        self.database = database
        self.beats = beats
        self.peers = peers
        self.ask = ask
        self.log = log
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // While a process starts there is nothing to complain of.
            try? await self.beats.waitUntilUp()
            var wait = Self.retryFirst
            while !Task.isCancelled {
                do {
                    try await self.look()
                    _ = self.outage.worked(self.service)
                    wait = Self.retryFirst
                    try await Task.sleep(for: Self.period)
                } catch {
                    self.failed(error)
                    try? await Task.sleep(for: wait)
                    wait = min(wait * 2, Self.period)
                }
            }
        }
    }

    /// Looks once, and asks where there is something to be asked.
    func look() async throws {
        // Before the row is read: the copy was committed before it was made, so a row behind it went back.
        let copy = try await beats.read(database.schema.name).flatMap { DatabaseLife.Copy($0) }
        let areFollowed = try await areFollowedByAll()
        let (service, kinds) = (service, kinds)
        let beat = try await database.through(.relay, operation: "projections.watch") { tx in
            try DatabaseLifeStore.beat(service, kinds: kinds, areFollowed: areFollowed, copy: copy, in: tx)
        }
        if let reason = beat.reason { tell(reason, beat.ask) }
        try await beats.write(beat.copy.text, for: database.schema.name)
        guard let wanted = beat.ask else { return }
        try await ask(wanted)
        try await database.through(.relay, operation: "projections.asked") { tx in
            DatabaseLifeStore.asked(wanted, in: tx)
        }
    }

    /// Whether no replica is left that would pass over what is told again.
    private func areFollowedByAll() async throws -> Bool {
        let mine = Set(kinds.values.joined())
        return try await peers().allSatisfy { $0.process != service.rawValue || mine.isSubset(of: $0.follows ?? []) }
    }

    private func tell(_ reason: String, _ ask: ResendAsk?) {
        Counter(.projectionRebuilds, [(.reason, reason)]).increment()
        let topics = ask?.topics.map(\.rawValue).joined(separator: ",") ?? ""
        log.log(
            level: reason == DatabaseLife.Verdict.restored.rawValue ? .warning : .notice,
            "what is kept of other services is to be told again",
            metadata: .fields([.reason: reason, .topic: topics])
        )
    }

    private func failed(_ error: any Error) {
        guard !Task.isCancelled, outage.failed(service) else { return }
        let type = (error as? any TransientFailure)?.logDescription ?? "\(type(of: error))"
        log.notice("what is kept of other services is not watched", metadata: .fields([.errorType: type]))
    }
}

extension ProjectionWatch {
    /// Asks access, which knows all clinics and has the owners told.
    static func ask(_ requests: RequestClient, as process: String) -> @Sendable (ResendAsk) async throws -> Void {
        { ask in
            let endpoint = PolicyEndpoints().askResend
            let request = BusRequest(
                operation: endpoint.name,
                principal: .system(process),
                deadline: .after(endpoint.deadline),
                idempotencyKey: ask.id.description,
                source: RequestSource(address: "", userAgent: process),
                input: try JSONWriter.encode(ask)
            )
            let reply = try await requests.send(request, to: endpoint.service)
            guard reply.status == endpoint.status else { throw Problem.unavailable("Access") }
        }
    }
}
