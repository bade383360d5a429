import Bus
import Contracts
import Core
import Dispatch
import Outbox
import Postgres
import Redis
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct OutboxRelayTests {
    @Test func twoRelaysPublishEverythingAndItIsTakenInOnce() async throws {
        let fixture = try BusFixture("relay_two")
        try await fixture.running([fixture.redis, fixture.relay(), fixture.relay()] + fixture.consumers()) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 { group.addTask { try await fixture.append(250, from: writer * 250) } }
                try await group.waitForAll()
            }
            try await eventually { try await fixture.count("select count(*) from effects") == 6_000 }
            try await eventually {
                try await fixture.count("select count(*) from outbox_batches where not confirmed") == 0
            }
        }
        #expect(try await fixture.count("select count(distinct label) from effects") == 6_000)
        #expect(try await fixture.count("select sum(cardinality(positions)) from outbox_batches") == 2_000)
    }

    /// A transaction that took its position early and commits late is passed by others, and not forgotten.
    @Test func whatCommitsLateIsNotPassedOver() async throws {
        let fixture = try BusFixture("relay_late")
        let (appended, didAppend) = AsyncStream.makeStream(of: Void.self)
        let gate = Gate()
        let others = 8
        try await fixture.running([fixture.redis, fixture.relay()] + fixture.consumers()) {
            async let late: Void = fixture.database.transaction(for: fixture.tenant()) { tx in
                try Outbox.append(
                    ThingChanged(label: "late"),
                    aggregate: "late",
                    version: 1,
                    actor: "user:u",
                    in: tx
                )
                try tx.flush()
                didAppend.yield()
                gate.wait()
            }
            for await _ in appended { break }
            for number in 0..<others {
                try await fixture.append(1, from: number)
                try await eventually {
                    try await fixture.count("select count(*) from effects") == 3 * (number + 1)
                }
            }
            gate.open()
            try await late
            try await eventually { try await fixture.count("select count(*) from effects") == 3 * (others + 1) }
            // And the floor comes after, so that the late ones need not be looked for for ever.
            try await fixture.append(1, from: 100)
            try await eventually { try await fixture.count("select count(*) from effects") == 3 * (others + 2) }
            // It rises once nobody who runs could hold a lower position, other tests' transactions included.
            var appended = 100
            while try await fixture.count("select max(floor) from outbox_lanes") <= others, appended < 500 {
                appended += 1
                let effects = try await fixture.count("select count(*) from effects")
                try await fixture.append(1, from: appended)
                try await eventually { try await fixture.count("select count(*) from effects") == effects + 3 }
            }
            #expect(try await fixture.count("select max(floor) from outbox_lanes") > others)
        }
        #expect(try await fixture.count("select count(*) from effects where label like '%:late'") == 3)
    }

    /// Restored where fewer transactions have been counted: by their numbers every row would look as if it came late.
    @Test func anOutboxFromAnotherServerGoesOnAndEnds() async throws {
        let fixture = try BusFixture("relay_moved")
        try await fixture.running([fixture.redis, fixture.relay()] + fixture.consumers()) {
            try await fixture.append(20)
            try await eventually("the first effects") { try await fixture.count("select count(*) from effects") == 60 }
            try fixture.store.asOwner(
                """
                alter table relay_moved.outbox no force row level security;
                alter table relay_moved.outbox_lanes no force row level security;
                update relay_moved.outbox set transaction = (transaction::text::bigint + 1000000000)::text::xid8;
                update relay_moved.outbox_lanes set
                    mark_transaction = (mark_transaction::text::bigint + 1000000000)::text::xid8;
                alter table relay_moved.outbox force row level security;
                alter table relay_moved.outbox_lanes force row level security
                """
            )
            try await fixture.database.through(.relay) { tx in Outbox.restart(in: tx) }
            let marked: Query = "select coalesce(sum(cardinality(positions)), 0) from outbox_batches"
            // Everything goes out once more and is noted; what comes after it goes on as ever.
            try await eventually("all of it once more") { try await fixture.count(marked) == 20 }
            var appended = 0
            // The floor rises once nobody who runs could hold a lower position, other tests' transactions included.
            while try await fixture.count("select max(floor) from outbox_lanes") <= 20, appended < 400 {
                appended += 1
                let number = appended
                try await fixture.append(1, from: 100 + number)
                try await eventually("what comes after") { try await fixture.count(marked) == 20 + number }
            }
            #expect(try await fixture.count("select max(floor) from outbox_lanes") > 20)
            try await eventually("what is confirmed") {
                try await fixture.count("select count(*) from outbox_batches where not confirmed") == 0
            }
            let effects = 60 + 3 * Int64(appended)
            #expect(try await fixture.count("select count(*) from effects") == effects)
            #expect(try await fixture.count("select count(distinct label) from effects") == effects)
        }
    }

    @Test func criticalEventsGoFirst() async throws {
        let fixture = try BusFixture("relay_first")
        try await fixture.append(3_000)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Outbox.append(ThingBroke(label: "x"), aggregate: "x", version: 1, actor: "user:u", in: tx)
        }
        try await fixture.running([fixture.redis, fixture.relay()]) {
            try await eventually {
                try await fixture.count("select coalesce(sum(cardinality(positions)), 0) from outbox_batches") == 3_001
            }
        }
        let first: String = try await fixture.store.inspect(
            "select priority::text from outbox_batches order by batch limit 1"
        ) { try $0[0][0] }
        #expect(first == "0")
    }

    /// The handler's transaction commits, then the consumer dies before it acknowledges: the effect is there once.
    @Test func aCrashBetweenCommitAndAcknowledgeHasOneEffect() async throws {
        let fixture = try BusFixture("relay_crash")
        let crashes = Mutex(0)
        let flaky = fixture.consumer(.billing) { _ in
            let isFirst = crashes.withLock { count in
                count += 1
                return count == 1
            }
            if isFirst { throw TestKitError("crashed after the commit") }
        }
        try await fixture.running([fixture.redis, fixture.relay(), flaky]) {
            try await fixture.append(1)
            try await eventually { crashes.withLock { $0 } == 2 }
        }
        #expect(try await fixture.count("select count(*) from effects") == 1)
    }

    @Test func aPoisonEventIsSetAsideAndTheOthersFlow() async throws {
        let fixture = try BusFixture("relay_poison")
        let consumer = fixture.consumer(.billing) { event in
            if event.aggregateId == "0" { throw TestKitError("poison") }
        }
        try await fixture.running([fixture.redis, fixture.relay(), consumer]) {
            try await fixture.append(5)
            try await eventually { try await fixture.count("select count(*) from dead_letters") == 1 }
            try await eventually { try await fixture.count("select count(*) from effects") == 5 }
        }
        let event = try await fixture.store.inspect(
            "select payload from dead_letters where clinic_id = \(fixture.clinic) and source = 'event'"
        ) { rows in try JSONTape(try rows[0][0] as [UInt8]).decode(EventEnvelope.self) }
        #expect(try event.decode(ThingChanged.self) == ThingChanged(label: "0"))
    }

    /// Redis is wiped while events are appended: each is taken in once by each group all the same.
    @Test func everythingCommittedSurvivesAWipeUnderLoad() async throws {
        let fixture = try BusFixture("relay_wipe")
        try await fixture.running([fixture.redis, fixture.relay()] + fixture.consumers()) {
            try await fixture.redis.waitUntilUp()
            for round in 0..<20 {
                try await fixture.append(100, from: round * 100)
                if round % 5 == 4 { try await fixture.wipe() }
            }
            try await eventually(within: .seconds(60)) {
                try await fixture.count("select count(*) from effects") == 6_000
            }
            try await eventually {
                try await fixture.count("select count(*) from outbox_batches where not confirmed") == 0
            }
        }
        #expect(try await fixture.count("select count(distinct label) from effects") == 6_000)
        #expect(try await fixture.count("select count(*) from bus_epochs where next_epoch is null") == 1)
    }

    @Test func anEntryThatIsGoneIsSentAgain() async throws {
        let fixture = try BusFixture("relay_lost")
        let stream = fixture.keyspace.stream(.appointments, .events)
        let relay = fixture.relay {
            $0.lossAfter = .milliseconds(1)
            $0.lossCheck = .milliseconds(50)
        }
        try await fixture.running([fixture.redis, relay]) {
            try await fixture.redis.waitUntilUp()
            try await fixture.append(10)
            try await eventually { try await fixture.redis.send(["XLEN", .text(stream)]).integer == 10 }
            let entries = try await fixture.redis.send(["XRANGE", .text(stream), "-", "+"]).entries()
            for entry in entries.prefix(4) {
                _ = try await fixture.redis.send(["XDEL", .text(stream), .text(entry.id.description)])
            }
            try await eventually { try await fixture.redis.send(["XLEN", .text(stream)]).integer == 10 }
            try await fixture.running(fixture.consumers()) {
                try await eventually { try await fixture.count("select count(*) from effects") == 30 }
            }
        }
    }

    @Test func aSlotIsTruncatedWhenAllOfItIsConfirmed() async throws {
        let fixture = try BusFixture("relay_slots")
        try await fixture.append(5)
        // Two windows ago: the slot's time is over.
        let slot: Int = try await fixture.store.inspect("select (outbox_slot(now()) + 2) % 4") { try $0[0][0] }
        try fixture.store.asOwner(
            """
            alter table relay_slots.outbox no force row level security;
            update relay_slots.outbox set slot = \(slot);
            alter table relay_slots.outbox force row level security;
            """
        )
        @Sendable func truncate() async throws -> Bool {
            try await fixture.database.through(.relay) { tx in
                try tx.rows("select outbox_truncate(\(slot)::smallint)")[0][0]
            }
        }
        #expect(try await truncate() == false)
        try await fixture.running([fixture.redis, fixture.relay()]) {
            try await eventually { try await fixture.count("select count(*) from outbox_batches") == 1 }
            #expect(try await truncate() == false)
            try await fixture.running(fixture.consumers()) {
                try await eventually {
                    try await fixture.count("select count(*) from outbox_batches where confirmed") == 1
                }
            }
        }
        #expect(try await truncate())
        #expect(try await fixture.count("select count(*) from outbox") == 0)
        #expect(try await fixture.count("select count(*) from outbox_batches") == 0)
        let current: Int = try await fixture.store.inspect("select outbox_slot(now())") { try $0[0][0] }
        let refused = try await fixture.database.through(.relay) { tx -> Bool in
            try tx.rows("select outbox_truncate(\(current)::smallint)")[0][0]
        }
        #expect(refused == false)
    }

    @Test func auditEntriesHaveAStreamOfTheirOwn() async throws {
        let fixture = try BusFixture("relay_audit")
        let record = fixture.record()
        let taken = Mutex<AuditRecord?>(nil)
        let consumer = fixture.consumer(.access, part: .audit) { event in
            let records = try AuditRun.records(of: event)
            taken.withLock { $0 = records.first?.record }
        }
        try await fixture.running([fixture.redis, fixture.relay(), consumer]) {
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                try Outbox.appendAudit(record, in: tx)
            }
            try await eventually { taken.withLock { $0?.id } == record.id }
            let stream = fixture.keyspace.stream(.appointments, .events)
            #expect(try await fixture.redis.send(["XLEN", .text(stream)]).integer == 0)
        }
        #expect(taken.withLock { $0?.action } == "things:read")
    }
}

/// Holds a database thread until it is opened.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    func wait() { _ = semaphore.wait(timeout: .now() + .seconds(30)) }
}
