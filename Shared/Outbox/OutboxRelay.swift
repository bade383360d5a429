package import Bus
package import Core
import Contracts
package import Logging
import Metrics
package import Postgres
import Redis
import ServiceLifecycle
import Synchronization
import Telemetry

/// Carries what a service has committed to the bus: reads in order of priority, publishes, notes the entries, and lets go
/// of a row only when every declared group has acknowledged it.
///
/// One of a service's replicas leads, the others stand by; a leader that was paused can publish twice, never mark twice.
package final class OutboxRelay: Service {
    struct State {
        var leadsUntil = ContinuousClock.now
        var epoch: EventID?
        var pausedUntil: [TopicPart: ContinuousClock.Instant] = [:]
        var isStopping = false
    }

    let database: Database
    let publisher: EventPublisher
    let epochs: RedisEpochs
    let service: ServiceName
    let policy: OutboxRelayPolicy
    let logger: Logger
    /// This relay's own name among the replicas.
    let holder = EventID()
    let state = Mutex(State())
    private let signal: WakeSignal

    package init(
        database: Database,
        publisher: EventPublisher,
        epochs: RedisEpochs,
        service: ServiceName,
        policy: OutboxRelayPolicy = OutboxRelayPolicy(),
        logger: Logger
    ) {
        self.database = database
        self.publisher = publisher
        self.epochs = epochs
        self.service = service
        self.policy = policy
        signal = database.signal(of: .outbox)
        self.logger = logger
    }

    /// Relays until the service group shuts down; gives the lead back then.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await self.work()
            await self.resign()
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.signal.signal()
        }
    }

    var isStopping: Bool { Task.isCancelled || state.withLock { $0.isStopping } }

    private func work() async {
        var upkeep = OutboxUpkeep(policy)
        var isOutageLogged = false
        while !isStopping {
            do {
                guard try await lead() else {
                    await signal.wait(upTo: policy.standby)
                    continue
                }
                if upkeep.isDue(.epoch) { try await checkEpoch() }
                let count = try await publish()
                if upkeep.isDue(.confirm) { try await confirm() }
                if upkeep.isDue(.resend) { try await resendLost() }
                if upkeep.isDue(.truncate) { await truncate() }
                isOutageLogged = false
                if count == 0 {
                    await signal.wait(upTo: policy.idle)
                } else if count < policy.batch {
                    try? await Task.sleep(for: policy.gathering)
                }
            } catch {
                upkeep.restart()
                if !isOutageLogged, !isStopping {
                    logger.warning("events cannot be relayed", metadata: .fields([.errorType: Self.kind(of: error)]))
                }
                isOutageLogged = true
                await signal.wait(upTo: policy.standby)
            }
        }
    }

    static func kind(of error: any Error) -> String {
        if let error = error as? DatabaseError { return "database \(error.code)" }
        if let error = error as? RedisError { return "redis \(error.code)" }
        return "\(type(of: error))"
    }

    // MARK: - The lead

    /// Another relay has taken over; nothing of ours counts any more.
    struct LeadLost: Error {}

    /// Whether this relay leads; asks the database when a third of the time has gone.
    func lead() async throws -> Bool {
        let now = ContinuousClock.now
        if state.withLock({ $0.leadsUntil }) - now > policy.lead * 2 / 3 { return true }
        let holder = self.holder
        let time = policy.lead
        let isOurs = try await database.through(.relay, operation: "outbox.lead") { tx in
            guard !(try tx.rows(OutboxStatements.lead(holder, for: time)).isEmpty) else { return false }
            for lane in OutboxLane.all { tx.execute(OutboxStatements.prepareLane(lane)) }
            return true
        }
        state.withLock { state in
            // Another may have recovered meanwhile: its epoch counts.
            if !isOurs || state.leadsUntil < now { state.epoch = nil }
            state.leadsUntil = isOurs ? now + time : now
        }
        return isOurs
    }

    private func resign() async {
        let holder = self.holder
        // In a task of its own: this one may be cancelled, and the others would wait for the lead to run out.
        await Task { [database] in
            try? await database.through(.relay, operation: "outbox.resign") { tx in
                tx.execute(OutboxStatements.resign(holder))
            }
        }.value
    }

    /// One transaction that counts only while this relay leads.
    func leading(
        _ operation: String,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        let holder = self.holder
        try await database.through(.relay, operation: operation) { tx in
            guard !(try tx.rows(OutboxStatements.hold(holder)).isEmpty) else { throw LeadLost() }
            try body(tx)
        }
    }
}
