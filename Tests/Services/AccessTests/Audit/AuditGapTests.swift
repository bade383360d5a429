import Bus
import Contracts
import Core
import Logging
import Outbox
import Postgres
import TestKit
import Testing

@testable import Access

/// Entries are numbered where they are committed, so one that does not arrive is missed.
@Suite(.serialized, .timeLimit(.minutes(2))) struct AuditGapTests {
    let desk: AccessDesk
    let clinic = ClinicID()
    let series = SeriesID()
    let start = Instant.now()

    init() throws { desk = try AccessDesk() }

    private var consumer: AuditEntryConsumer { AuditEntryConsumer(database: desk.database) }
    private var watch: AuditGapWatch { AuditGapWatch(database: desk.database, log: Logger(label: "test")) }

    private func entry(_ number: Int64) throws -> EventEnvelope { try run(of: [desk.record(in: clinic)], from: number) }

    private func run(of records: [AuditRecord], from number: Int64) throws -> EventEnvelope {
        EventEnvelope(
            id: EventID(),
            name: Outbox.auditKind,
            version: AuditRun.version,
            category: .userActivity,
            priority: .normal,
            clinicId: clinic,
            actor: "user:u",
            at: start,
            aggregateId: series.description,
            aggregateVersion: number,
            notify: true,
            payload: try JSONWriter.encode(records)
        )
    }

    private func heads(_ number: Int64) throws -> EventEnvelope {
        var event = try entry(1)
        event.name = Outbox.headsKind
        return EventEnvelope(
            id: EventID(),
            name: event.name,
            version: 1,
            category: event.category,
            priority: event.priority,
            clinicId: .installation,
            actor: "system",
            at: event.at,
            aggregateId: "heads",
            aggregateVersion: 1,
            notify: true,
            payload: try JSONWriter.encode(AuditHeads(heads: [.init(series: series, number: number)]))
        )
    }

    private func take(_ numbers: [Int64]) async throws {
        try await consumer.take(try numbers.map { try entry($0) }, from: .billing)
    }

    /// This test's gap at that many seconds after its start.
    private func gap(at seconds: Int64) async throws -> AuditGap? {
        try await watch.look(at: start + .seconds(seconds)).first { $0.series == series }
    }

    private let late: Int64 = AuditGapWatch.patience.components.seconds + 1

    private func stored(_ records: [AuditRecord]) async throws -> Int {
        let ids = records.map(\.id)
        return try await desk.test.inspect(
            """
            select count(*) from (
                select id from access.audit_pending where clinic_id = \(clinic) and id = any (\(ids))
                union select id from access.audit_entries where clinic_id = \(clinic) and id = any (\(ids))) as found
            """
        ) { try $0[0][0] }
    }

    @Test func aRunIsItsEntriesWithTheirNumbers() async throws {
        let records = (0..<3).map { _ in desk.record(in: clinic) }
        try await consumer.take([try run(of: records, from: 1), try entry(5)], from: .billing)
        #expect(try await stored(records) == 3)
        #expect(try await gap(at: 0) == nil)
        #expect(try await gap(at: late)?.numbers == "{[4,5)}")
    }

    @Test func anEntryThatTravelsAloneIsTaken() async throws {
        let record = desk.record(in: clinic)
        var event = try run(of: [], from: 1)
        event.version = 1
        event.payload = try JSONWriter.encode(record)
        try await consumer.take([event], from: .billing)
        #expect(try await stored([record]) == 1)
    }

    @Test func aRunThatOnlyANewerReplicaUnderstandsIsLeftToIt() async throws {
        let record = desk.record(in: clinic)
        var event = try run(of: [record], from: 1)
        event.version = AuditRun.version + 1
        await #expect(throws: EventConsumer.NotUnderstood.self) { try await consumer.take([event], from: .billing) }
        #expect(try await stored([record]) == 0)
    }

    @Test func anEntryThatCannotBeStoredKeepsNoneOfItsRunBack() async throws {
        var records = (0..<3).map { _ in desk.record(in: clinic) }
        records[1].actor.id = "no\0body"
        let event = try run(of: records, from: 1)
        for _ in 0..<2 {
            await #expect(throws: DatabaseError.self) { try await consumer.take([event], from: .billing) }
        }
        #expect(try await stored([records[0], records[2]]) == 2)
        #expect(try await stored([records[1]]) == 0)
    }

    @Test(arguments: [[1, 2, 3], [3, 1, 2], [2, 2, 1, 3, 3]] as [[Int64]])
    func whatArrivesInAnyOrderAndOftenIsNotMissed(_ numbers: [Int64]) async throws {
        for number in numbers { try await take([number]) }
        try await consumer.take([try heads(3)], from: .billing)
        #expect(try await gap(at: 0) == nil)
        #expect(try await gap(at: late) == nil)
    }

    @Test func aMissingEntryIsAlarmedAboutOnceItIsLate() async throws {
        try await take([1, 2, 4, 7])
        #expect(try await gap(at: 0) == nil)
        #expect(try await gap(at: late - 2) == nil)
        let gap = try #require(try await gap(at: late))
        #expect(gap.service == "billing")
        #expect(gap.numbers == "{[3,4),[5,7)}")
        #expect(gap.count == 3)
        #expect(!gap.isKnown)
        #expect(try await self.gap(at: late + 30)?.isKnown == true)
        #expect(try await told() == 1)
        try await take([3, 5, 6])
        #expect(try await self.gap(at: late + 60) == nil)
        // The next one is a new one.
        try await take([9])
        _ = try await self.gap(at: late + 90)
        #expect(try await self.gap(at: late * 2 + 90)?.numbers == "{[8,9)}")
        #expect(try await told() == 2)
    }

    @Test func theEndOfASeriesIsMissedWhenItsProcessHasToldOfIt() async throws {
        try await take([1, 2])
        try await consumer.take([try heads(4)], from: .billing)
        _ = try await gap(at: 0)
        #expect(try await gap(at: late)?.numbers == "{[3,5)}")
    }

    @Test func aSeriesOfWhichNothingArrivedIsMissed() async throws {
        try await consumer.take([try heads(2)], from: .billing)
        _ = try await gap(at: 0)
        #expect(try await gap(at: late)?.count == 2)
    }

    @Test func twoReplicasTakeInTheSameSeries() async throws {
        let numbers = (1...400).map(Int64.init)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in 0..<8 {
                group.addTask {
                    for number in numbers where number % 8 == part { try await take([number]) }
                }
            }
            try await group.waitForAll()
        }
        _ = try await gap(at: 0)
        #expect(try await gap(at: late) == nil)
    }

    /// Entries of the installation's log about this series.
    private func told() async throws -> Int {
        let series = series.description
        return try await desk.test.inspect(
            """
            select (select count(*) from access.audit_pending where action = 'audit:gap' and resource_id = \(series))
                + (select count(*) from access.audit_entries where action = 'audit:gap' and resource_id = \(series))
            """
        ) { rows -> Int in try rows[0][0] }
    }
}
