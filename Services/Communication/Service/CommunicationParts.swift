import Bus
import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import Resilience
import ServiceHost
import Telemetry

/// What the service is made of: each part is made once, here, and given to the handlers and jobs that work with it.
struct CommunicationParts: Sendable {
    /// What is as long, as slow or as far away as it is; tests have it otherwise.
    struct Tuning: Sendable {
        /// When circuits open, and for how long.
        var circuits = CircuitBreakerPolicy()
        /// The clock of circuits and receipts.
        var now: @Sendable () -> Instant = { .now() }
        /// How long Redis is waited for.
        var redisPatience = RateLimiter.patience
        /// After which a call without files is given up.
        var callTime = SendingParts.callTime
        /// Who is asked for what stands in a sender's domain.
        var records = TextRecords()
    }

    let sending: SendingParts
    let store: ProviderConfigStore
    private let resources: HostResources
    private let policy: OutboundPolicy
    private let providers: MessageProviders
    private let tuning: Tuning
    private let index: AddressIndex
    private let suppressions: SuppressionStore
    private let links: UnsubscribeLinks
    private let intake: MessageIntake
    private let deliveries: DeliveryIntake
    private let effective: EffectiveProviders
    private let readers: [String: any WebhookReader]

    init(
        _ resources: HostResources,
        policy: OutboundPolicy,
        providers: MessageProviders = .builtIn,
        tuning: Tuning = Tuning()
    ) {
        self.resources = resources
        self.policy = policy
        self.providers = providers
        self.tuning = tuning
        store = ProviderConfigStore(
            dataKeys: resources.dataKeys,
            index: resources.blindIndex,
            shapes: providers.shapes
        )
        index = AddressIndex(blindIndex: resources.blindIndex)
        suppressions = SuppressionStore(dataKeys: resources.dataKeys)
        links = UnsubscribeLinks(
            dataKeys: resources.dataKeys,
            blindIndex: resources.blindIndex,
            publicURL: resources.publicURL
        )
        intake = MessageIntake(
            templates: CompiledTemplateCache(),
            dataKeys: resources.dataKeys,
            store: store,
            providers: providers,
            index: index,
            unsubscribe: links
        )
        sending = SendingParts(
            dataKeys: resources.dataKeys,
            store: store,
            resolver: ProviderConfigResolver(store: store, database: resources.database, usesDefault: true),
            providers: providers,
            transports: ProviderTransports(policy: policy, log: resources.log, publicURL: resources.publicURL),
            circuits: ProviderCircuits(policy: tuning.circuits, providers: providers, now: tuning.now),
            receipts: ReceiptLatencies(now: tuning.now),
            rates: RateLimiter(
                redis: resources.redis,
                keyspace: resources.keyspace,
                patience: tuning.redisPatience
            ),
            webhooks: WebhookAddresses(publicURL: resources.publicURL, providers: providers),
            index: index,
            media: MediaLinks(blindIndex: resources.blindIndex, publicURL: resources.publicURL),
            callTime: tuning.callTime
        )
        effective = EffectiveProviders(store: store, resolver: sending.resolver)
        readers = providers.readers(through: sending.transports)
        deliveries = DeliveryIntake(index: index, suppressions: suppressions, receipts: sending.shares.receipts)
    }

    /// Looks after the providers whose circuits are open.
    var checks: ProviderChecks {
        ProviderChecks(parts: sending, database: resources.database, log: resources.log)
    }

    /// Throws what is wrong with the file of default providers, if there is one.
    func definition() throws -> ServiceDefinition {
        let endpoints = CommunicationEndpoints()
        var definition = ServiceDefinition(
            .communication,
            endpoints: endpoints.all + WebhookEndpoints(of: .communication).all,
            handlers: handlers(endpoints)
        )
        definition.consumers =
            ClinicEvents(
                dataKeys: resources.dataKeys,
                index: index,
                notices: EdgeSeal(.notices, keys: resources.edgeKeys)
            ).consumers
        definition.jobs = [
            SendMessageJob(parts: sending), MatchReportsJob(intake: deliveries), FindClinicsJob(intake: deliveries),
            DeadLetterWatch(), CostsJob(parts: sending), PruneReportsJob(),
            FetchFileJob(
                keepers: providers.keepers(through: sending.transports),
                store: store,
                dataKeys: resources.dataKeys
            ),
        ]
        definition.schedules = [try DeadLetterWatch.schedule(), try PruneReportsJob.schedule()]
        definition.transactionalJobs = [
            NoticeJob(intake: intake, log: resources.log), ReceiptDeadlineJob(), WakeMessagesJob(),
            ExpireUploadJob(), ExpireWebhookJob(), AlertJob(intake: intake, log: resources.log),
        ]
        definition.services = [checks]
        if let file = try DefaultProvidersFile(resources.settings, of: providers, policy: policy) {
            let intake = DefaultProvidersImport(file, store: store, database: resources.database, log: resources.log)
            definition.services.append(intake)
            definition.checks.append(HealthCheck("default_providers") { intake.isDone })
        }
        return definition
    }

    /// One handler for each operation.
    private func handlers(_ endpoints: CommunicationEndpoints) -> HandlerTable {
        var handlers = HandlerTable()
        registerConfiguration(endpoints, in: &handlers)
        registerMessages(endpoints, in: &handlers)
        registerPeople(endpoints, in: &handlers)
        registerWebhooks(endpoints, in: &handlers)
        return handlers
    }

    private func registerConfiguration(_ endpoints: CommunicationEndpoints, in handlers: inout HandlerTable) {
        ConfigurationHandlers(
            endpoints: endpoints.configuration,
            store: store,
            providers: providers,
            policy: policy,
            webhooks: sending.webhooks,
            cursors: resources.cursors
        ).register(in: &handlers)
        DefaultProviderHandlers(
            endpoints: endpoints.installation,
            store: store,
            providers: providers,
            policy: policy,
            webhooks: sending.webhooks
        ).register(in: &handlers)
        ConfigurationTester(
            endpoints: endpoints.configuration,
            store: store,
            effective: effective,
            policy: policy,
            providers: providers,
            transports: sending.transports,
            senders: SenderChecks(records: tuning.records, providers: providers),
            index: index,
            rates: sending.rates,
            turns: ConfigurationTestTurns(
                redis: resources.redis,
                keyspace: resources.keyspace,
                patience: tuning.redisPatience
            )
        ).register(in: &handlers)
        HealthHandlers(
            endpoints: endpoints.health,
            effective: effective,
            providers: providers,
            shares: sending.shares,
            alerts: AlertReach(
                dataKeys: resources.dataKeys,
                templates: intake.templates,
                providers: providers,
                index: index
            )
        ).register(in: &handlers)
        AlertHandlers(endpoints: endpoints.alerts, dataKeys: resources.dataKeys).register(in: &handlers)
    }

    private func registerMessages(_ endpoints: CommunicationEndpoints, in handlers: inout HandlerTable) {
        MessageHandlers(endpoints: endpoints.messages, intake: intake, cursors: resources.cursors)
            .register(in: &handlers)
        UploadHandlers(endpoints: endpoints.attachments, dataKeys: resources.dataKeys).register(in: &handlers)
        MediaHandlers(endpoints: endpoints.media, links: sending.media, dataKeys: resources.dataKeys)
            .register(in: &handlers)
        TemplateHandlers(endpoints: endpoints.templates, store: store, cursors: resources.cursors)
            .register(in: &handlers)
        TemplateTestHandlers(endpoints: endpoints.templates, intake: intake).register(in: &handlers)
        AnalyticsHandlers(endpoints: endpoints.analytics).register(in: &handlers)
    }

    private func registerPeople(_ endpoints: CommunicationEndpoints, in handlers: inout HandlerTable) {
        UnsubscribeHandlers(endpoints: endpoints.unsubscribing, links: links, store: suppressions, index: index)
            .register(in: &handlers)
        ContactPreferenceHandlers(endpoints: endpoints.preferences, dataKeys: resources.dataKeys)
            .register(in: &handlers)
        ContactDeviceHandlers(
            endpoints: endpoints.devices,
            dataKeys: resources.dataKeys,
            index: index,
            cursors: resources.cursors
        ).register(in: &handlers)
        SuppressionHandlers(
            endpoints: endpoints.suppressions,
            store: suppressions,
            index: index,
            cursors: resources.cursors
        ).register(in: &handlers)
        ConversationHandlers(
            endpoints: endpoints.conversations,
            dataKeys: resources.dataKeys,
            cursors: resources.cursors
        ).register(in: &handlers)
    }

    private func registerWebhooks(_ endpoints: CommunicationEndpoints, in handlers: inout HandlerTable) {
        WebhookHandlers(
            endpoints: endpoints.deliveries,
            store: store,
            providers: providers,
            readers: readers,
            intake: deliveries,
            inbound: InboundIntake(
                store: InboundStore(dataKeys: resources.dataKeys),
                suppressions: suppressions,
                addresses: index
            ),
            webhooks: sending.webhooks,
            large: LargeWebhooks(dataKeys: resources.dataKeys)
        ).register(in: &handlers)
        HandshakeHandlers(endpoints: endpoints.deliveries, store: store, readers: readers).register(in: &handlers)
        handlers.webhookPairs(of: .communication, readable: readers.keys.sorted())
    }
}
