import Core
import Logging
import Metrics
import Redis
import ServiceLifecycle
import Synchronization
import Telemetry

/// One consumer of one group: reads no more than it has free slots, retries its own, and claims what dead peers left.
///
/// A group or stream that Redis has forgotten is made again from the first entry on.
final class GroupConsumer: Sendable {
    /// How long a read waits for entries; also the most a shutdown waits for it.
    static let block: Duration = .milliseconds(500)
    static let batchMax = 128
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
    private let serve: @Sendable (Delivery) async -> Verdict

    init(
        redis: RedisClient,
        stream: String,
        group: String,
        consumer: String,
        concurrency: Int,
        logger: Logger,
        serve: @escaping @Sendable (Delivery) async -> Verdict
    ) {
        self.redis = redis
        self.stream = stream
        self.group = group
        self.consumer = consumer
        self.logger = logger
        slots = Slots(concurrency)
        reader = redis.blockingTwin("read-\(group)")
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
                let free = await slots.available()
                if free == 0 || isStopping { continue }
                for entry in await readSome(min(free, Self.batchMax)) {
                    slots.take()
                    tasks.addTask { await self.work(Delivery(entry: entry, count: 1)) }
                }
            }
        }
    }

    private func readSome(_ count: Int) async -> [StreamEntry] {
        do {
            let read = RedisCommand(
                [
                    "XREADGROUP", "GROUP", .text(group), .text(consumer), "COUNT", .number(count), "BLOCK",
                    .number(Int(Self.block.milliseconds)), "STREAMS", .text(stream), ">",
                ],
                blocksFor: Self.block
            )
            let entries = try await reader.send(read).readEntries()
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

    /// Serves one delivery; its slot was taken before.
    func work(_ delivery: Delivery) async {
        let id = delivery.entry.id
        state.withLock { _ = $0.running.insert(id) }
        let verdict = await serve(delivery)
        let now = ContinuousClock.now
        state.withLock { state in
            state.running.remove(id)
            state.retries[id] = nil
            switch verdict {
            case .settled: break
            case .again(let wait), .held(let wait): state.retries[id] = now + wait
            case .notForUs: state.notForUs.insert(id)
            }
        }
        switch verdict {
        case .held, .notForUs: await forgetDelivery(id)
        case .settled, .again: break
        }
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
