import Core
import Logging
import Redis
import Synchronization
import Telemetry

extension GroupConsumer {
    private static let behindEverything = EntryID(milliseconds: .max, sequence: .max - 1)

    /// Offers own entries again when they are due, and looks after the peers.
    func tend() async {
        await withDiscardingTaskGroup { tasks in
            var round = Int.random(in: 0..<Self.peersEvery)
            while !isStopping {
                try? await Task.sleep(for: Self.tick)
                round += 1
                do {
                    for id in dueRetries() where slots.isFree || readsOn {
                        if let delivery = try await claim(id, idle: .zero) {
                            // Not due again before it is known what becomes of it.
                            state.withLock { _ = $0.running.insert(id) }
                            tasks.addTask { await self.work([delivery]) }
                        } else {
                            state.withLock { $0.retries[id] = nil }
                        }
                    }
                    if round.isMultiple(of: Self.peersEvery) {
                        try await sayAlive()
                        tasks.addTask { await self.takeOver() }
                    }
                } catch {
                    // Redis is away or has forgotten the group: the reading loop sees to it.
                    continue
                }
            }
        }
    }

    /// Serves what was abandoned, one entry after the other: a poison entry never drags its neighbours along.
    private func takeOver() async {
        let begins = state.withLock { state in
            defer { state.isTakingOver = true }
            return !state.isTakingOver
        }
        guard begins else { return }
        defer { state.withLock { $0.isTakingOver = false } }
        // Redis is away or has forgotten the group: the reading loop sees to it.
        guard let found = try? await abandoned() else { return }
        for id in found where !isStopping {
            guard let delivery = try? await claim(id.id, idle: id.idle) else { continue }
            logger.notice(
                "entry claimed from a peer",
                metadata: .fields([.stream: stream, .entryID: "\(id.id)", .attempt: "\(delivery.count)"])
            )
            await work([delivery])
        }
    }

    private func dueRetries() -> [EntryID] {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.retries.filter { $0.value <= now && !state.running.contains($0.key) }.keys.sorted()
        }
    }

    /// Takes one entry over, so that a poison entry never drags its neighbours along, and takes a slot for it.
    ///
    /// `nil` when somebody else has it or it is gone.
    private func claim(_ id: EntryID, idle: Duration) async throws(RedisError) -> Delivery? {
        let replies = try await redis.pipeline([
            [
                "XCLAIM", .text(stream), .text(group), .text(consumer), .number(Int(idle.milliseconds)),
                .text(id.description),
            ],
            ["XPENDING", .text(stream), .text(group), .text(id.description), .text(id.description), "1"],
        ])
        guard replies.count == 2, let entry = try replies[0].checked().entries().first else { return nil }
        let count = try replies[1].checked().array?.first?.array?.last?.integer ?? 1
        slots.take()
        return Delivery(entry: entry, count: count)
    }

    /// Refreshes this consumer's idle time: one whose slots are all taken does not read, and is not dead.
    ///
    /// It asks for its own entries behind an id that none has. Not behind the very greatest: Redis takes that for `>`, and
    /// would give out an entry that nobody serves.
    private func sayAlive() async throws(RedisError) {
        _ = try await redis.send([
            "XREADGROUP", "GROUP", .text(group), .text(consumer), "COUNT", "1", "STREAMS", .text(stream),
            .text(Self.behindEverything.description),
        ])
    }

    /// What dead consumers and lost deliveries have left unfinished, and what live ones have left to whoever understands it.
    ///
    /// Dead consumers that left nothing are removed on the way.
    private func abandoned() async throws(RedisError) -> [(id: EntryID, idle: Duration)] {
        var found: [(id: EntryID, idle: Duration)] = []
        for item in try await redis.send(["XINFO", "CONSUMERS", .text(stream), .text(group)]).array ?? [] {
            let fields = item.fields
            guard let name = fields["name"]?.string, let idle = fields["idle"]?.integer else {
                continue
            }
            let pending = fields["pending"]?.integer ?? 0
            if name != consumer && pending == 0 && idle > Self.removedAfter.milliseconds {
                _ = try await StreamScripts.removeConsumer.run(
                    on: redis,
                    keys: [stream],
                    arguments: [.text(group), .text(name), .number(Int(Self.removedAfter.milliseconds))]
                )
            }
            guard pending > 0 else { continue }
            // Its own as well: those whose delivery was lost on the way here are neither running nor due.
            let isSilent = name == consumer || idle > Self.deadAfter.milliseconds
            let least = isSilent ? Self.deadAfter : Self.abandonedAfter
            let rows = try await redis.send([
                "XPENDING", .text(stream), .text(group), "IDLE", .number(Int(least.milliseconds)), "-", "+",
                .number(Self.batchMax), .text(name),
            ])
            for row in rows.array ?? [] {
                guard let id = row.array?.first?.string.flatMap({ EntryID($0) }) else { continue }
                if state.withLock({ !$0.knows(id) }) { found.append((id, least)) }
            }
        }
        return found
    }
}
