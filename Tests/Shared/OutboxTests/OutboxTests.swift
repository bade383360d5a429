import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Outbox

@Suite(.timeLimit(.minutes(2))) struct OutboxTests {
    @Test func anEventCommitsWithItsStateOrNotAtAll() async throws {
        let fixture = try BusFixture("outbox_commit")
        try await fixture.append(1)
        await #expect(throws: TestKitError.self) {
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                try Outbox.append(
                    ThingChanged(label: "x"),
                    aggregate: "x",
                    version: 1,
                    actor: "user:u",
                    in: tx
                )
                try tx.flush()
                throw TestKitError("undone")
            }
        }
        #expect(try await fixture.count("select count(*) from outbox") == 1)
    }

    @Test func noClinicWritesOrReadsAnothersEvents() async throws {
        let fixture = try BusFixture("outbox_clinics")
        let record = fixture.record(of: ClinicID())
        await #expect(throws: OutboxError.noClinic) {
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                try Outbox.appendAudit(record, in: tx)
            }
        }
        await #expect(throws: OutboxError.noClinic) {
            try await fixture.database.through(.relay) { tx in try Outbox.appendAudit(record, in: tx) }
        }
        // Not even its own: the service may only insert.
        await #expect(throws: DatabaseError.self) {
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                _ = try tx.rows("select count(*) from outbox")
            }
        }
        await #expect(throws: DatabaseError.self) {
            try await fixture.database.through(.relay) { tx in _ = try tx.rows("delete from outbox") }
        }
    }

    @Test func theAuditEntriesOfATransactionTravelInRunsByClinic() async throws {
        let fixture = try BusFixture("outbox_runs")
        let clinics = [ClinicID(), ClinicID()]
        let records = (0..<70).map { number in
            fixture.record(of: clinics[number % 2], about: "\(number)")
        }
        try await fixture.database.through(.relay) { tx in try Outbox.appendAudit(records, in: tx) }
        let events = try await fixture.store.inspect(
            "select \(OutboxRow.columns) from outbox as o order by o.aggregate_version"
        ) { try $0.map { try OutboxRow($0).event } }
        #expect(events.count == 4)
        var numbers: [Int64] = []
        var found: [AuditEntryID: ClinicID] = [:]
        for event in events {
            for (number, record) in try AuditRun.records(of: event) {
                numbers.append(number)
                found[record.id] = event.clinicId
                #expect(record.clinicId == event.clinicId)
            }
        }
        #expect(numbers == Array(1...70))
        #expect(Set(found.keys) == Set(records.map(\.id)))
        #expect(Set(events.map(\.aggregateId)).count == 1)
    }

    @Test func eventsBetweenAuditEntriesBreakNoRun() async throws {
        let fixture = try BusFixture("outbox_mixed")
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            for number in 0..<3 {
                try Outbox.appendAudit(fixture.record(about: "\(number)"), in: tx)
                try Outbox.append(ThingChanged(label: "\(number)"), aggregate: "x", version: 1, actor: "user:u", in: tx)
            }
        }
        #expect(try await fixture.count("select count(*) from outbox where part = 'events'") == 3)
        #expect(try await fixture.count("select count(*) from outbox where part = 'audit'") == 1)
    }

    @Test func theInboxTakesAnEventInOncePerHandlerAndClinic() async throws {
        let fixture = try BusFixture("outbox_inbox")
        let event = try EventEnvelope(
            ThingChanged(label: "x"),
            clinicId: fixture.clinic,
            actor: "user:u",
            at: .now(),
            aggregateId: "x",
            aggregateVersion: 1
        )
        func once(_ handler: String, _ clinic: ClinicID, failing: Bool = false) async throws -> Bool {
            try await fixture.database.transaction(for: fixture.tenant(clinic)) { tx in
                let isFirst = try Inbox.once(event, handler: handler, in: tx)
                if failing { throw TestKitError("effect failed") }
                return isFirst
            }
        }
        await #expect(throws: TestKitError.self) { try await once("a", fixture.clinic, failing: true) }
        #expect(try await once("a", fixture.clinic))
        #expect(try await once("a", fixture.clinic) == false)
        #expect(try await once("b", fixture.clinic))
        #expect(try await once("a", ClinicID()))
    }

    @Test func ofTwoDeliveriesAtOnceOneIsFirst() async throws {
        let fixture = try BusFixture("outbox_race")
        let event = try EventEnvelope(
            ThingChanged(label: "x"),
            clinicId: fixture.clinic,
            actor: "user:u",
            at: .now(),
            aggregateId: "x",
            aggregateVersion: 1
        )
        let firsts = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    try await fixture.database.transaction(for: fixture.tenant()) { tx in
                        try Inbox.once(event, handler: "race", in: tx)
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(firsts == 1)
    }

    @Test func thePresentVersionToldAgainCounts() async throws {
        let fixture = try BusFixture("outbox_again")
        func newer(_ version: Int64, notify: Bool) async throws -> Bool {
            let event = try EventEnvelope(
                ThingChanged(label: "x"),
                clinicId: fixture.clinic,
                actor: "user:u",
                at: .now(),
                aggregateId: "a",
                aggregateVersion: version,
                notify: notify
            )
            return try await fixture.database.transaction(for: fixture.tenant()) { tx in
                try Inbox.newer(event, handler: "h", in: tx)
            }
        }
        #expect(try await newer(2, notify: true))
        #expect(try await newer(2, notify: false))
        #expect(try await newer(1, notify: false) == false)
        #expect(try await newer(2, notify: true) == false)
        #expect(try await newer(3, notify: false))
        #expect(try await newer(3, notify: true) == false)
    }

    @Test func onlyAGreaterVersionIsNewer() async throws {
        let fixture = try BusFixture("outbox_versions")
        var found: [Bool] = []
        for version: Int64 in [2, 1, 2, 5, 3] {
            found.append(
                try await fixture.database.transaction(for: fixture.tenant()) { tx in
                    try Inbox.newer(aggregate: "a", version: version, handler: "h", in: tx)
                }
            )
        }
        #expect(found == [true, false, false, true, false])
        let other = try await fixture.database.transaction(for: fixture.tenant(ClinicID())) { tx in
            try Inbox.newer(aggregate: "a", version: 1, handler: "h", in: tx)
        }
        #expect(other)
    }

    struct Reach: Sendable, CustomTestStringConvertible {
        let scope: Scope
        let expected: [Bool]
        var testDescription: String { scope.word }
    }
    static let patient = PatientID()
    static let place = LocationID()
    static let doctor = DoctorID()
    static let reaches: [Reach] = [
        // Rows: the patient's here with the doctor; another patient's elsewhere with another; without anything.
        Reach(scope: .clinic, expected: [true, true, true]),
        Reach(scope: .locations([place]), expected: [true, false, true]),
        Reach(scope: .locations([LocationID()]), expected: [false, false, true]),
        Reach(scope: .locations([]), expected: [false, false, false]),
        Reach(scope: .own(patient), expected: [true, false, false]),
        Reach(scope: .treated(doctor), expected: [true, false, false]),
        Reach(scope: .account, expected: [false, false, false]),
    ]

    @Test(arguments: reaches) func aScopeReachesItsRowsOnly(_ reach: Reach) async throws {
        let fixture = try BusFixture("outbox_scopes")
        let tenant = Tenant(fixture.clinic, actor: "test", scope: reach.scope)
        let seen = try await fixture.database.transaction(for: tenant) { tx in
            try tx.rows(
                """
                select coalesce(in_scope(p, l, d), false) from (values
                    (1, \(Self.patient), \(Self.place), \(Self.doctor)),
                    (2, \(PatientID()), \(LocationID()), \(DoctorID())),
                    (3, null, null, null)) as r (n, p, l, d) order by n
                """
            ).map { row -> Bool in try row[0] }
        }
        #expect(seen == reach.expected)
    }

    @Test func withoutSettingsNothingIsInScopeAndThereIsNoClinic() async throws {
        let fixture = try BusFixture("outbox_unset")
        let seen = try await fixture.database.through(.relay) { tx -> [Bool] in
            let row = try tx.rows(
                "select in_scope(\(Self.patient), \(Self.place), \(Self.doctor)), clinic_id() is null"
            )[0]
            return [try row[0], try row[1]]
        }
        #expect(seen == [false, true])
    }
}
