import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// Which providers a clinic's messages go through.
struct ConfigurationHandlers: Sendable {
    let endpoints: ConfigurationEndpoints
    private let store: ProviderConfigStore
    private let editor: ConfigurationEditor
    private let providers: MessageProviders
    private let cursors: CursorSeal

    init(
        endpoints: ConfigurationEndpoints,
        store: ProviderConfigStore,
        providers: MessageProviders,
        policy: OutboundPolicy,
        webhooks: WebhookAddresses,
        cursors: CursorSeal
    ) {
        self.endpoints = endpoints
        self.store = store
        self.providers = providers
        self.cursors = cursors
        editor = ConfigurationEditor(
            store: store,
            providers: providers,
            policy: policy,
            webhooks: webhooks,
            notConfigured: Problem(404, "not_configured", "The clinic has no providers yet.")
        )
    }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.put) { [self] input, context, tx in
            let drafts = ConfigurationEditor.drafts(of: input.chains)
            guard !drafts.isEmpty || input.settings != nil else {
                throw Problem.invalid("", "must have email, sms, whatsapp, push or settings")
            }
            let settings = input.settings ?? .init()
            let faults = settings.faults(at: "/settings", providers)
            return try reply(editor.save(drafts, settings: settings.stored, beside: faults, context, in: tx))
        }
        table.change(endpoints.putChannel) { [self] input, context, tx in
            let channel = ChannelDraft(primary: input.primary, fallback: input.fallback)
            let drafts = ConfigurationEditor.drafts(of: channel, input.channel, at: "")
            return try reply(editor.save(drafts, of: input.channel, context, in: tx))
        }
        table.read(endpoints.read) { [self] _, context, tx in
            let stored = try editor.load(context, in: tx)
            return Reply(shown(stored), version: stored.version)
        }
        table.read(endpoints.effective) { [self] _, context, tx in
            let own = try store.load(context.clinic, in: tx)
            return Reply(EffectiveConfiguration(own, defaults: try store.defaultProviders(in: tx)))
        }
        table.change(endpoints.delete) { [self] _, context, tx in try editor.delete(context, in: tx) }
        table.read(endpoints.versions) { [self] input, context, tx in try versions(input, context, in: tx) }
        table.change(endpoints.restore) { [self] input, context, tx in
            try reply(editor.restore(input.version, context, in: tx))
        }
        table.change(endpoints.dropFormerSecrets) { [self] _, context, tx in
            try editor.dropFormerSecrets(context, in: tx)
        }
    }

    private func versions(
        _ request: ConfigurationVersionsRequest,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Page<ConfigurationVersion>> {
        let order = request.sort ?? .newestFirst
        let list = "configuration versions \(order.rawValue)"
        let last = try cursors.open(request.cursor, list: list, clinic: context.clinic)?.first.flatMap { Int64($0) }
        let limit = request.limit ?? Page<ConfigurationVersion>.usualLimit
        let found = try store.versions(
            context.clinic,
            isOldestFirst: order == .oldestFirst,
            behind: last,
            limit: limit + 1,
            in: tx
        )
        let versions = found.map {
            ConfigurationVersion(version: $0.version, updatedAt: $0.updatedAt, updatedBy: $0.updatedBy)
        }
        return Reply(
            Page(versions, limit: limit) { cursors.seal(["\($0.version)"], list: list, clinic: context.clinic) }
        )
    }

    private func reply(_ saved: ConfigurationEditor.Saved) -> Reply<CommunicationConfiguration> {
        Reply(
            shown(saved.configuration),
            status: saved.status,
            version: saved.configuration.version
        )
    }

    private func shown(_ configuration: ProviderConfiguration) -> CommunicationConfiguration {
        CommunicationConfiguration(
            email: editor.shown(configuration, .email),
            sms: editor.shown(configuration, .sms),
            whatsapp: editor.shown(configuration, .whatsapp),
            push: editor.shown(configuration, .push),
            settings: CommunicationSettings(configuration, providers),
            version: configuration.version,
            updatedAt: configuration.updatedAt,
            updatedBy: configuration.updatedBy
        )
    }
}
