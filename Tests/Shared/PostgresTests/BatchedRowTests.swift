import Core
import Postgres
import TestKit
import Testing

/// Rows that a transaction writes together before it commits.
@Suite(.timeLimit(.minutes(1))) struct BatchedRowTests {
    private struct Refused: Error {}

    private struct NewNote: BatchedRow {
        let id: Int
        var body = "x"

        static func statements(for notes: [NewNote]) -> [Query] {
            [
                """
                insert into notes (clinic_id, id, body)
                select nullif(current_setting('app.clinic_id', true), '')::uuid, n.id, n.body
                from unnest(\(notes.map(\.id)), \(notes.map(\.body))) as n (id, body)
                """
            ]
        }
    }

    private struct NoteEnd: BatchedRow {
        let id: Int

        static func statements(for ends: [NoteEnd]) -> [Query] {
            ["update notes set body = body || \(String(ends.count)) where id = any (\(ends.map(\.id)))"]
        }
    }

    private func bodies(_ tenant: Tenant) async throws -> [String] {
        try await Playground.open().database.read(for: tenant) { tx in
            try tx.rows("select body from notes order by id").map { try $0[0] }
        }
    }

    @Test func theyAreWrittenAtTheEndByKind() async throws {
        let tenant = Playground.tenant()
        try await Playground.open().database.transaction(for: tenant) { tx in
            tx.gather(NewNote(id: 1))
            tx.gather(NoteEnd(id: 1))
            tx.gather(NewNote(id: 2, body: "y"))
            tx.gather(NoteEnd(id: 2))
            let before = try tx.rows("select id from notes where clinic_id = \(tenant.clinic)")
            #expect(before.isEmpty)
        }
        #expect(try await bodies(tenant) == ["x2", "y2"])
    }

    @Test func aLastStatementSeesThem() async throws {
        let tenant = Playground.tenant()
        let seen: Int64 = try await Playground.open().database.transaction(for: tenant) { tx in
            tx.gather(NewNote(id: 1))
            return try tx.last("select count(*) from notes where clinic_id = \(tenant.clinic)")[0][0]
        }
        #expect(seen == 1)
    }

    @Test func anAbandonedTransactionWritesNone() async throws {
        let tenant = Playground.tenant()
        await #expect(throws: Refused.self) {
            try await Playground.open().database.transaction(for: tenant) { tx in
                tx.gather(NewNote(id: 1))
                throw Refused()
            }
        }
        #expect(try await bodies(tenant) == [])
    }

    @Test func oneThatFailsUndoesTheTransaction() async throws {
        let tenant = Playground.tenant()
        let error = await #expect(throws: DatabaseError.self) {
            try await Playground.open().database.transaction(for: tenant) { tx in
                tx.gather(NewNote(id: 1))
                tx.gather(NewNote(id: 2, body: String(repeating: "x", count: 100)))
            }
        }
        #expect(error?.code == .checkViolation && error?.constraint == "notes_short")
        #expect(try await bodies(tenant) == [])
    }

    @Test func thoseWhoCommitTogetherGatherTogether() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        try await withThrowingTaskGroup(of: Void.self) { group in
            for id in 0..<100 {
                group.addTask {
                    try await database.together(for: tenant) { tx in tx.gather(NewNote(id: id)) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await bodies(tenant).count == 100)
    }
}
