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
        dataKeys = DataKeyStore(try DataKeys(keys, service: .communication), database: database.database)
        blindIndex = try BlindIndex(keys, service: .communication)
        let policy = try OutboundPolicy(allow: "loopback")
        let store = ProviderConfigStore(
            dataKeys: dataKeys,
            index: blindIndex,
            shapes: providers.shapes
        )
        self.store = store
        let index = AddressIndex(blindIndex: blindIndex)
        let suppressions = SuppressionStore(dataKeys: dataKeys)
        let links = UnsubscribeLinks(
            dataKeys: dataKeys,
            blindIndex: blindIndex,
            publicURL: "https://clinic.example"
        )
        let intake = MessageIntake(
            templates: CompiledTemplateCache(),
            dataKeys: dataKeys,
            store: store,
            providers: providers,
            index: index,
            unsubscribe: links
        )
        let clock = clock
        let keyspace = Keyspace(prefix: TestKeyspace.prefix())
        let redis = RedisClient(
            try #require(RedisEndpoint(url: TestServers.shared().redisURL)),
            name: "test",
            logger: log
        )
        Task { try await redis.run() }
        let transports = ProviderTransports(policy: policy, log: log)
        sending = SendingParts(
            dataKeys: dataKeys,
            store: store,
            resolver: ProviderConfigResolver(store: store, database: database.database, usesDefault: true),
            providers: providers,
            transports: transports,
            circuits: ProviderCircuits(policy: circuits, providers: providers, now: { clock.now }),
            receipts: ReceiptLatencies(now: { clock.now }),
            // On a busy machine Redis is no less there for being slow.
            rates: RateLimiter(
                redis: redis,
                keyspace: keyspace,
                patience: .seconds(20)
            ),
            webhooks: WebhookAddresses(publicURL: "https://polyclinic.test", providers: providers),
            index: index,
            media: MediaLinks(blindIndex: blindIndex, publicURL: "https://clinic.example"),
            callTime: callTime
        )
        var handlers = HandlerTable()
        let webhooks = sending.webhooks
        ConfigurationHandlers(
            endpoints: Self.endpoints.configuration,
            store: store,
            providers: providers,
            policy: policy,
            webhooks: webhooks,
            cursors: CursorSeal(blindIndex)
        ).register(in: &handlers)
        DefaultProviderHandlers(
            endpoints: Self.endpoints.installation,
            store: store,
            providers: providers,
            policy: policy,
            webhooks: webhooks
        ).register(in: &handlers)
        let effective = EffectiveProviders(store: store, resolver: sending.resolver)
        ConfigurationTester(
            endpoints: Self.endpoints.configuration,
            store: store,
            effective: effective,
            policy: policy,
            providers: providers,
            transports: transports,
            senders: SenderChecks(records: TextRecords(host: "127.0.0.1", port: 9), providers: providers),
            index: index,
            rates: sending.rates,
            turns: ConfigurationTestTurns(redis: redis, keyspace: keyspace, patience: .seconds(20))
        ).register(in: &handlers)
        let readers = providers.readers(through: transports)
        let deliveries = DeliveryIntake(index: index, suppressions: suppressions, receipts: sending.shares.receipts)
        WebhookHandlers(
            endpoints: Self.endpoints.deliveries,
            store: store,
            providers: providers,
            readers: readers,
            intake: deliveries,
            inbound: InboundIntake(
                store: InboundStore(dataKeys: dataKeys),
                suppressions: suppressions,
                addresses: index
            ),
            webhooks: webhooks,
            large: LargeWebhooks(dataKeys: dataKeys)
        ).register(in: &handlers)
        HandshakeHandlers(endpoints: Self.endpoints.deliveries, store: store, readers: readers)
            .register(in: &handlers)
        handlers.webhookPairs(of: .communication, readable: readers.keys.sorted())
        HealthHandlers(
            endpoints: Self.endpoints.health,
            effective: effective,
            providers: providers,
            shares: sending.shares,
            dataKeys: dataKeys
        ).register(in: &handlers)
        AlertHandlers(endpoints: Self.endpoints.alerts, dataKeys: dataKeys).register(in: &handlers)
        AnalyticsHandlers(endpoints: Self.endpoints.analytics).register(in: &handlers)
        UnsubscribeHandlers(endpoints: Self.endpoints.unsubscribing, links: links, store: suppressions, index: index)
            .register(
                in: &handlers
            )
        ContactPreferenceHandlers(endpoints: Self.endpoints.preferences, dataKeys: dataKeys).register(in: &handlers)
        ContactDeviceHandlers(
            endpoints: Self.endpoints.devices,
            dataKeys: dataKeys,
            index: index,
            cursors: CursorSeal(blindIndex)
        ).register(in: &handlers)
        SuppressionHandlers(
            endpoints: Self.endpoints.suppressions,
            store: suppressions,
            index: index,
            cursors: CursorSeal(blindIndex)
        ).register(in: &handlers)
        MessageHandlers(
            endpoints: Self.endpoints.messages,
            intake: intake,
            cursors: CursorSeal(blindIndex)
        ).register(in: &handlers)
        MediaHandlers(endpoints: Self.endpoints.media, links: sending.media, dataKeys: dataKeys).register(in: &handlers)
        UploadHandlers(endpoints: Self.endpoints.attachments, dataKeys: dataKeys).register(in: &handlers)
        ConversationHandlers(
            endpoints: Self.endpoints.conversations,
            dataKeys: dataKeys,
            cursors: CursorSeal(blindIndex)
        ).register(in: &handlers)
        TemplateHandlers(endpoints: Self.endpoints.templates, store: store, cursors: CursorSeal(blindIndex)).register(
            in: &handlers
        )
        TemplateTestHandlers(endpoints: Self.endpoints.templates, intake: intake).register(in: &handlers)
        try handlers.complete(Self.endpoints.all + WebhookEndpoints(of: .communication).all)
        let ring = keys.busKeys.map { (id: $0.id, key: $0.key.bytes) }
        let edgeKeys = { (process: String) in
            EdgeKeys(ring: ring, currentID: keys.currentID(of: .bus) ?? "", process: process)
        }
        accessSeal = EdgeSeal(.notices, keys: edgeKeys("access"))
        consumers =
            ClinicEvents(
                dataKeys: dataKeys,
                index: index,
                notices: EdgeSeal(.notices, keys: edgeKeys("communication"))
            ).consumers
        checks = ProviderChecks(parts: sending, database: database.database, log: log)
        let follower = PolicyFollower(
            redis: RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: log),
            keyspace: Keyspace(),
            keys: EdgeKeys(edges: [:], currentID: "none"),
            logger: log
        ) { _ in throw Problem.unavailable("The policy") }
        dispatcher = Dispatcher(
            service: .communication,
            handlers: handlers.entries,
            database: database.database,
            replies: IdempotencyStore(dataKeys: dataKeys),
            policy: follower,
            log: log
        )
        let jobs = JobWorkers(
            database: database.database,
            handlers: [
                SendMessageJob(parts: sending), MatchReportsJob(intake: deliveries), FindClinicsJob(intake: deliveries),
                DeadLetterWatch(), CostsJob(parts: sending), PruneReportsJob(),
                FetchFileJob(
                    keepers: providers.keepers(through: transports),
                    store: store,
                    dataKeys: dataKeys
                ),
            ],
            transactional: [
                NoticeJob(intake: intake, log: log), ReceiptDeadlineJob(), AlertJob(intake: intake, log: log),
                WakeMessagesJob(), ExpireUploadJob(), ExpireWebhookJob(),
            ],
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
