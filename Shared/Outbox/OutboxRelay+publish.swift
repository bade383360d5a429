import Bus
import Contracts
import Core
import Logging
import Metrics
import Postgres
import Redis
import Synchronization
import Telemetry

extension OutboxRelay {
    private struct Found: Sendable {
        var rows: [OutboxRow] = []
        var snapshot = ""
    }

    /// Publishes what has been committed since, up to a batch per lane; gives how many rows it were.
    func publish() async throws -> Int {
        guard let epoch = state.withLock({ $0.epoch }) else { return 0 }
        return try await publish(as: epoch)
    }

    func publish(as epoch: EventID) async throws -> Int {
        let now = ContinuousClock.now
        let paused = state.withLock { $0.pausedUntil.filter { $0.value > now } }
        let lanes = OutboxLane.all.filter { paused[$0.part] == nil }
        let limit = policy.batch
        let found = try await database.through(.relay, operation: "outbox.read") { tx in
            let rows = try tx.rows(OutboxStatements.unpublished(lanes, limit: limit))
            return Found(rows: try rows.map { try OutboxRow($0) }, snapshot: try rows.first.map { try $0[15] } ?? "")
        }
        let byLane = Dictionary(grouping: found.rows) { OutboxLane(part: $0.part, priority: $0.priority) }
        var count = 0
        for lane in lanes {
            guard let rows = byLane[lane] else { continue }
            do {
                let entries = try await publisher.publish(rows.map(\.event), to: service, lane.part)
                try await mark(rows, entries, lane, found.snapshot, epoch)
                count += rows.count
            } catch is EventPublisher.Paused {
                state.withLock { $0.pausedUntil[lane.part] = .now + policy.pause }
            }
        }
        return count
    }

    /// Notes the entries, by slot, and how far the lane was read.
    private func mark(
        _ rows: [OutboxRow],
        _ entries: [EntryID],
        _ lane: OutboxLane,
        _ snapshot: String,
        _ epoch: EventID
    ) async throws {
        guard let last = rows.map(\.position).max(), rows.count == entries.count else { throw RedisError.protocol }
        try await leading("outbox.mark") { tx in
            for (_, indices) in Dictionary(grouping: rows.indices, by: { rows[$0].slot }) {
                tx.execute(
                    OutboxStatements.insertBatch(
                        ArraySlice(indices.map { rows[$0] }),
                        lane,
                        entries: indices.map { entries[$0] },
                        epoch: epoch
                    )
                )
            }
            tx.execute(OutboxStatements.advance(lane, to: last, snapshot: snapshot))
        }
    }

    /// Confirms what every group has acknowledged.
    ///
    /// The epoch is looked at after the floor was taken: a Redis that forgot in between shows none, and a floor of a new
    /// stream says nothing about entries of the old one.
    func confirm() async throws {
        guard let epoch = state.withLock({ $0.epoch }) else { return }
        for part in TopicPart.allCases {
            guard let floor = try await publisher.trim(service, part) else {
                try await publisher.ensureGroups(service, part)
                continue
            }
            guard try await isCurrent(epoch) else { return }
            try await leading("outbox.confirm") { tx in
                tx.execute(OutboxStatements.confirm(part, below: floor, epoch: epoch))
            }
        }
    }

    /// Sends again what nobody has confirmed for long and what the stream no longer holds.
    func resendLost() async throws {
        guard let epoch = state.withLock({ $0.epoch }) else { return }
        let time = policy.lossAfter
        let batches = try await database.through(.relay, operation: "outbox.unconfirmed") { tx in
            try tx.rows(OutboxStatements.unconfirmed(epoch, for: time, limit: 64)).map { try OutboxBatch($0) }
        }
        for batch in batches {
            let floor = try await publisher.trim(service, batch.part) ?? .zero
            // What lies below the floor was acknowledged by everyone and trimmed.
            let wanted = batch.entries.filter { $0 >= floor }
            let present = try await publisher.present(wanted, in: service, batch.part)
            let lost = Set(wanted).subtracting(present)
            if !lost.isEmpty {
                logger.error(
                    "entries were lost",
                    metadata: .fields([.count: "\(lost.count)", .topic: service.rawValue])
                )
            }
            try await send(batch, only: lost, epoch: epoch)
        }
    }

    /// Publishes rows of a batch again and notes where they stand now.
    func send(_ batch: OutboxBatch, only lost: Set<EntryID>?, epoch: EventID) async throws {
        var batch = batch
        let old = batch
        let rows = try await database.through(.relay, operation: "outbox.rows") { tx in
            try tx.rows(OutboxStatements.rows(of: old)).map { try OutboxRow($0) }
        }
        let places = Dictionary(zip(batch.positions, batch.positions.indices)) { first, _ in first }
        let again = rows.filter { row in
            guard let place = places[row.position] else { return false }
            return lost?.contains(old.entries[place]) ?? true
        }
        let entries = try await publisher.publish(again.map(\.event), to: service, batch.part)
        for (row, entry) in zip(again, entries) {
            if let place = places[row.position] { batch.entries[place] = entry }
        }
        let updated = batch
        try await leading("outbox.resend") { tx in tx.execute(OutboxStatements.update(updated, epoch: epoch)) }
    }

    /// Lets go of slots that are confirmed as a whole, and of old days of the inbox.
    func truncate() async {
        for slot in 0..<4 {
            // In use just now: another time.
            try? await database.through(.relay, operation: "outbox.truncate") { tx in
                _ = try tx.rows("select outbox_truncate(\(slot)::smallint)")
            }
        }
        let day = Int(Instant.now().seconds / Int64(policy.truncation.components.seconds) % 16)
        try? await database.through(.relay, operation: "inbox.truncate") { tx in
            _ = try tx.rows("select inbox_truncate(\(day)::smallint)")
        }
        if let pending = try? await pending() { Gauge(.outboxPending).record(pending) }
    }

    /// Rows committed and not yet published, counted up to 100,000.
    package func pending() async throws -> Int {
        try await database.through(.relay, operation: "outbox.pending") { tx in
            let rows = try tx.rows(
                """
                select count(*) from outbox_lanes as l cross join lateral (
                    select from outbox as o where o.part = l.part and o.priority = l.priority and o.position > l.read_to
                    limit 100000) as o
                """
            )
            return try rows.first.map { try $0[0] } ?? 0
        }
    }
}
