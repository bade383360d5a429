import Bus
import Contracts
import Core
import Logging
import Postgres
import Redis
import Synchronization
import Telemetry

/// What the database knows of the bus.
private struct EpochRow: Sendable {
    var epoch: EventID
    var runID: String
    var next: EventID?
    var nextRunID: String?
}

/// When Redis forgets: the database has every row that is not confirmed, and sends them again.
extension OutboxRelay {
    /// The prefix of what Redis shows while a recovery is under way.
    private static var underWay: String { "recovering:" }

    /// Compares what Redis shows with what the database knows, and recovers when they differ.
    func checkEpoch() async throws {
        let shown = try await epochs.read(database.schema.name)
        let runID = try await epochs.runID()
        let row = try await readEpoch()
        if let row, row.next == nil, shown == row.epoch.description, runID == row.runID {
            return state.withLock { $0.epoch = row.epoch }
        }
        state.withLock { $0.epoch = nil }
        try await recover(row, shown: shown, runID: runID)
    }

    /// Whether Redis still is the one that this epoch was completed with.
    func isCurrent(_ epoch: EventID) async throws -> Bool {
        let row = try await readEpoch()
        let shown = try await epochs.read(database.schema.name)
        let runID = try await epochs.runID()
        return shown == epoch.description && runID == row?.runID && row?.epoch == epoch
    }

    private func recover(_ row: EpochRow?, shown: String?, runID: String) async throws {
        // A recovery that was interrupted goes on, unless Redis has forgotten again since.
        var next = EventID()
        if let begun = row?.next, row?.nextRunID == runID, shown == Self.underWay + begun.description { next = begun }
        // The epoch is still there: it was only restarted, and most entries are too.
        let wasKept = row != nil && shown == row?.epoch.description
        logger.warning(
            "the bus is made anew",
            metadata: .fields([.topic: service.rawValue, .epoch: next.description])
        )
        try await begin(next, runID: runID)
        try await epochs.write(Self.underWay + next.description, for: database.schema.name)
        for part in TopicPart.allCases { try await publisher.ensureGroups(service, part) }
        try await sendUnconfirmed(next, keepingPresent: wasKept)
        guard try await epochs.read(database.schema.name) == Self.underWay + next.description,
            try await epochs.runID() == runID
        else { return }
        try await epochs.write(next.description, for: database.schema.name)
        try await complete(next, runID: runID)
        let epoch = next
        state.withLock { $0.epoch = epoch }
    }

    /// Critical first, at a bounded rate; each batch that was sent carries the new epoch, so that it can go on anywhere.
    private func sendUnconfirmed(_ epoch: EventID, keepingPresent: Bool) async throws {
        while !isStopping {
            let started = ContinuousClock.now
            guard try await lead() else { throw LeadLost() }
            let batches = try await database.through(.relay, operation: "outbox.unrecovered") { tx in
                try tx.rows(OutboxStatements.unrecovered(epoch, limit: 8)).map { try OutboxBatch($0) }
            }
            if batches.isEmpty { return }
            // What is committed meanwhile does not wait for all that was lost.
            var count = try await publish(as: epoch)
            for batch in batches {
                var lost: Set<EntryID>?
                if keepingPresent {
                    let floor = try await publisher.trim(service, batch.part) ?? .zero
                    let wanted = Set(batch.entries.filter { $0 >= floor })
                    lost = wanted.subtracting(try await publisher.present(Array(wanted), in: service, batch.part))
                }
                do {
                    try await send(batch, only: lost, epoch: epoch)
                    count += lost?.count ?? batch.positions.count
                } catch is EventPublisher.Paused {
                    break
                }
            }
            let rest = Duration.seconds(Double(count) / Double(policy.recoveryRate)) - (ContinuousClock.now - started)
            if count == 0 {
                try await Task.sleep(for: policy.pause)
            } else if rest > .zero {
                try await Task.sleep(for: rest)
            }
        }
        throw CancellationError()
    }

    // MARK: - The row

    private func readEpoch() async throws -> EpochRow? {
        try await database.through(.relay, operation: "outbox.epoch") { tx in
            let rows = try tx.rows("select epoch, run_id, next_epoch, next_run_id from bus_epochs")
            return try rows.first.map {
                EpochRow(epoch: try $0[0], runID: try $0[1], next: try $0[2], nextRunID: try $0[3])
            }
        }
    }

    private func begin(_ next: EventID, runID: String) async throws {
        try await leading("outbox.recover") { tx in
            tx.execute(
                """
                insert into bus_epochs (epoch, run_id, next_epoch, next_run_id)
                values (\(EventID()), '', \(next), \(runID))
                on conflict (singleton) do update set next_epoch = excluded.next_epoch, next_run_id = excluded.next_run_id
                """
            )
        }
    }

    private func complete(_ epoch: EventID, runID: String) async throws {
        try await leading("outbox.recovered") { tx in
            tx.execute(
                """
                update bus_epochs set epoch = \(epoch), run_id = \(runID), next_epoch = null, next_run_id = null,
                    completed_at = now()
                """
            )
        }
    }
}
