import Core
import Jobs
import Logging
import Outbox
import Postgres
import Resilience
import ServiceLifecycle
import Synchronization
import TestKit

/// A schema of its own for each test: workers take whatever is due, whoever put it there.
struct JobFixture: Sendable {
    let store: TestDatabase
    let clinic = ClinicID()
    let other = ClinicID()
    let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    var database: Database { store.database }

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

    func tenant(_ clinic: ClinicID? = nil) -> Tenant { Tenant(clinic ?? self.clinic, actor: "test") }

    static func note(_ label: String, in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw TestKitError("no clinic") }
        tx.execute("insert into effects (clinic_id, label) values (\(clinic), \(label))")
    }

    func effects(_ label: String) async throws -> Int {
        try await store.inspect("select count(*) from effects where label = \(label)") { try $0[0][0] }
    }

    func jobsLeft() async throws -> Int { try await store.inspect("select count(*) from jobs") { try $0[0][0] } }

    /// Runs services while `body` runs, and stops them after it.
    func running<R: Sendable>(
        _ services: [any Service],
        _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    func workers(
        _ handlers: [any JobHandler],
        _ transactional: [any TransactionalJobHandler] = [],
        _ change: (inout JobWorkersPolicy) -> Void = { _ in }
    ) -> JobWorkers {
        var policy = JobWorkersPolicy()
        policy.idle = .milliseconds(20)
        policy.drain = .zero
        change(&policy)
        return JobWorkers(
            database: database,
            handlers: handlers,
            transactional: transactional,
            policy: policy,
            logger: log
        )
    }
}

struct Label: Codable, Sendable { var label: String }

/// Notes its label when it is finished; what happens before is the test's.
struct NoteJob: JobHandler {
    static let name = "test.note"
    static let retry = RetryPolicy(attempts: 3, base: .milliseconds(10), cap: .milliseconds(20))
    static let lease: Duration = .seconds(3)
    var before: @Sendable (Label, JobContext) async throws -> Void = { _, _ in }

    func run(_ payload: Label, _ job: JobContext) async throws {
        try await before(payload, job)
        try await job.finish { tx in try JobFixture.note(payload.label, in: tx) }
    }
}

/// Notes its labels with statements alone; refuses those called `bad`.
struct NoteBatch: TransactionalJobHandler {
    static let name = "test.batch"
    static let retry = RetryPolicy(attempts: 2, base: .milliseconds(10), cap: .milliseconds(20))

    func run(_ payloads: [Label], in transaction: borrowing Transaction) throws {
        for payload in payloads {
            if payload.label == "bad" { throw TestKitError("bad") }
            try JobFixture.note(payload.label, in: transaction)
        }
    }
}

/// Counts from several tasks.
final class Tally: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    subscript(_ key: String) -> Int { counts.withLock { $0[key, default: 0] } }
    @discardableResult func add(_ key: String) -> Int {
        counts.withLock {
            $0[key, default: 0] += 1
            return $0[key, default: 0]
        }
    }
}
