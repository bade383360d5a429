import Contracts
import Core
import Jobs
import Logging
import Outbox
import Postgres
import ServiceLifecycle
import Synchronization
import TestKit

@testable import ServiceHost

/// An event of the tests.
struct ThingChanged: EventPayload, Equatable {
    static let kind = "thing.changed"
    static let category = EventCategory.appointment
    static let topic = ServiceName.appointments
    var label: String
}

/// What a consuming service has around its events: inbox, dead letters and jobs, in a schema of the test's own.
struct EventHost: Sendable {
    let store: TestDatabase
    let clinic = ClinicID()
    let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    var database: Database { store.database }
    var intake: EventIntake { EventIntake(service: .billing, database: database) }

    init(_ schema: String) throws {
        store = try TestDatabase.open(
            schema,
            migrations: [
                MigrationSet(schema: schema, module: "outbox", files: OutboxMigrations.files),
                MigrationSet(schema: schema, module: "jobs", files: JobsMigrations.files),
                MigrationSet(schema: schema, module: "test", files: [("0001_effects.sql", Array(Self.effects.utf8))]),
            ]
        )
    }

    private static let effects = """
        create table :schema.effects (
            clinic_id uuid not null, id bigint not null generated always as identity, label text not null,
            primary key (clinic_id, id));
        alter table :schema.effects enable row level security, force row level security;
        create policy tenant on :schema.effects
            using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
        grant select, insert on :schema.effects to polyclinic_:schema;
        """

    static func note(_ label: String, in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw TestKitError("no clinic") }
        tx.execute("insert into effects (clinic_id, label) values (\(clinic), \(label))")
    }

    func labels() async throws -> [String] {
        try await store.inspect("select label from effects where clinic_id = \(clinic) order by id") { rows in
            try rows.map { try $0[0] }
        }
    }

    func event(_ label: String, clinic: ClinicID? = nil) throws -> EventEnvelope {
        try EventEnvelope(
            ThingChanged(label: label),
            clinicId: clinic ?? self.clinic,
            actor: "system:test",
            at: .now(),
            aggregateId: label,
            aggregateVersion: 1
        )
    }

    /// Gives an event up, as its consumer does after the last delivery.
    func setAside(_ event: EventEnvelope) async throws {
        try await PoisonedEvents.store(event, handler: "billing", deliveries: 5, reason: "Broken", in: database)
    }

    /// Runs the jobs while `body` runs.
    func working(_ handlers: [any JobHandler], _ body: @escaping @Sendable () async throws -> Void) async throws {
        var policy = JobWorkersPolicy()
        policy.idle = .milliseconds(20)
        policy.drain = .zero
        let workers = JobWorkers(database: database, handlers: handlers, policy: policy, logger: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await workers.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    func jobsLeft() async throws -> Int { try await store.inspect("select count(*) from jobs") { try $0[0][0] } }
}
