import Core
import Postgres
import Synchronization
import TestKit
import Testing

/// Who is woken by a commit.
@Suite(.timeLimit(.minutes(1))) struct CommitSignalsTests {
    private struct Undone: Error {}
    private static let news = CommitNews("commit signals")

    @Test func aCommitWakesAndWhatIsUndoneDoesNot() async throws {
        let database = try Playground.open().database
        let tenant = Playground.tenant()
        let woken = Mutex(0)
        let waiting = Task {
            while !Task.isCancelled {
                await database.signal(of: Self.news).wait(upTo: .seconds(3_600))
                if !Task.isCancelled { woken.withLock { $0 += 1 } }
            }
        }
        defer { waiting.cancel() }
        await #expect(throws: Undone.self) {
            try await database.transaction(for: tenant) { tx in
                tx.announce(Self.news)
                _ = try tx.rows("select 1")
                throw Undone()
            }
        }
        try await database.transaction(for: tenant) { tx in _ = try tx.rows("select 1") }
        #expect(woken.withLock { $0 } == 0)
        try await database.transaction(for: tenant) { tx in
            tx.announce(Self.news)
            _ = try tx.last("select 1")
        }
        try await eventually { woken.withLock { $0 } == 1 }
    }
}
