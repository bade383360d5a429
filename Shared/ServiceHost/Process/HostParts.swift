import Authorization
import Bus
import Contracts
import Core
import Jobs
import Logging
import Outbox
import Postgres
import ProviderConfig
import Redis
import ServiceLifecycle
import Settings
import Telemetry
import Vault

/// What the host makes of the settings: connections, keys, and the loops that every service has.
struct HostParts {
    let resources: HostResources
    private let host: ServiceProcess
    private let rpcRedis: RedisClient
    private let clock: RedisClock
    private let requests: RequestClient
    private let policy: PolicyFollower

    init(_ host: ServiceProcess) throws {
        self.host = host
        let settings = host.settings
        let process = host.name.rawValue
        let log = Logger(label: process)
        let instance = "\(process)-\(RequestID())"
        let keys = try KeyFile(json: Array(settings.required("POLYCLINIC_KEYS").utf8))
        let edgeKeys = try keys.edgeKeys()
        let keyspace = Keyspace(prefix: try settings.string("POLYCLINIC_KEY_PREFIX", default: "pc"))
        let redis = RedisClient(try settings.redis("REDIS_URL"), name: process, logger: log)
        rpcRedis =
            try settings.string("REDIS_RPC_URL") == nil
            ? redis : RedisClient(try settings.redis("REDIS_RPC_URL"), name: "\(process)-rpc", logger: log)
        let database = Database(
            DatabaseConfiguration(url: try settings.requiredSecret("DATABASE_URL"), schema: process),
            logger: log
        )
        clock = RedisClock(redis: rpcRedis, logger: log)
        requests = RequestClient(
            redis: rpcRedis,
            keyspace: keyspace,
            keys: edgeKeys,
            clock: clock,
            process: process,
            instance: instance,
            services: [.access],
            logger: log
        )
        policy = PolicyFollower(
            requests: requests,
            redis: redis,
            keyspace: keyspace,
            keys: edgeKeys,
            process: process,
            logger: log
        )
        let blindIndex = try BlindIndex(keys, service: host.name)
        resources = HostResources(
            settings: settings,
            instance: instance,
            database: database,
            redis: redis,
            keyspace: keyspace,
            edgeKeys: edgeKeys,
            keys: keys,
            dataKeys: DataKeyStore(try DataKeys(keys, service: host.name), database: database),
            blindIndex: blindIndex,
            cursors: CursorSeal(blindIndex),
            publicURL: try settings.string("POLYCLINIC_PUBLIC_URL", default: ""),
            log: log
        )
    }

    /// Everything that runs; later ones are drained first.
    func services(for definition: ServiceDefinition) throws -> [any Service] {
        let server = try requestServer(for: definition)
        let publisher = EventPublisher(
            redis: resources.redis,
            keyspace: resources.keyspace,
            keys: resources.edgeKeys,
            logger: resources.log
        )
        let relay = OutboxRelay(
            database: resources.database,
            publisher: publisher,
            epochs: RedisEpochs(redis: resources.redis, keyspace: resources.keyspace),
            service: host.name,
            logger: resources.log
        )
        let wired = wired(definition)
        let workers = JobWorkers(
            database: resources.database,
            handlers: definition.jobs + jobs(for: definition, consumers: wired),
            transactional: definition.transactionalJobs,
            logger: resources.log
        )
        let consumers = wired.map(consumer)
        let report = ProcessReport(
            process: host.name.rawValue,
            instance: resources.instance,
            keyIDs: resources.keys.heldIDs,
            currentKeyIDs: resources.keys.usedIDs,
            follows: definition.consumers.flatMap(\.kinds).sorted()
        )
        let health = HealthServer(
            port: try host.settings.port("POLYCLINIC_HEALTH_PORT") ?? 0,
            host: try host.settings.string("POLYCLINIC_HEALTH_HOST", default: HealthServer.hostDefault),
            checks: checks(server, consumers) + definition.checks,
            logger: resources.log,
            onListening: host.onListening
        )
        var services: [any Service] = [resources.redis]
        if rpcRedis !== resources.redis { services.append(rpcRedis) }
        services += [
            resources.database, clock, health, requests, policy,
            ProcessRegistry(
                redis: resources.redis,
                keyspace: resources.keyspace,
                report: report,
                logger: resources.log
            ),
            AuditHeadsReport(database: resources.database, log: resources.log), relay, workers, watch(definition),
        ]
        services += definition.services
        services.append(
            Scheduler(
                database: resources.database,
                schedules: definition.schedules + [try PruneRepliesJob.schedule(host.name)],
                logger: resources.log
            )
        )
        return services + consumers + [server]
    }

    private func requestServer(for definition: ServiceDefinition) throws -> RequestServer {
        let dispatcher = Dispatcher(
            service: host.name,
            handlers: definition.handlers.entries,
            database: resources.database,
            replies: IdempotencyStore(dataKeys: resources.dataKeys),
            policy: policy,
            log: resources.log
        )
        return RequestServer(
            redis: rpcRedis,
            keyspace: resources.keyspace,
            keys: resources.edgeKeys,
            clock: clock,
            service: host.name,
            instance: resources.instance,
            concurrency: try host.settings.int("POLYCLINIC_REQUEST_SLOTS", in: 1...4_096)
                ?? RequestServer.concurrencyDefault,
            logger: resources.log,
            prepare: { [policy, name = host.name] in
                // Access has the policy; everybody else leaves requests to its peers until it has heard of it.
                if name != .access { _ = await policy.becomesFresh() }
            }
        ) { await dispatcher.answer($0, redelivered: $1) }
    }

    /// The jobs that every service has.
    private func jobs(
        for definition: ServiceDefinition,
        consumers: [ServiceDefinition.Consumer]
    ) -> [any JobHandler] {
        [
            PruneRepliesJob(), ReplayEvent(intake: intake, consumers: consumers),
            // Operators order it of every owner of events: who keeps nothing that could be told again is done at once.
            ResendAggregates(lists: definition.resends),
        ]
    }

    /// The consumers, of which that of access' events hears as well when this service is to tell everything again.
    private func wired(_ definition: ServiceDefinition) -> [ServiceDefinition.Consumer] {
        let service = host.name
        return definition.consumers.map { consumer in
            guard consumer.topic == .access, !definition.resends.isEmpty else { return consumer }
            return consumer.taking(ResendWanted.self) { event, tx in
                guard try event.decode(ResendWanted.self).topics.contains(service) else { return }
                try ResendAggregates.order(in: tx)
            } ?? consumer
        }
    }

    private func watch(_ definition: ServiceDefinition) -> ProjectionWatch {
        let (redis, keyspace) = (resources.redis, resources.keyspace)
        let kinds = definition.consumers.reduce(into: [ServiceName: Set<String>]()) { kinds, consumer in
            if !consumer.kinds.isEmpty { kinds[consumer.topic, default: []].formUnion(consumer.kinds) }
        }
        return ProjectionWatch(
            host.name,
            kinds: kinds,
            database: resources.database,
            beats: RedisBeats(redis: redis, keyspace: keyspace),
            peers: { try await ProcessRegistry.live(redis: redis, keyspace: keyspace) },
            ask: ProjectionWatch.ask(requests, as: host.name.rawValue),
            log: resources.log
        )
    }

    private var intake: EventIntake {
        EventIntake(service: host.name, database: resources.database)
    }

    private func consumer(_ consumer: ServiceDefinition.Consumer) -> EventConsumer {
        let database = resources.database
        let group = host.name.rawValue
        let intake = intake
        return EventConsumer(
            redis: resources.redis,
            keyspace: resources.keyspace,
            keys: resources.edgeKeys,
            topic: consumer.topic,
            part: consumer.part,
            group: group,
            instance: resources.instance,
            logger: resources.log,
            poison: { event, deliveries, reason in
                try await PoisonedEvents.store(
                    event,
                    handler: group,
                    deliveries: deliveries,
                    reason: reason,
                    in: database
                )
            },
            handle: { events in try await intake.take(events, for: consumer) }
        )
    }

    private func checks(_ server: RequestServer, _ consumers: [EventConsumer]) -> [HealthCheck] {
        let database = resources.database
        let redis = resources.redis
        let policy = policy
        return [
            HealthCheck("postgres") { (try? await database.ping()) != nil },
            HealthCheck("redis") { redis.isUp },
            HealthCheck("requests") { server.isReady },
            HealthCheck("events") { consumers.allSatisfy(\.isReady) },
            HealthCheck("policy") { policy.freshness() == .fresh },
        ]
    }
}
