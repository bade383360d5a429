import Core
import Dispatch
import Logging
import Postgres
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct PoolTests {
    private func code(_ body: () async throws -> Void) async -> DatabaseError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? DatabaseError)?.code }
    }

    /// Waits until a statement holding this mark runs at the server.
    private func running(_ mark: String) async throws {
        try await eventually("\(mark) runs") {
            try await Playground.open().inspect(
                "select 1 from pg_stat_activity where state = 'active' and query like \("%\(mark)%") and pid <> pg_backend_pid()"
            ) { !$0.isEmpty }
        }
    }

    @Test func aCancelledTaskStopsItsStatementAndNothingElse() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let tenant = Playground.tenant()
        let task = Task {
            try await pool.transaction(for: tenant) { tx in
                tx.execute("insert into notes (clinic_id, id) values (\(tenant.clinic), 1)")
                _ = try tx.rows("select pg_sleep(9.25) /* cancelled */")
            }
        }
        try await running("cancelled */")
        task.cancel()
        #expect(await code { try await task.value } == .cancelled)
        let left: Int = try await pool.one(for: tenant, "select count(*) from notes") { try #require($0.first)[0] }
        #expect(left == 0)
    }

    /// Buffers grow with what they carry and never shrink: who has carried much is not kept for it.
    @Test func aConnectionThatHasCarriedMuchIsReplaced() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let tenant = Playground.tenant()
        func server() async throws -> Int {
            try await pool.one(for: tenant, "select pg_backend_pid()") { try $0[0][0] }
        }
        let first = try await server()
        #expect(try await server() == first)
        let large = [UInt8](repeating: 7, count: 5 << 20)
        let sent: Int = try await pool.one(for: tenant, "select length(\(large))") { try $0[0][0] }
        #expect(sent == large.count)
        let second = try await server()
        #expect(second != first)
        let read: [UInt8] = try await pool.one(for: tenant, "select convert_to(repeat('7', 5000000), 'UTF8')") {
            try $0[0][0]
        }
        #expect(read.count == 5_000_000)
        let third = try await server()
        #expect(third != second)
        #expect(try await server() == third)
    }

    /// The shortest of values, alone: libpq wants an address for it.
    @Test func nothingButAnEmptyValueIsNotNull() async throws {
        let empty: Int = try await Playground.open().database.one(
            for: Playground.tenant(),
            "select length(\([UInt8]()))"
        ) {
            try $0[0][0]
        }
        #expect(empty == 0)
    }

    @Test func aCancelledWaitEndsAtOnce() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let gate = DispatchSemaphore(value: 0)
        let isHeld = Atomic(false)
        let (held, holding) = AsyncStream.makeStream(of: Void.self)
        let holder = Task {
            try await pool.transaction(for: Playground.tenant()) { _ in
                holding.finish()
                gate.wait()
            }
        }
        for await _ in held {}
        let waiter = Task { try await pool.one(for: Playground.tenant(), "select 1") { _ in } }
        waiter.cancel()
        #expect(await code { try await waiter.value } == .cancelled)
        isHeld.store(true, ordering: .relaxed)
        gate.signal()
        try await holder.value
    }

    @Test func tooManyAndTooLongWaitsAreRefused() async throws {
        let pool = try Playground.open().pool { configuration in
            configuration.requestConnections = 1
            configuration.waitingLimit = 1
            configuration.waitLimit = .milliseconds(200)
        }
        defer { pool.close() }
        let gate = DispatchSemaphore(value: 0)
        let (held, holding) = AsyncStream.makeStream(of: Void.self)
        let holder = Task {
            try await pool.transaction(for: Playground.tenant()) { _ in
                holding.finish()
                gate.wait()
            }
        }
        for await _ in held {}
        let codes = await withTaskGroup(of: DatabaseError.Code?.self) { group in
            for _ in 0..<3 {
                group.addTask { await code { try await pool.one(for: Playground.tenant(), "select 1") { _ in } } }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes == [.poolExhausted, .poolExhausted, .poolExhausted])
        gate.signal()
        try await holder.value
        #expect(await code { try await pool.one(for: Playground.tenant(), "select 1") { _ in } } == nil)
    }

    @Test func lanesDoNotWaitForEachOther() async throws {
        let pool = try Playground.open().pool { $0.backgroundConnections = 1 }
        defer { pool.close() }
        let gate = DispatchSemaphore(value: 0)
        let holder = Task {
            try await pool.transaction(for: Playground.tenant(), lane: .background) { _ in gate.wait() }
        }
        let sum: Int = try await pool.one(for: Playground.tenant(), "select 1 + 1") { try #require($0.first)[0] }
        #expect(sum == 2)
        gate.signal()
        try await holder.value
    }

    @Test func aTerminatedConnectionIsReplaced() async throws {
        let place = try Playground.open()
        let pool = place.pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let backend: Query = "select pg_backend_pid()"
        let first: Int = try await pool.one(for: Playground.tenant(), backend) { try #require($0.first)[0] }
        try Migrator.execute("select pg_terminate_backend(\(first))", url: Secret(try TestServers.shared().adminURL))
        try await eventually("the backend is gone") {
            try await place.inspect("select 1 from pg_stat_activity where pid = \(first)") { $0.isEmpty }
        }
        let second: Int = try await pool.one(for: Playground.tenant(), backend) { try #require($0.first)[0] }
        #expect(second != first)
    }

    @Test func aConnectionLostBeforeCommitIsLostAndDuringItUnknown() async throws {
        let place = try Playground.open()
        let pool = place.pool { $0.requestConnections = 2 }
        defer { pool.close() }
        let admin = Secret(try TestServers.shared().adminURL)
        let tenant = Playground.tenant()
        let before = await code {
            try await pool.transaction(for: tenant) { tx in
                let pid: Int = try #require(try tx.rows("select pg_backend_pid()").first)[0]
                try Migrator.execute("select pg_terminate_backend(\(pid), 5000)", url: admin)
                _ = try tx.rows("select 1")
            }
        }
        #expect(before == .connectionLost)
        let during = await code {
            try await pool.transaction(for: tenant) { tx in
                let pid: Int = try #require(try tx.rows("select pg_backend_pid()").first)[0]
                tx.execute("insert into notes (clinic_id, id) values (\(tenant.clinic), 1)")
                try Migrator.execute("select pg_terminate_backend(\(pid), 5000)", url: admin)
            }
        }
        #expect(during == .commitUnknown)
    }

    @Test func anUnreachableServerIsSaidSoAtOnce() async throws {
        let pool = Database(
            DatabaseConfiguration(url: Secret("postgresql://nobody:x@127.0.0.1:1/none"), schema: "playground"),
            logger: .init(label: "test")
        )
        defer { pool.close() }
        for _ in 0..<20 {
            #expect(await code { try await pool.one(for: Playground.tenant(), "select 1") { _ in } } == .connectionLost)
        }
    }

    @Test func cancelledOnesDoNotHurtTheirNeighbours() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 4 }
        defer { pool.close() }
        let failures = try await withThrowingTaskGroup(of: Int.self) { group in
            for round in 0..<400 {
                group.addTask {
                    let slow = Task { try await pool.one(for: Playground.tenant(), "select pg_sleep(0.02)") { _ in } }
                    if round.isMultiple(of: 2) { slow.cancel() }
                    let value: Int = try await pool.one(for: Playground.tenant(), "select \(round)::int8") { rows in
                        try #require(rows.first)[0]
                    }
                    _ = await slow.result
                    return value == round ? 0 : 1
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(failures == 0)
    }

    @Test func aClosedPoolRefuses() async throws {
        let pool = try Playground.open().pool()
        pool.close()
        #expect(await code { try await pool.one(for: Playground.tenant(), "select 1") { _ in } } == .connectionLost)
    }

    @Test func timeoutsAreTyped() async throws {
        let pool = try Playground.open().pool { configuration in
            configuration.statementTimeout = .milliseconds(50)
            configuration.lockTimeout = .milliseconds(20)
        }
        defer { pool.close() }
        let slow = await code { try await pool.one(for: Playground.tenant(), "select pg_sleep(5)") { _ in } }
        #expect(slow == .statementTimeout)
        let key = Int.random(in: 0 ... .max)
        let locked = await code {
            try await pool.transaction(for: Playground.tenant()) { tx in
                _ = try tx.rows("select pg_advisory_xact_lock(\(key))")
                let inner = Task {
                    try await pool.one(for: Playground.tenant(), "select pg_advisory_xact_lock(\(key))") { _ in }
                }
                let done = DispatchSemaphore(value: 0)
                let found = Mutex<DatabaseError.Code?>(nil)
                Task {
                    let result = await code { try await inner.value }
                    found.withLock { $0 = result }
                    done.signal()
                }
                done.wait()
                if let inner = found.withLock({ $0 }) { throw DatabaseError(inner) }
            }
        }
        #expect(locked == .lockTimeout)
    }
}
