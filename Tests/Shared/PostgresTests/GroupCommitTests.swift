import Core
import Postgres
import Synchronization
import TestKit
import Testing

/// Transactions that commit together, and reads without BEGIN.
@Suite(.timeLimit(.minutes(1))) struct GroupCommitTests {
    private struct Refused: Error {}

    private func ids(_ tenant: Tenant) async throws -> [Int64] {
        try await Playground.open().database.read(for: tenant) { tx in
            try tx.rows("select id from notes order by id").map { try $0[0] }
        }
    }

    private static func insert(_ id: Int, _ tenant: Tenant) -> Query {
        "insert into notes (clinic_id, id, body) values (\(tenant.clinic), \(id), 'x')"
    }

    @Test func allOfAGroupAreCommittedWithTheirOwnResults() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        let results = try await withThrowingTaskGroup(of: Int.self) { group in
            for id in 0..<200 {
                group.addTask {
                    try await database.together(for: tenant) { tx in
                        tx.execute(Self.insert(id, tenant))
                        return id
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.sorted() == Array(0..<200))
        #expect(try await ids(tenant) == (0..<200).map { Int64($0) })
        let transactions: Int64 = try await Playground.open().inspect(
            "select count(distinct xmin::text) from playground.notes where clinic_id = \(tenant.clinic)"
        ) { try $0[0][0] }
        #expect(transactions < 200)
    }

    @Test func oneThatThrowsTakesNobodyAlong() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
            for id in 0..<60 {
                group.addTask {
                    do {
                        try await database.together(for: tenant) { tx in
                            tx.execute(Self.insert(id, tenant))
                            if id.isMultiple(of: 7) { throw Refused() }
                            // A statement that fails aborts the transaction for all who share it.
                            if id.isMultiple(of: 11) { _ = try tx.rows("select 1 / 0") }
                        }
                        return (id, true)
                    } catch { return (id, false) }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let good = (0..<60).filter { !$0.isMultiple(of: 7) && !$0.isMultiple(of: 11) }
        #expect(outcomes.filter(\.value).keys.sorted() == good)
        #expect(try await ids(tenant) == good.map { Int64($0) })
    }

    @Test func aGroupIsAnsweredInItsOrder() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        let sizes = Mutex<[Int]>([])
        let group = GroupCommit<Int, Int>(atMost: 16) { numbers, tx in
            sizes.withLock { $0.append(numbers.count) }
            if numbers.contains(13) { throw Refused() }
            return try tx.rows("select n * 2 from unnest(\(numbers)) with ordinality as x (n, i) order by i")
                .map { try $0[0] }
        }
        let replies = await withTaskGroup(of: (Int, Int?).self) { tasks in
            for number in 0..<100 {
                tasks.addTask {
                    (number, try? await group.perform(number, on: database, for: tenant, operation: "test"))
                }
            }
            return await tasks.reduce(into: [Int: Int?]()) { $0.updateValue($1.1, forKey: $1.0) }
        }
        for number in 0..<100 {
            let reply = replies[number] ?? nil
            #expect(reply == (number == 13 ? nil : 2 * number))
        }
        let counts = sizes.withLock { $0 }
        #expect(counts.allSatisfy { $0 <= 16 } && counts.contains { $0 > 1 })
    }

    @Test func aBusyGroupWaitsForCompanyAndNotLongerThanItMay() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        let sizes = Mutex<[Int]>([])
        // Nobody's patience ends here: only company or an urgent request begins a group once the tenant is busy.
        let company = GroupCompany(size: 10, patience: .seconds(3_600))
        let group = GroupCommit<Int, Int>(waitingFor: company) { numbers, _ in
            sizes.withLock { $0.append(numbers.count) }
            return numbers
        }
        @Sendable func perform(_ number: Int, isUrgent: Bool = false) async throws -> Int {
            try await group.perform(number, on: database, for: tenant, operation: "test", isUrgent: isUrgent)
        }
        // Alone nobody waits.
        #expect(try await perform(0) == 0)
        let replies = try await withThrowingTaskGroup(of: Int.self) { tasks in
            for number in 1...40 { tasks.addTask { try await perform(number) } }
            var replies: [Int] = []
            while replies.count < 30, let reply = try await tasks.next() { replies.append(reply) }
            // Whoever is left waits for more, until somebody is in a hurry.
            replies.append(try await perform(41, isUrgent: true))
            while let reply = try await tasks.next() { replies.append(reply) }
            return replies
        }
        #expect(replies.sorted() == Array(1...41))
        let short = GroupCommit<Int, Int>(waitingFor: GroupCompany(size: 1_000, patience: .milliseconds(1))) {
            numbers,
            _ in numbers
        }
        let patient = try await withThrowingTaskGroup(of: Int.self) { tasks in
            for number in 0..<50 {
                tasks.addTask { try await short.perform(number, on: database, for: tenant, operation: "test") }
            }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        #expect(patient.sorted() == Array(0..<50))
    }

    @Test func clinicsNeverShareATransaction() async throws {
        let tenants = (0..<4).map { _ in Playground.tenant() }
        let database = try Playground.open().database
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, tenant) in tenants.enumerated() {
                for id in 0..<20 {
                    group.addTask {
                        try await database.together(for: tenant) { tx in
                            tx.execute(Self.insert(number * 100 + id, tenant))
                            // What this transaction sees is its own clinic's alone.
                            let rows = try tx.rows("select count(*) from notes where clinic_id <> \(tenant.clinic)")
                            #expect(try rows[0][0] == 0)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        for (number, tenant) in tenants.enumerated() {
            #expect(try await ids(tenant) == (0..<20).map { Int64(number * 100 + $0) })
        }
    }

    @Test func aReadCannotWriteAndKeepsToItsClinic() async throws {
        let (tenant, other) = (Playground.tenant(), Playground.tenant())
        let database = try Playground.open().database
        try await database.transaction(for: tenant) { tx in tx.execute(Self.insert(1, tenant)) }
        try await database.transaction(for: other) { tx in tx.execute(Self.insert(2, other)) }
        let seen = try await database.read(for: tenant) { tx -> [[Int64]] in
            // Each flush is a transaction of its own; the settings go with every one of them.
            try (0..<3).map { _ in try tx.rows("select id from notes").map { try $0[0] } }
        }
        #expect(seen == [[1], [1], [1]])
        await #expect(throws: DatabaseError.self) {
            try await database.read(for: tenant) { tx in tx.execute(Self.insert(3, tenant)) }
        }
        await #expect(throws: DatabaseError.self) {
            try await database.read(for: tenant) { tx in
                _ = try tx.rows("select id from notes")
                _ = try tx.rows("delete from notes returning id")
            }
        }
        #expect(try await ids(tenant) == [1])
    }

    @Test func aStatementIsPlannedAnewAndGivesTheSame() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        for id in 0..<150 {
            let found: Int64 = try await database.transaction(for: tenant) { tx in
                tx.execute(Self.insert(id, tenant))
                return try tx.rows("select count(*) from notes where clinic_id = \(tenant.clinic)")[0][0]
            }
            #expect(found == Int64(id + 1))
        }
    }
}

/// What makes a statement the same as another.
@Suite struct QueryShapeTests {
    private func find(_ id: Int) -> Query { "select * from notes where id = \(id)" }

    @Test func theSamePieceOfProgramIsTheSameStatement() {
        #expect(find(1).sql == "select * from notes where id = $1")
        #expect(find(1).sql == find(2).sql)
    }

    @Test func partsAreNumberedThrough() {
        var query = find(7)
        query += " and body = \("x")"
        query += " limit \(3)"
        #expect(query.sql == "select * from notes where id = $1 and body = $2 limit $3")
        let joined = Query(joined: [find(1), find(2)], by: " union ")
        #expect(joined.sql == "select * from notes where id = $1 union select * from notes where id = $2")
    }

    @Test func arraysWithNullTravel() async throws {
        let texts: [String?] = ["a", nil, "ü"]
        let rows = try await Playground.open().database.read(for: Playground.tenant()) { tx in
            try tx.rows(
                """
                select coalesce(t, 'none'), b, w from unnest(\(OptionalColumns(texts)),
                    \(ByteColumns([[1, 0, 2], [], [255]])), \([Instant(seconds: 1), Instant(seconds: 2), Instant(seconds: 3)]))
                    as x (t, b, w)
                """
            ).map { row -> (String, [UInt8], Instant) in (try row[0], try row[1], try row[2]) }
        }
        #expect(rows.map(\.0) == ["a", "none", "ü"])
        #expect(rows.map(\.1) == [[1, 0, 2], [], [255]])
        #expect(rows.map(\.2) == [Instant(seconds: 1), Instant(seconds: 2), Instant(seconds: 3)])
    }
}
