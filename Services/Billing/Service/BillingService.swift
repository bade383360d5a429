import BillingAPI
import Bus
import Contracts
package import Core
import Outbound
import Outbox
package import Postgres
import ProviderConfig
package import ServiceHost
package import Settings

/// The billing service: what patients owe, how they pay it, and the books of it.
package enum BillingService {
    package static let name = ServiceName.billing

    /// The whole history of its schema.
    package static var migrations: [MigrationSet] {
        HostMigrations.all(
            of: name,
            own: [
                ("0001_create_invoices.sql", PackageResources._001_create_invoices_sql),
                ("0002_create_payments.sql", PackageResources._002_create_payments_sql),
                ("0003_create_ledger.sql", PackageResources._003_create_ledger_sql),
            ]
        )
    }

    /// Runs until SIGTERM or SIGINT; what has begun is finished first.
    ///
    /// Settings beside the host's: `POLYCLINIC_OUTBOUND_ALLOW`, where providers may be reached.
    package static func run(settings: Settings = .load()) async throws {
        try await ServiceProcess(name, settings: settings) { try definition($0) }.run()
    }

    /// What the service is made of.
    package static func definition(_ host: HostResources) throws -> ServiceDefinition {
        let policy = try OutboundPolicy(allow: try host.settings.string("POLYCLINIC_OUTBOUND_ALLOW"))
        let http = OutboundHTTP(policy: policy, logger: host.log)
        return definition(host, policy: policy, providers: [StripePaymentProvider(http: http)])
    }

    static func definition(
        _ host: HostResources,
        policy: OutboundPolicy,
        providers: [any PaymentProvider]
    ) -> ServiceDefinition {
        let store = ProviderConfigStore(
            dataKeys: host.dataKeys,
            index: host.blindIndex,
            shapes: CredentialShapes(providers.map { (PaymentAccounts.channel, $0.shape) })
        )
        let resolver = ProviderConfigResolver(store: store, database: host.database)
        let accounts = PaymentAccounts(
            database: host.database,
            store: store,
            resolver: resolver,
            providers: Dictionary(uniqueKeysWithValues: providers.map { ($0.name, $0) })
        )
        let settling = Settling(dataKeys: host.dataKeys, log: host.log)
        let publisher = BroadcastPublisher(
            redis: host.redis,
            keyspace: host.keyspace,
            keys: host.edgeKeys,
            process: name.rawValue
        )
        let news = ConfigurationNews(service: name, publisher: publisher, log: host.log)
        var table = HandlerTable()
        BillingConfigHandlers(
            store: store,
            resolver: resolver,
            policy: policy,
            news: news,
            publicURL: host.publicURL
        ).register(in: &table)
        InvoiceHandlers(cursors: host.cursors).register(in: &table)
        PaymentHandlers(accounts: accounts, settling: settling, dataKeys: host.dataKeys, cursors: host.cursors)
            .register(in: &table)
        NoticeHandlers(accounts: accounts).register(in: &table)
        table.webhookPairs(of: name, readable: accounts.providers.keys.sorted())
        LedgerHandlers(cursors: host.cursors).register(in: &table)
        var definition = ServiceDefinition(
            name,
            endpoints: BillingEndpoints().all + WebhookEndpoints(of: name).all,
            handlers: table
        )
        definition.consumers = [AppointmentsEvents.consumer, AccessEvents.consumer]
        definition.jobs = [
            SettlePayment(accounts: accounts, settling: settling),
            ReconcilePayment(accounts: accounts, settling: settling),
        ]
        definition.services = [
            BroadcastListener(
                redis: host.redis,
                keyspace: host.keyspace,
                keys: host.edgeKeys,
                topic: ConfigurationNews.topic,
                logger: host.log,
                onNews: { ConfigurationNews.hear($0.payload, of: name, resolver) },
                onReload: { resolver.invalidateAll() }
            )
        ]
        definition.resends = resends
        return definition
    }

    /// Tell the present state of everything of the transaction's clinic, without notices.
    private static let resends: [ResendList] = [
        { after, limit, tx in
            let invoices = try InvoiceStore.all(after: after.flatMap { InvoiceID($0) }, limit: limit, in: tx)
            for stored in invoices {
                try Outbox.append(
                    InvoiceChanged(invoice: stored.invoice),
                    aggregate: stored.invoice.id.description,
                    version: stored.version,
                    actor: Invoicing.actor,
                    notify: false,
                    in: tx
                )
            }
            return ResendPage(count: invoices.count, last: invoices.last?.invoice.id.description)
        },
        { after, limit, tx in
            let payments = try PaymentStore.all(after: after.flatMap { PaymentID($0) }, limit: limit, in: tx)
            for payment in payments {
                try Outbox.append(
                    PaymentChanged(payment: PaymentState(payment.shown(next: .none))),
                    aggregate: payment.id.description,
                    version: payment.version,
                    actor: Invoicing.actor,
                    notify: false,
                    in: tx
                )
            }
            return ResendPage(count: payments.count, last: payments.last?.id.description)
        },
    ]
}
