import Bus
import Contracts
import Core
import Logging
import Outbox
import Postgres
import Redis
import ServiceLifecycle
import Synchronization
import TestKit

/// An event of the tests.
struct ThingChanged: EventPayload, Equatable {
    static let kind = "thing.changed"
    static let category = EventCategory.appointment
    static let topic = ServiceName.appointments
    var label: String
}

/// The same, more urgent.
struct ThingBroke: EventPayload {
    static let kind = "thing.broke"
    static let category = EventCategory.appointment
    static let topic = ServiceName.appointments
    static let priority = EventPriority.critical
    var label: String
}

/// One owner's schema, its topic in the shared Redis, and a consumer's inbox.
struct BusFixture: Sendable {
    let store: TestDatabase
    let redis: RedisClient
    let keyspace = Keyspace(prefix: TestKeyspace.prefix())
    let clinic = ClinicID()
    let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let ring: [UInt8] = Array(0..<32)

    var database: Database { store.database }

    init(_ schema: String) throws {
        store = try TestDatabase.open(
            schema,
            migrations: [
                MigrationSet(schema: schema, module: "outbox", files: OutboxMigrations.files),
                MigrationSet(schema: schema, module: "test", files: [("0001_effects.sql", Array(Self.effects.utf8))]),
            ]
        )
        let url = try TestServers.shared().redisURL
        guard let endpoint = RedisEndpoint(url: url) else { throw TestKitError("not a Redis URL") }
        redis = RedisClient(endpoint, name: "test", logger: log)
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

    func keys(_ process: ServiceName) -> EdgeKeys {
        EdgeKeys(ring: [("k1", ring)], currentID: "k1", process: process.rawValue)
    }

    func record(of clinic: ClinicID? = nil, about thing: String = "1") -> AuditRecord {
        AuditRecord(
            at: .now(),
            clinicId: clinic ?? self.clinic,
            actor: .init(type: "user", id: "u"),
            action: "things:read",
            resource: .init(type: "thing", id: thing),
            outcome: .succeeded,
            requestId: RequestID(),
            source: .init(address: "127.0.0.1", userAgent: "test")
        )
    }

    var publisher: EventPublisher {
        EventPublisher(redis: redis, keyspace: keyspace, keys: keys(.appointments), logger: log)
    }

    func relay(_ change: (inout OutboxRelayPolicy) -> Void = { _ in }) -> OutboxRelay {
        var policy = OutboxRelayPolicy()
        policy.lead = .seconds(2)
        policy.standby = .milliseconds(50)
        policy.epochCheck = .milliseconds(50)
        policy.confirmation = .milliseconds(50)
        change(&policy)
        return OutboxRelay(
            database: database,
            publisher: publisher,
            epochs: RedisEpochs(redis: redis, keyspace: keyspace),
            service: .appointments,
            policy: policy,
            logger: log
        )
    }

    /// A consumer of the topic that notes each label once, by its inbox; `before` runs ahead of it, `after` behind it.
    func consumer(
        _ group: ServiceName,
        part: TopicPart = .events,
        after: @escaping @Sendable (EventEnvelope) throws -> Void = { _ in }
    ) -> EventConsumer {
        let database = self.database
        let handler = "\(group.rawValue).test"
        return EventConsumer(
            redis: redis,
            keyspace: keyspace,
            keys: keys(group),
            topic: .appointments,
            part: part,
            group: group.rawValue,
            instance: "\(EventID())",
            logger: log,
            poison: { event, deliveries, reason in
                try await PoisonedEvents.store(
                    event,
                    handler: handler,
                    deliveries: deliveries,
                    reason: reason,
                    in: database
                )
            },
            handle: { events in
                for event in events {
                    try await database.transaction(for: Tenant(event.clinicId, actor: handler), lane: .background) {
                        tx in
                        guard try Inbox.once(event, handler: handler, in: tx) else { return }
                        let label = "\(group.rawValue):\(event.name):\(event.aggregateId)"
                        tx.execute("insert into effects (clinic_id, label) values (\(event.clinicId), \(label))")
                    }
                    try after(event)
                }
            }
        )
    }

    /// Every group that the topic's declaration names, so that rows can be confirmed.
    func consumers() -> [any Service] {
        [consumer(.access), consumer(.communication), consumer(.billing), consumer(.access, part: .audit)]
    }

    func append(_ count: Int, from first: Int = 0, clinic: ClinicID? = nil) async throws {
        try await database.transaction(for: tenant(clinic)) { tx in
            for number in first..<first + count {
                try Outbox.append(
                    ThingChanged(label: "\(number)"),
                    aggregate: "\(number)",
                    version: 1,
                    actor: "user:u",
                    in: tx
                )
            }
        }
    }

    /// Takes everything of this test's out of Redis, as FLUSHALL does for all.
    func wipe() async throws {
        let script = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end"
        _ = try await redis.send(["EVAL", .text(script), 0, .text("\(keyspace.prefix)*")])
    }

    func count(_ query: Query) async throws -> Int { try await store.inspect(query) { try $0[0][0] } }

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
}
