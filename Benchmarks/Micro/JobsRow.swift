import Core
import Jobs
import Logging
import Outbox
import Postgres
import TestKit

/// No-op jobs of 50 clinics: enqueued in batches of 1,000, claimed, done and deleted, durable in PostgreSQL throughout.
enum JobsRow {
    static let jobs = 200_000
    static let batch = 1_000
    static let clinics = 50

    struct Nothing: TransactionalJobHandler {
        typealias Payload = NoPayload
        static let name = "bench.nothing"
        func run(_ payloads: [NoPayload], in transaction: borrowing Transaction) throws {}
    }

    static func measure() async throws -> [String: Double] {
        let schema = "bench_jobs_\(UInt32.random(in: 0 ... .max))"
        let store = try TestDatabase.open(
            schema,
            migrations: [
                MigrationSet(schema: schema, module: "outbox", files: OutboxMigrations.files),
                MigrationSet(schema: schema, module: "jobs", files: JobsMigrations.files),
            ]
        )
        let workers = JobWorkers(
            database: store.database,
            handlers: [],
            transactional: [Nothing()],
            logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let took = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await workers.run() }
                try await enqueueAll(store.database)
                while try await left(store) > 0 { try await Task.sleep(for: .milliseconds(5)) }
                group.cancelAll()
            }
        }
        return ["per second": Double(jobs) / took]
    }

    private static func enqueueAll(_ database: Database) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let ids = (0..<clinics).map { _ in ClinicID() }
            for number in 0..<jobs / batch {
                if number >= 4 { try await group.next() }
                group.addTask {
                    try await database.transaction(for: Tenant(ids[number % clinics], actor: "bench")) { tx in
                        try Jobs.enqueue(
                            Nothing.self,
                            payloads: Array(repeating: NoPayload(), count: batch),
                            lane: .normal,
                            in: tx
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func left(_ store: TestDatabase) async throws -> Int {
        try await store.inspect("select count(*) from (select from jobs limit 1) as present") { try $0[0][0] }
    }
}
