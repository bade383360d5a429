import Core
import Postgres
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct TransactionTests {
    private func count(_ tenant: Tenant) async throws -> Int {
        try await Playground.open().database.one(for: tenant, "select count(*) from notes") {
            try #require($0.first)[0]
        }
    }

    private static func insert(_ id: Int, _ tenant: Tenant, _ body: String = "x") -> Query {
        "insert into notes (clinic_id, id, body) values (\(tenant.clinic), \(id), \(body))"
    }

    private func code(_ body: () async throws -> Void) async -> DatabaseError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? DatabaseError)?.code }
    }

    @Test func aBodyThatThrowsLeavesNothing() async throws {
        struct Refused: Error {}
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        await #expect(throws: Refused.self) {
            try await database.transaction(for: tenant) { tx in
                tx.execute(Self.insert(1, tenant))
                _ = try tx.rows("select 1")
                tx.execute(Self.insert(2, tenant))
                throw Refused()
            }
        }
        #expect(try await count(tenant) == 0)
    }

    /// Each failure leaves the connection as it was, however many there have been.
    @Test func aConnectionOutlivesAnyNumberOfFailures() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().pool { $0.requestConnections = 1 }
        defer { database.close() }
        for round in 0..<100 {
            let code = await code {
                try await database.transaction(for: tenant) { tx in
                    _ = try tx.rows("select 1")
                    tx.execute(Self.insert(round, tenant))
                    tx.execute(Self.insert(round, tenant))
                }
            }
            #expect(code == .uniqueViolation, "round \(round)")
            try await database.transaction(for: tenant) { tx in
                _ = try tx.rows("select 1")
                tx.execute(Self.insert(round, tenant))
            }
        }
        #expect(try await count(tenant) == 100)
    }

    @Test func anErrorInThePipelineUndoesAllAndNamesTheConstraint() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        let expected = DatabaseError(
            .uniqueViolation,
            constraint: "notes_pkey",
            operation: "anErrorInThePipelineUndoesAllAndNamesTheConstraint()"
        )
        await #expect(throws: expected) {
            try await database.transaction(for: tenant) { tx in
                for id in [1, 2, 1, 3] { tx.execute(Self.insert(id, tenant)) }
            }
        }
        #expect(try await count(tenant) == 0)
        let checked = await code {
            try await database.transaction(for: tenant) { tx in
                tx.execute(Self.insert(1, tenant, String(repeating: "x", count: 200)))
                _ = try tx.rows("select 1")
            }
        }
        #expect(checked == .checkViolation)
    }

    @Test func aDeferredConstraintFailsWithOrWithoutBegin() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        for begins in [false, true] {
            let found = await code {
                try await database.transaction(for: tenant) { tx in
                    tx.execute("insert into links (clinic_id, note_id) values (\(tenant.clinic), 99)")
                    if begins { _ = try tx.rows("select 1") }
                }
            }
            #expect(found == .foreignKeyViolation)
        }
        let links: Int = try await database.one(
            for: tenant,
            "select count(*) from links where clinic_id = \(tenant.clinic)"
        ) { try #require($0.first)[0] }
        #expect(links == 0)
    }

    @Test func aSwallowedErrorIsNotCommitted() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        let found = await code {
            try await database.transaction(for: tenant) { tx in
                tx.execute(Self.insert(1, tenant))
                _ = try? tx.rows("select 1 / 0")
                tx.execute(Self.insert(2, tenant))
            }
        }
        #expect(found == .other(sqlState: "22012"))
        // The body ends the transaction itself: COMMIT then has nothing to commit, and says so.
        let ended = await code {
            try await database.transaction(for: tenant) { tx in
                _ = try tx.rows("select 1")
                tx.execute("savepoint before")
                _ = try? tx.rows("select 1 / 0")
            }
        }
        #expect(ended != nil)
        #expect(try await count(tenant) == 0)
    }

    @Test func lastCommitsInTheSameRoundTrip() async throws {
        struct Late: Error {}
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        for begins in [false, true] {
            let affected = try await database.transaction(for: tenant) { tx in
                if begins { _ = try tx.rows("select 1") }
                let rows = try tx.last(Self.insert(begins ? 1 : 2, tenant) + " returning id")
                #expect(try #require(rows.first)[0] == (begins ? 1 : 2))
                return rows.affected
            }
            #expect(affected == 1)
        }
        #expect(try await count(tenant) == 2)
        await #expect(throws: Late.self) {
            try await database.transaction(for: tenant) { tx in
                _ = try tx.last(Self.insert(3, tenant))
                throw Late()
            }
        }
        #expect(try await count(tenant) == 3)
        let over = await code {
            try await database.transaction(for: tenant) { tx in
                _ = try tx.last("select 1")
                _ = try tx.rows("select 2")
            }
        }
        #expect(over == .transactionOver)
    }

    @Test func tenThousandQueuedInsertsTravelTogether() async throws {
        let tenant = Playground.tenant()
        let body = String(repeating: "y", count: 90)
        try await Playground.open().database.transaction(for: tenant) { tx in
            for id in 0..<10_000 { tx.execute(Self.insert(id, tenant, body)) }
        }
        #expect(try await count(tenant) == 10_000)
    }

    @Test func manyRowsComeBack() async throws {
        let sum = try await Playground.open().database.one(
            for: Playground.tenant(),
            "select g, 'row ' || g from generate_series(1, 50000) g"
        ) { rows in try rows.reduce(0) { total, row in total + (try row[0] as Int) } }
        #expect(sum == 1_250_025_000)
    }

    @Test func aChangedTableIsPlannedAgain() async throws {
        let place = try Playground.open()
        let tenant = Playground.tenant()
        try place.asOwner(
            "create table playground.changing (a int); grant select on playground.changing to polyclinic_playground;"
        )
        let pool = place.pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let runs = Mutex(0)
        for column in ["b", "c"] {
            let width = try await pool.transaction(for: tenant) { tx in
                runs.withLock { $0 += 1 }
                return try tx.rows("select * from changing").count
            }
            #expect(width == 0)
            try place.asOwner("alter table playground.changing add column \(column) int;")
        }
        let after = try await pool.one(for: tenant, "select * from changing") { $0.count }
        #expect(after == 0)
        #expect(runs.withLock { $0 } == 3)
    }

    @Test func statementsPastTheLimitAreForgottenAndGoOnWorking() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 1 }
        defer { pool.close() }
        var query: Query = "select 1"
        for _ in 0..<700 {
            query += " + 1"
            _ = try await pool.one(for: Playground.tenant(), query) { $0.count }
        }
        let sum: Int = try await pool.one(for: Playground.tenant(), query) { try #require($0.first)[0] }
        #expect(sum == 701)
    }
}
