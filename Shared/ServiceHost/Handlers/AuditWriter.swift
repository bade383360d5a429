import Contracts
import Core
import Outbox
import Postgres
import Synchronization

/// Makes audit entries durable that belong to no change: of reads and of refusals.
///
/// Whoever waits for one knows, when the wait is over, that it is committed. Entries that come while others are being written go together with the next transaction, so that a busy process pays one
/// commit for many.
final class AuditWriter: Sendable {
    /// Entries written in one transaction at most.
    static let togetherMax = 256

    private struct Waiting: Sendable {
        let record: AuditRecord
        let caller: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var waiting: [Waiting] = []
        var isWriting = false
    }

    private let database: Database
    private let state = Mutex(State())

    init(database: Database) {
        self.database = database
    }

    /// Returns when the entry is committed.
    ///
    /// Throws `DatabaseError` if it may not be; then nothing that depends on it may be told.
    func write(_ record: AuditRecord) async throws {
        try await withCheckedThrowingContinuation { caller in
            let begins = state.withLock { state in
                state.waiting.append(Waiting(record: record, caller: caller))
                defer { state.isWriting = true }
                return !state.isWriting
            }
            // Not the caller's task: others wait for it too, and it must not end with this one's request.
            if begins { Task { await writeAll() } }
        }
    }

    private func writeAll() async {
        while let batch = nextBatch() {
            do {
                try await store(batch.map(\.record))
                for waiting in batch { waiting.caller.resume() }
            } catch let error as DatabaseError where batch.count > 1 && !error.isTransient {
                await writeApart(batch)
            } catch {
                for waiting in batch { waiting.caller.resume(throwing: error) }
            }
        }
    }

    /// One that cannot be stored must not refuse the others.
    private func writeApart(_ batch: [Waiting]) async {
        for waiting in batch {
            do {
                try await store([waiting.record])
                waiting.caller.resume()
            } catch {
                waiting.caller.resume(throwing: error)
            }
        }
    }

    private func store(_ records: [AuditRecord]) async throws {
        try await database.through(.relay, operation: "audit.write") { tx in
            try Outbox.appendAudit(records, in: tx)
        }
    }

    private func nextBatch() -> [Waiting]? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.isWriting = false
                return nil
            }
            defer { state.waiting.removeFirst(min(Self.togetherMax, state.waiting.count)) }
            return Array(state.waiting.prefix(Self.togetherMax))
        }
    }
}
