import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// Communication's changes of a configuration: those of any service, and the messages that they concern woken.
struct ConfigurationEditor: Sendable {
    private let editor: ProviderConfigEditor
    private let providers: MessageProviders
    private let webhooks: WebhookAddresses

    typealias Saved = ProviderConfigEditor.Saved

    /// - Parameter notConfigured: what a 404 says.
    init(
        store: ProviderConfigStore,
        providers: MessageProviders,
        policy: OutboundPolicy,
        webhooks: WebhookAddresses,
        notConfigured: Problem
    ) {
        self.providers = providers
        self.webhooks = webhooks
        editor = ProviderConfigEditor(store: store, rules: providers.rules(policy), notConfigured: notConfigured)
    }

    func load(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration {
        try editor.load(context, in: tx)
    }

    /// - Parameters: as `ProviderConfigEditor.save` takes them.
    func save(
        _ drafts: [ProviderEntryDraft],
        of channel: MessageChannel? = nil,
        settings: [String: JSONValue]? = nil,
        beside found: [Problem.Fault] = [],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Saved {
        let saved = try editor.save(
            drafts,
            of: channel?.rawValue,
            settings: settings,
            beside: found,
            context,
            in: tx
        )
        try wake(after: saved.former, now: saved.configuration.settings, context, in: tx)
        return saved
    }

    func restore(_ version: Int64, _ context: OperationContext, in tx: borrowing Transaction) throws -> Saved {
        let restored = try editor.restore(version, context, in: tx)
        try wake(after: restored.former, now: restored.configuration.settings, context, in: tx)
        return restored
    }

    func dropFormerSecrets(_ context: OperationContext, in tx: borrowing Transaction) throws -> Reply<EmptyOutput> {
        try editor.dropFormerSecrets(context, in: tx)
    }

    func delete(_ context: OperationContext, in tx: borrowing Transaction) throws -> Reply<EmptyOutput> {
        try wake(after: editor.delete(context, in: tx), now: [:], context, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: context.clinic.description))
    }

    /// Has what waits for quiet hours looked at again when there are others, or none any more.
    private func wake(
        after stored: ProviderConfiguration?,
        now settings: [String: JSONValue],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws {
        guard let former = stored.flatMap({ QuietTime(settings: $0.settings) }), former != QuietTime(settings: settings)
        else { return }
        try WakeMessagesJob.leave(afterChangeAt: context.now, in: tx)
    }

    static func drafts(of chains: [MessageChannel: ChannelDraft]) -> [ProviderEntryDraft] {
        MessageChannel.allCases.flatMap { channel in
            chains[channel].map { drafts(of: $0, channel, at: "/\(channel.rawValue)") } ?? []
        }
    }

    /// - Parameter pointer: where the chain stands in the request.
    static func drafts(
        of chain: ChannelDraft,
        _ channel: MessageChannel,
        at pointer: String
    ) -> [ProviderEntryDraft] {
        let all =
            [(chain.primary, "\(pointer)/primary")]
            + (chain.fallback ?? []).enumerated().map { ($0.element, "\(pointer)/fallback/\($0.offset)") }
        return all.enumerated().map { position, draft in
            ProviderEntryDraft(
                id: draft.0.id,
                channel: channel.rawValue,
                provider: draft.0.provider,
                position: position,
                credentials: draft.0.credentials,
                pointer: draft.1
            )
        }
    }

    /// A channel's chain with its secrets masked; `nil` without providers.
    func shown(_ configuration: ProviderConfiguration, _ channel: MessageChannel) -> ConfiguredChannel? {
        let chain = configuration.entries(of: channel.rawValue).map { entry in
            let credentials = editor.store.shapes.masked(entry)
            return ConfiguredProvider(
                id: entry.id,
                provider: entry.provider,
                credentials: credentials,
                version: entry.version,
                updatedAt: entry.updatedAt,
                updatedBy: entry.updatedBy,
                webhookUrl: webhooks.url(of: entry, configuration.clinic),
                verifyToken: providers.handshakeToken(entry) ?? credentials["verifyToken"]?.string
            )
        }
        return chain.first.map { ConfiguredChannel(primary: $0, fallback: Array(chain.dropFirst())) }
    }
}
