import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// Replaces and removes the configuration of whom a request is about, a clinic or the installation, under its version.
struct ConfigurationEditor: Sendable {
    let store: ProviderConfigStore
    let providers: MessageProviders
    let policy: OutboundPolicy
    let webhooks: WebhookAddresses
    /// What a 404 says.
    let notConfigured: Problem

    /// What was stored, and whether there was nothing before.
    struct Saved {
        let configuration: ProviderConfiguration
        let isFirst: Bool
    }

    func load(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration {
        guard let stored = try store.load(context.clinic, in: tx) else { throw notConfigured }
        return stored
    }

    /// - Parameters:
    ///   - channel: the only channel that `drafts` replace; `nil` for all of them.
    ///   - settings: what else is configured; `nil` leaves it as it is.
    ///   - found: what is known to be wrong with the request; it is told with all else.
    func save(
        _ drafts: [ProviderEntryDraft],
        of channel: MessageChannel? = nil,
        settings: [String: JSONValue]? = nil,
        beside found: [Problem.Fault] = [],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Saved {
        let stored = try present(context, in: tx)
        let kept = channel == nil ? [] : (stored?.entries ?? []).filter { $0.channel != channel?.rawValue }
        let saved = try store.save(
            drafts,
            keeping: kept,
            settings: settings ?? stored?.settings ?? [:],
            replacing: stored,
            clinic: context.clinic,
            by: context.principal.id,
            at: context.now,
            beside: found,
            rules: providers.rules(policy),
            in: tx
        )
        try wake(after: stored, now: saved.settings, context, in: tx)
        return Saved(configuration: saved, isFirst: stored == nil)
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

    /// What a change replaces, once the client has shown that it knows it.
    private func present(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration? {
        _ = try store.lock(context.clinic, in: tx)
        let stored = try store.load(context.clinic, in: tx)
        if let stored {
            try context.checkNotThere()
            try context.checkMatch(version: stored.version)
        } else {
            try context.checkCreates()
        }
        return stored
    }

    /// Makes an earlier version's contents the present ones, under today's policy.
    func restore(_ version: Int64, _ context: OperationContext, in tx: borrowing Transaction) throws -> Saved {
        let stored = try present(context, in: tx)
        guard let earlier = try store.load(context.clinic, version: version, in: tx) else { throw Problem.notFound }
        guard !earlier.entries.isEmpty else {
            throw Problem.conflict("nothing_to_restore", "That version has no providers.")
        }
        var faults = Faults()
        for fault in earlier.entries.flatMap({ providers.faults($0, policy: policy) }) {
            faults.add([fault.told(at: "")], code: fault.code)
        }
        try faults.check()
        let restored = try store.restore(
            earlier,
            replacing: stored,
            by: context.principal.id,
            at: context.now,
            in: tx
        )
        try wake(after: stored, now: restored.settings, context, in: tx)
        return Saved(configuration: restored, isFirst: stored == nil)
    }

    /// Lets no replaced webhook secret be used any more.
    func dropFormerSecrets(_ context: OperationContext, in tx: borrowing Transaction) throws -> Reply<EmptyOutput> {
        _ = try store.lock(context.clinic, in: tx)
        let stored = try load(context, in: tx)
        try context.checkMatch(version: stored.version)
        let changed = try store.dropFormerSecrets(stored, by: context.principal.id, at: context.now, in: tx)
        return Reply(
            EmptyOutput(),
            version: changed.version,
            audit: AuditDetail(resource: context.clinic.description)
        )
    }

    func delete(_ context: OperationContext, in tx: borrowing Transaction) throws -> Reply<EmptyOutput> {
        _ = try store.lock(context.clinic, in: tx)
        let stored = try load(context, in: tx)
        try context.checkMatch(version: stored.version)
        _ = try store.delete(stored, by: context.principal.id, at: context.now, in: tx)
        try wake(after: stored, now: [:], context, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: context.clinic.description))
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
            let credentials = store.shapes.masked(entry)
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
