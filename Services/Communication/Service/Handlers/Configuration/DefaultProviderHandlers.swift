import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// The installation's own providers, for clinics that have none; stored under the installation as a clinic's are under it.
struct DefaultProviderHandlers: Sendable {
    let endpoints: DefaultProviderEndpoints
    private let providers: MessageProviders
    private let editor: ConfigurationEditor

    init(
        endpoints: DefaultProviderEndpoints,
        store: ProviderConfigStore,
        providers: MessageProviders,
        policy: OutboundPolicy,
        webhooks: WebhookAddresses
    ) {
        self.endpoints = endpoints
        self.providers = providers
        editor = ConfigurationEditor(
            store: store,
            providers: providers,
            policy: policy,
            webhooks: webhooks,
            notConfigured: Problem(404, "not_configured", "The installation has no default providers.")
        )
    }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.put) { [self] input, context, tx in
            try context.checkHoldsInstallation()
            let drafts = ConfigurationEditor.drafts(of: input.chains)
            guard !drafts.isEmpty else { throw DefaultProvidersDraft.empty }
            let saved = try editor.save(
                drafts,
                settings: SendingRate.settings(input.rates),
                beside: SendingRate.faults(input.rates, at: "/rates", providers),
                context,
                in: tx
            )
            return reply(saved.configuration, status: saved.status)
        }
        table.read(endpoints.read) { [self] _, context, tx in
            try context.checkHoldsInstallation()
            return reply(try editor.load(context, in: tx), status: 200)
        }
        table.change(endpoints.delete) { [self] _, context, tx in
            try context.checkHoldsInstallation()
            return try editor.delete(context, in: tx)
        }
    }

    private func reply(_ configuration: ProviderConfiguration, status: Int) -> Reply<DefaultProviders> {
        Reply(
            DefaultProviders(
                email: editor.shown(configuration, .email),
                sms: editor.shown(configuration, .sms),
                whatsapp: editor.shown(configuration, .whatsapp),
                push: editor.shown(configuration, .push),
                rates: SendingRate.set(in: configuration.settings),
                version: configuration.version,
                updatedAt: configuration.updatedAt,
                updatedBy: configuration.updatedBy
            ),
            status: status,
            version: configuration.version,
            audit: AuditDetail(resource: configuration.clinic.description)
        )
    }
}
