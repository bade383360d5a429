import Core
import Logging
import Metrics
import Redis
import ServiceLifecycle
import Synchronization
import Telemetry

/// One consumer of one group: reads no more than it has free slots, retries its own, and claims what dead peers left.
///
/// Where `serve` decides who waits, it also reads what neither it nor a peer has had a slot for during `patience`.
///
/// New entries are served up to `together` at a time; what was given out before is served alone, so that a poison entry
/// never drags its neighbours along.
///
/// A group or stream that Redis has forgotten is made again from the first entry on.
final class GroupConsumer: Sendable {
    /// How long a read waits for entries; also the most a shutdown waits for it.
    static let block: Duration = .milliseconds(500)
    static let batchMax = 128
    /// How long one that reads on leaves entries to whoever has a slot for them.
    static let patience: Duration = .milliseconds(10)
    /// A consumer that has not spoken for so long is dead.
    static let deadAfter: Duration = .seconds(5)
    /// An entry that a live consumer has left so long is for whoever understands it.
    static let abandonedAfter: Duration = .seconds(120)
    /// A dead consumer without entries is removed after this.
    static let removedAfter: Duration = .seconds(60)
    static let tick: Duration = .milliseconds(100)
    static let peersEvery = 10
    /// Without a completed read for so long the process does not consume, whatever its connection says.
    static let progressWithin: Duration = .seconds(15)

    struct Delivery: Sendable {
        let entry: StreamEntry
        /// How often it was given out, this time included.
        let count: Int64
        var isRedelivered: Bool { count > 1 }
    }

    enum Verdict: Sendable {
        /// Acknowledged, or gone.
        case settled
        /// Offered again after the wait; counts as a delivery.
        case again(after: Duration)
        /// Offered again after the wait as if it had not been delivered yet.
        case held(Duration)
        /// Left for a newer replica.
        case notForUs
    }

    struct State {
        var isStopping = false
        /// When a read was last answered; `nil` before the first.
        var progress: ContinuousClock.Instant?
        var retries: [EntryID: ContinuousClock.Instant] = [:]
        var running: Set<EntryID> = []
        var notForUs: Set<EntryID> = []
        var isTakingOver = false

        /// Notes what became of an entry; whether it was not tried, and its delivery does not count.
        mutating func settle(_ id: EntryID, _ verdict: Verdict, at now: ContinuousClock.Instant) -> Bool {
            running.remove(id)
            retries[id] = nil
            switch verdict {
            case .settled: return false
            case .again(let wait):
                retries[id] = now + wait
                return false
            case .held(let wait):
                retries[id] = now + wait
                return true
            case .notForUs:
                notForUs.insert(id)
                return true
            }
        }

        /// Whether the entry is at work, due again, or left to others.
        func knows(_ id: EntryID) -> Bool { running.contains(id) || retries[id] != nil || notForUs.contains(id) }
    }

    let redis: RedisClient
    let stream: String
    let group: String
    let consumer: String
    let logger: Logger
    let slots: Slots
    let state = Mutex(State())
    private let reader: RedisClient
    /// Whether entries are read with all slots taken, too.
    let readsOn: Bool
    private let together: Int
    private let most: Int
    private let serve: @Sendable ([Delivery]) async -> [Verdict]

    /// - Parameters:
    ///   - concurrency: calls of `serve` at once.
    ///   - readsOn: whether more are made when none of them ends for a while; `serve` then has to bound what it holds.
    ///   - together: entries that one call gets at most.
    ///   - most: entries that are read at once at most.
    ///   - serve: gives a verdict for each delivery, in their order.
    init(
        redis: RedisClient,
        stream: String,
        group: String,
        consumer: String,
        concurrency: Int,
        readsOn: Bool = false,
        together: Int = 1,
        most: Int = GroupConsumer.batchMax,
        logger: Logger,
        serve: @escaping @Sendable ([Delivery]) async -> [Verdict]
    ) {
        self.redis = redis
        self.stream = stream
        self.group = group
        self.consumer = consumer
        self.logger = logger
        slots = Slots(concurrency)
        reader = redis.blockingTwin("read-\(group)")
        self.readsOn = readsOn
        self.together = together
        self.most = most
        self.serve = serve
    }

    /// Whether reads go on being answered.
    var isProgressing: Bool {
        state.withLock { state in
            state.progress.map { ContinuousClock.now - $0 < Self.progressWithin } ?? false
        }
    }

    /// Consumes until shutdown; what is at work then is finished and acknowledged first.
    func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.reader.runUntilClosed() }
                group.addTask { await self.tend() }
                await self.readAll()
                self.reader.close()
                self.state.withLock { $0.isStopping = true }
            }
            await self.leave()
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
        }
    }

    var isStopping: Bool { Task.isCancelled || state.withLock { $0.isStopping } }

    private func readAll() async {
        await withDiscardingTaskGroup { tasks in
            while !isStopping {
                let free = await slots.available(within: readsOn ? Self.patience : nil)
                if isStopping || free <= 0 && !readsOn { continue }
                // What is read past the slots must not be taken from a peer that waits for it.
                let found = await free > 0 ? readSome(min(free * together, most), for: Self.block) : readSome(most)
                var rest = found[...]
                while !rest.isEmpty {
                    let deliveries = rest.prefix(together).map { Delivery(entry: $0, count: 1) }
                    rest = rest.dropFirst(together)
                    slots.take()
                    tasks.addTask { await self.work(deliveries) }
                }
            }
        }
    }

    /// - Parameter wait: how long to wait for entries; without it only those that are there are read.
    private func readSome(_ count: Int, for wait: Duration = .zero) async -> [StreamEntry] {
        do {
            let read: [RedisArgument] = [
                "XREADGROUP", "GROUP", .text(group), .text(consumer), "COUNT", .number(count),
            ]
            let blocks: [RedisArgument] = wait > .zero ? ["BLOCK", .number(Int(wait.milliseconds))] : []
            let command = RedisCommand(read + blocks + ["STREAMS", .text(stream), ">"], blocksFor: wait)
            let entries = try await reader.send(command).readEntries()
            state.withLock { $0.progress = .now }
            return entries
        } catch {
            await recover(from: error)
            return []
        }
    }

    private func recover(from error: RedisError) async {
        switch error.code {
        case .server("NOGROUP"), .server("UNBLOCKED"):
            do {
                if try await redis.makeGroup(group, of: stream) {
                    logger.warning("group made anew", metadata: .fields([.group: group, .stream: stream]))
                }
            } catch {
                await pause(Self.tick)
            }
        case .cancelled: break
        default: await pause(Self.tick)
        }
    }

    private func pause(_ wait: Duration) async { try? await Task.sleep(for: wait) }

    /// Serves deliveries in one call; its slot was taken before.
    func work(_ deliveries: [Delivery]) async {
        let ids = deliveries.map(\.entry.id)
        state.withLock { $0.running.formUnion(ids) }
        let verdicts = await serve(deliveries)
        let now = ContinuousClock.now
        let untried = state.withLock { state in
            zip(ids, verdicts).filter { id, verdict in state.settle(id, verdict, at: now) }.map(\.0)
        }
        for id in untried { await forgetDelivery(id) }
        slots.release()
    }

    /// An entry that was not tried has not failed: its count goes back.
    private func forgetDelivery(_ id: EntryID) async {
        _ = try? await redis.send([
            "XCLAIM", .text(stream), .text(group), .text(consumer), "0", .text(id.description), "RETRYCOUNT", "0",
            "JUSTID",
        ])
    }

    /// Removes this consumer if nothing is pending; else its peers claim what it left and remove it.
    private func leave() async {
        _ = try? await StreamScripts.removeConsumer.run(
            on: redis,
            keys: [stream],
            arguments: [.text(group), .text(consumer), "0"]
        )
    }
}
