import Core
package import Logging
package import Postgres
import Resilience
import ServiceLifecycle
import Synchronization

/// Runs a service's jobs: clinics take turns, critical work first, each job once for every effect it commits.
package final class JobWorkers: Service {
    struct State {
        var slots: JobSlots
        var held: [ObjectIdentifier: (job: ClaimedJob, lease: JobLease)] = [:]
        var floors: [JobSearch: JobFloor] = [:]
        /// Since when nobody has found transactional work, by who was asked.
        var withoutBatch: [JobPlace: ContinuousClock.Instant] = [:]
        var unanswered: [UnansweredClaim] = []
        var isStopping = false
    }

    let database: Database
    let policy: JobWorkersPolicy
    let logger: Logger
    let leased: [String: LeasedHandler]
    let batched: [String: BatchHandler]
    let state: Mutex<State>
    /// Lanes whose turns fail.
    let outage = Outage<JobLane>()
    let signal: WakeSignal
    private let stop = WakeSignal()

    package init(
        database: Database,
        handlers: [any JobHandler],
        transactional: [any TransactionalJobHandler] = [],
        policy: JobWorkersPolicy = JobWorkersPolicy(),
        logger: Logger
    ) {
        let leased = handlers.map { Self.erase($0) }
        let batched = transactional.map { Self.erase($0) }
        precondition(
            Set(leased.map(\.name) + batched.map(\.name)).count == leased.count + batched.count,
            "Cannot run jobs when two handlers have one name"
        )
        self.database = database
        self.policy = policy
        self.logger = logger
        signal = database.signal(of: .jobs)
        self.leased = Dictionary(leased.map { ($0.name, $0) }) { first, _ in first }
        self.batched = Dictionary(batched.map { ($0.name, $0) }) { first, _ in first }
        let slots = JobSlots(
            total: policy.concurrency,
            perClinic: policy.perClinic,
            besideOthers: policy.besideOthers,
            worthwhile: policy.worthwhile
        )
        state = Mutex(State(slots: slots))
    }

    private static func erase(_ handler: some JobHandler) -> LeasedHandler { LeasedHandler(handler) }
    private static func erase(_ handler: some TransactionalJobHandler) -> BatchHandler { BatchHandler(handler) }

    /// Works until the service group shuts down, then lets what runs end.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { upkeep in
                upkeep.addTask { await self.renewLeases() }
                upkeep.addTask { await self.keepUp() }
                await withDiscardingTaskGroup { pollers in
                    for _ in 0..<self.policy.pollers { pollers.addTask { await self.poll() } }
                }
                upkeep.cancelAll()
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.signal.signal()
            self.stop.signal()
        }
    }

    var isStopping: Bool { Task.isCancelled || state.withLock { $0.isStopping } }

    /// One loop: turns of all lanes, critical first; sleeps when none had anything.
    private func poll() async {
        await withDiscardingTaskGroup { work in
            var outlook: JobOutlook?
            var failures = 0
            var hasWorked = false
            while !isStopping {
                let looksAround = outlook?.holds(at: .now, hearing: signal.signals) != true
                if looksAround { outlook = await lookAround() }
                var found = false
                var isAnybodyAwake = false
                var failed = outlook == nil
                for lane in JobLane.allCases where outlook?.awake.contains(lane) == true && !isStopping {
                    // Who was woken asks in any case: it may be about somebody whom another loop had just then.
                    let turn = await takeTurn(lane, unless: hasWorked ? outlook?.nobodyBeside[lane] : nil)
                    if let others = turn.nobodyBeside { outlook?.nobodyBeside[lane] = others }
                    for (job, lease) in turn.jobs { work.addTask { await self.execute(job, lease) } }
                    isAnybodyAwake = isAnybodyAwake || !turn.isNobodyAwake
                    found = found || turn.foundWork
                    failed = failed || turn.failed
                }
                hasWorked = found
                failures = failed && !found ? failures + 1 : 0
                if let pause = failures > 0 ? policy.failurePause.delay(afterFailures: failures) : nil {
                    // Whatever work is signalled, it cannot be taken yet.
                    await stop.wait(upTo: pause)
                } else if !found, !looksAround, !isAnybodyAwake {
                    // Who was awake sleeps by now, and until when only another look tells.
                    outlook = nil
                } else if !found {
                    await signal.wait(upTo: outlook?.rest(policy) ?? policy.wait)
                }
            }
            await drain()
            work.cancelAll()
        }
    }

    private func drain() async {
        let end = ContinuousClock.now + policy.drain
        while !Task.isCancelled, ContinuousClock.now < end, state.withLock({ $0.slots.running > 0 }) {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// From where a busy lane is searched, and until when that holds.
struct JobFloor: Sendable {
    let dueAt: Instant
    let until: ContinuousClock.Instant
}

/// What a clinic's lane is searched for: each kind has come as far as it has come.
struct JobSearch: Hashable, Sendable {
    enum Kind: Hashable, Sendable, CaseIterable { case leased, batched }

    let place: JobPlace
    let kind: Kind
}

/// A clinic's lane.
struct JobPlace: Hashable, Sendable {
    let clinic: ClinicID
    let lane: JobLane
}
