import AccessAPI
import AppointmentsAPI
import Authorization
import Bus
import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Outbound
import Postgres
import ProviderConfig
import Redis
import Resilience
import Settings
import Synchronization
import Telemetry
import TestKit
import Testing
import Vault

@testable import Communication
@testable import ServiceHost

/// The communication service without its process: operations asked as the gateway asks them, and workers that send.
///
/// One for all tests, as workers take every clinic's jobs; each test has a clinic of its own. Tests of what holds for all
/// clinics have another one, on a database apart.
final class MessageDesk: Sendable {
    static let endpoints = CommunicationEndpoints()

    let database: TestDatabase
    let clock = OffsetClock()
    let store: ProviderConfigStore
    let sending: SendingParts
    private let consumers: [ServiceDefinition.Consumer]
    let checks: ProviderChecks
    /// Seals as access does.
    let accessSeal: EdgeSeal
    let dataKeys: DataKeyStore
    let blindIndex: BlindIndex
    let dispatcher: Dispatcher
    private let workers: Task<Void, any Error>

    static func shared() throws -> MessageDesk { try made.get() }
    private static let made = Result { try MessageDesk() }
    static func ofInstallation() throws -> MessageDesk { try madeApart.get() }
    private static let madeApart = Result { try MessageDesk(apart: "_installation") }

    /// - Parameters:
    ///   - circuits: when circuits open.
    ///   - callTime: after which a call without files is given up.
    init(
        apart place: String = "",
        providers: MessageProviders = .builtIn,
        circuits: CircuitBreakerPolicy = CircuitBreakerPolicy(jitter: 0),
        callTime: Duration = SendingParts.callTime
    ) throws {
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        Telemetry.bootstrap(service: "test", level: .critical)
        database = try TestDatabase.open("communication", migrations: CommunicationService.migrations, apart: place)
        let keys = KeyFile.generate()
        let ring = keys.busKeys.map { (id: $0.id, key: $0.key.bytes) }
        let edgeKeys = { (process: String) in
            EdgeKeys(ring: ring, currentID: keys.currentID(of: .bus) ?? "", process: process)
        }
        let redis = RedisClient(
            try #require(RedisEndpoint(url: TestServers.shared().redisURL)),
            name: "test",
            logger: log
        )
        Task { try await redis.run() }
        dataKeys = DataKeyStore(try DataKeys(keys, service: .communication), database: database.database)
        blindIndex = try BlindIndex(keys, service: .communication)
        let host = HostResources(
            settings: Settings([:]),
            instance: "test",
            database: database.database,
            redis: redis,
            keyspace: Keyspace(prefix: TestKeyspace.prefix()),
            edgeKeys: edgeKeys("communication"),
            keys: keys,
            dataKeys: dataKeys,
            blindIndex: blindIndex,
            cursors: CursorSeal(blindIndex),
            publicURL: "https://clinic.example",
            log: log
        )
        let parts = CommunicationParts(
            host,
            policy: try OutboundPolicy(allow: "loopback"),
            providers: providers,
            tuning: .init(
                circuits: circuits,
                now: { [clock] in clock.now },
                // On a busy machine Redis is no less there for being slow.
                redisPatience: .seconds(20),
                callTime: callTime,
                records: TextRecords(host: "127.0.0.1", port: 9)
            )
        )
        (store, sending, checks) = (parts.store, parts.sending, parts.checks)
        let definition = try parts.definition()
        try definition.handlers.complete(definition.endpoints)
        consumers = definition.consumers
        accessSeal = EdgeSeal(.notices, keys: edgeKeys("access"))
        let follower = PolicyFollower(
            redis: RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: log),
            keyspace: Keyspace(),
            keys: EdgeKeys(edges: [:], currentID: "none"),
            logger: log
        ) { _ in throw Problem.unavailable("The policy") }
        dispatcher = Dispatcher(
            service: .communication,
            handlers: definition.handlers.entries,
            database: database.database,
            replies: IdempotencyStore(dataKeys: dataKeys),
            policy: follower,
            log: log
        )
        let jobs = JobWorkers(
            database: database.database,
            handlers: definition.jobs,
            transactional: definition.transactionalJobs,
            logger: log
        )
        // For the life of the test process: there is nobody who could end it.
        workers = Task { try await jobs.run() }
    }

    /// Delivers an event as the bus does.
    func take(_ event: EventEnvelope) async throws {
        let intake = EventIntake(service: .communication, database: database.database)
        for consumer in consumers { try await intake.take([event], for: consumer) }
    }
}

/// A clock that tests put forward.
final class OffsetClock: Sendable {
    private let offset = Mutex(Duration.zero)

    var now: Instant { .now() + offset.withLock { $0 } }
    func advance(_ duration: Duration) { offset.withLock { $0 += duration } }
}
