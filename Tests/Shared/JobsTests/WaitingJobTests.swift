import Core
import Jobs
import Postgres
import TestKit
import Testing

/// Jobs that are looked through and made due earlier than they were.
@Suite(.timeLimit(.minutes(2))) struct WaitingJobTests {
    private static let start = (dueAt: Instant.now(), id: JobID(high: 0, low: 0))

    @Test func whatWaitsIsGoneThroughInItsOrderAndMoved() async throws {
        let fixture = try JobFixture("jobs_waiting")
        let (soon, later) = (Instant.now() + .seconds(3_600), Instant.now() + .seconds(7_200))
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            for (label, dueAt) in [("later", later), ("soon", soon), ("later", later)] {
                try Jobs.enqueue(NoteJob.self, payload: Label(label: label), dueAt: dueAt, in: tx)
            }
            try Jobs.enqueue(NoteJob.self, payload: Label(label: "bulk"), lane: .bulk, dueAt: soon, in: tx)
            try Jobs.enqueue(NoteBatch.self, payload: Label(label: "batch"), dueAt: soon, in: tx)
        }
        try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "other"), dueAt: soon, in: tx)
        }
        // They never look by themselves.
        try await fixture.running([fixture.workers([NoteJob()], [NoteBatch()]) { $0.idle = .seconds(3_600) }]) {
            let pages = try await fixture.database.transaction(for: fixture.tenant()) { tx in
                let first = try Jobs.waiting(for: NoteJob.self, .normal, after: Self.start, limit: 2, in: tx)
                let end = first.last.map { ($0.dueAt, $0.id) } ?? Self.start
                let second = try Jobs.waiting(for: NoteJob.self, .normal, after: end, limit: 2, in: tx)
                try Jobs.move((first + second).map { ($0, .now()) }, .normal, in: tx)
                return [first, second].map { $0.map { $0.payload?.label } }
            }
            #expect(pages == [["soon", "later"], ["later"]])
            try await eventually { try await fixture.effects("later") == 2 }
            try await eventually { try await fixture.effects("soon") == 1 }
        }
        #expect(try await fixture.jobsLeft() == 3)
    }

    @Test func whatSomebodyIsAtWorkOnStaysTheirs() async throws {
        let fixture = try JobFixture("jobs_waiting_held")
        let dueAt = Instant.now() + .seconds(3_600)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            for label in ["held", "free"] {
                try Jobs.enqueue(NoteJob.self, payload: Label(label: label), dueAt: dueAt, in: tx)
            }
        }
        let found = try await fixture.database.transaction(for: fixture.tenant()) { tx in
            let all = try Jobs.waiting(for: NoteJob.self, .normal, after: Self.start, limit: 9, in: tx)
            let held = all.first { $0.payload?.label == "held" }?.id
            tx.execute("update jobs set lease = id where id = \(held)")
            let left = try Jobs.waiting(for: NoteJob.self, .normal, after: Self.start, limit: 9, in: tx)
            // Found before somebody took it, it is not moved.
            try Jobs.move(all.map { ($0, .now()) }, .normal, in: tx)
            return (all.count, left.map { $0.payload?.label })
        }
        #expect(found.0 == 2 && found.1 == ["free"])
        let due = try await fixture.store.inspect("select count(*) from jobs where due_at = \(dueAt)") { rows in
            try rows[0][0] as Int
        }
        #expect(due == 1)
    }
}
