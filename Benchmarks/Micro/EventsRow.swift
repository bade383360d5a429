import Bus
import Contracts
import Core
import Logging
import Outbox
import Postgres
import Redis
import ServiceHost
import TestKit

/// Events committed in one schema's outbox, carried over the stream, and taken in elsewhere with inbox row and effect.
enum EventsRow {
    static let events = 20_000
    static let batch = 250

    struct Happened: EventPayload {
        static let kind = "bench.happened"
        static let category = EventCategory.appointment
        static let topic = ServiceName.billing
        var number: Int64
    }

    private static let effects = """
        create table :schema.effects (clinic_id uuid not null, number bigint not null, primary key (clinic_id, number));
        alter table :schema.effects enable row level security, force row level security;
        create policy tenant on :schema.effects
            using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
        grant select, insert on :schema.effects to polyclinic_:schema;
        """

    static func measure() async throws -> [String: Double] {
        let suffix = UInt32.random(in: 0 ... .max)
        let owner = try open("bench_owner_\(suffix)")
        let consumer = try open("bench_consumer_\(suffix)")
        guard let endpoint = RedisEndpoint(url: try TestServers.shared().redisURL) else {
            throw TestKitError("not a Redis URL")
        }
        let log = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        let redis = RedisClient(endpoint, name: "bench", logger: log)
        let keyspace = Keyspace(prefix: TestKeyspace.prefix())
        let relay = OutboxRelay(
            database: owner.database,
            publisher: EventPublisher(redis: redis, keyspace: keyspace, keys: keys(.billing), logger: log),
            epochs: RedisEpochs(redis: redis, keyspace: keyspace),
            service: .billing,
            logger: log
        )
        let intake = EventIntake(service: .communication, database: consumer.database)
        let consumers = EventGroups.all[.billing, default: []].compactMap(ServiceName.init(rawValue:)).map { group in
            EventConsumer(
                redis: redis,
                keyspace: keyspace,
                keys: keys(group),
                topic: .billing,
                group: group.rawValue,
                instance: "\(EventID())",
                logger: log,
                poison: { _, _, _ in },
                handle: { events in
                    if group == .communication { try await intake.take(events, for: effect) }
                }
            )
        }
        let took = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await redis.run() }
                group.addTask { try await relay.run() }
                for consumer in consumers { group.addTask { try await consumer.run() } }
                try await commitAll(owner.database)
                while try await taken(consumer) < events { try await Task.sleep(for: .milliseconds(10)) }
                group.cancelAll()
            }
        }
        return ["per second": Double(events) / took]
    }

    private static func open(_ schema: String) throws -> TestDatabase {
        try TestDatabase.open(
            schema,
            migrations: [
                MigrationSet(schema: schema, module: "outbox", files: OutboxMigrations.files),
                MigrationSet(schema: schema, module: "bench", files: [("0001_effects.sql", Array(effects.utf8))]),
            ]
        )
    }

    private static func keys(_ process: ServiceName) -> EdgeKeys {
        EdgeKeys(ring: [("bench", Array(0..<32))], currentID: "bench", process: process.rawValue)
    }

    private static func commitAll(_ database: Database) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in stride(from: 0, to: events, by: batch) {
                if first >= 4 * batch { try await group.next() }
                group.addTask {
                    let clinic = ClinicID()
                    try await database.transaction(for: Tenant(clinic, actor: "bench")) { tx in
                        for number in first..<first + batch {
                            try Outbox.append(
                                Happened(number: Int64(number)),
                                aggregate: "\(number)",
                                version: 1,
                                actor: "bench",
                                in: tx
                            )
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The effect of one event, as a service declares it.
    private static let effect = ServiceDefinition.Consumer(of: .billing, [Happened.self]) { event, tx in
        let happened = try event.decode(Happened.self)
        tx.execute("insert into effects (clinic_id, number) values (\(event.clinicId), \(happened.number))")
    }

    private static func taken(_ store: TestDatabase) async throws -> Int {
        try await store.inspect("select count(*) from effects") { try $0[0][0] }
    }
}
