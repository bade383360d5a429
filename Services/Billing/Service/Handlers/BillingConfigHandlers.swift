import BillingAPI
import Bus
import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// The clinic's payment provider: read, replaced whole, secrets masked.
struct BillingConfigHandlers: Sendable {
    private let editor: ProviderConfigEditor
    private let resolver: ProviderConfigResolver
    private let news: ConfigurationNews
    private let publicURL: String

    init(
        store: ProviderConfigStore,
        resolver: ProviderConfigResolver,
        policy: OutboundPolicy,
        news: ConfigurationNews,
        publicURL: String
    ) {
        self.resolver = resolver
        self.news = news
        self.publicURL = publicURL
        editor = ProviderConfigEditor(
            store: store,
            rules: { Self.faults(of: $0, policy) },
            notConfigured: .notConfigured
        )
    }

    func register(in table: inout HandlerTable) {
        let endpoints = BillingConfigEndpoints()
        table.read(endpoints.read) { [self] _, context, tx in try read(context, tx) }
        table.read(endpoints.readOfClinic) { [self] _, context, tx in try read(context, tx) }
        table.steps(endpoints.replace) { [self] input, context in try await replace(input.primary, context) }
        table.steps(endpoints.replaceOfClinic) { [self] input, context in try await replace(input.primary, context) }
        let installation = InstallationBillingEndpoints()
        table.read(installation.read) { [self] _, context, tx in
            try context.checkHoldsInstallation()
            return try read(context, tx)
        }
        table.steps(installation.replace) { [self] input, context in
            try context.checkHoldsInstallation()
            return try await replace(input.primary, context)
        }
        table.change(installation.delete) { [self] _, context, tx in
            try context.checkHoldsInstallation()
            return try delete(context, tx)
        }
    }

    private func delete(_ context: OperationContext, _ tx: borrowing Transaction) throws -> Reply<EmptyOutput> {
        Reply(EmptyOutput(), audit: AuditDetail(resource: try editor.delete(context, in: tx).clinic.description))
    }

    private func read(_ context: OperationContext, _ tx: borrowing Transaction) throws -> Reply<BillingConfig> {
        try shown(editor.load(context, in: tx))
    }

    private func replace(_ draft: PaymentProviderDraft, _ context: OperationContext) async throws -> Reply<
        BillingConfig
    > {
        let reply = try await context.commit { tx throws -> Reply<BillingConfig> in
            let entry = ProviderEntryDraft(
                id: draft.id,
                channel: PaymentAccounts.channel,
                provider: draft.provider,
                position: 0,
                credentials: draft.credentials,
                pointer: "/primary"
            )
            let saved = try editor.save([entry], context, in: tx)
            var reply = try shown(saved.configuration)
            reply.status = saved.status
            return reply
        }
        resolver.invalidate(context.clinic, version: reply.output.version)
        await news.publish(context.clinic, version: reply.output.version)
        return reply
    }

    /// What is wrong with an entry beyond the shape of its credentials: where they would have us connect to.
    private static func faults(of entry: ProviderEntry, _ policy: OutboundPolicy) -> [CredentialFault] {
        guard let endpoint = entry.credentials.text("endpoint") else { return [] }
        do {
            try policy.check(endpoint: endpoint)
        } catch {
            return [CredentialFault("endpoint", error.description, code: "endpoint_not_allowed")]
        }
        return []
    }

    private func shown(_ configuration: ProviderConfiguration) throws -> Reply<BillingConfig> {
        guard let primary = configuration.entries(of: PaymentAccounts.channel).first else {
            throw Problem.notConfigured
        }
        let view = PaymentProviderView(
            id: primary.id,
            provider: primary.provider,
            credentials: editor.store.shapes.masked(primary),
            version: primary.version,
            updatedAt: primary.updatedAt,
            updatedBy: primary.updatedBy,
            webhookUrl: configuration.clinic == .installation
                ? nil : "\(publicURL)/api/v1/webhooks/billing/\(primary.provider)/\(configuration.clinic)"
        )
        let config = BillingConfig(
            primary: view,
            version: configuration.version,
            updatedAt: configuration.updatedAt,
            updatedBy: configuration.updatedBy
        )
        return Reply(
            config,
            version: configuration.version,
            audit: AuditDetail(resource: configuration.clinic.description)
        )
    }
}

extension Problem {
    static let notConfigured = Problem(404, "not_configured", "The clinic has no payment provider.")
}
