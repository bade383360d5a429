import AppointmentsAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// Which providers a clinic's video sessions are held with, and the installation's for clinics that choose them.
struct VideoConfigurationHandlers: Sendable {
    let store: ProviderConfigStore
    let policy: OutboundPolicy

    func register(in table: inout HandlerTable) {
        registerClinics(in: &table)
        registerInstallation(in: &table)
    }

    private func registerClinics(in table: inout HandlerTable) {
        let endpoints = VideoConfigurationEndpoints()
        let editor = editor(notConfigured: "The clinic has no video providers yet.")
        table.read(endpoints.read) { [self] _, context, tx in try reply(editor.load(context, in: tx)) }
        table.change(endpoints.put) { [self] input, context, tx in
            guard input.primary != nil || input.settings != nil else {
                throw Problem.invalid("", "must have primary or settings")
            }
            guard input.primary != nil || input.fallback?.isEmpty != false else {
                throw Problem.invalid("/fallback", "needs a primary before it")
            }
            let settings = input.settings?.allowDefault.map {
                [ProviderConfiguration.allowDefaultKey: JSONValue.bool($0)]
            }
            let drafts = Self.drafts(input.primary, input.fallback)
            return try reply(editor.save(drafts, settings: settings ?? [:], context, in: tx))
        }
        table.read(endpoints.effective) { [store] _, context, tx in
            let own = try store.load(context.clinic, in: tx)
            return Reply(Self.effective(own, defaults: try store.defaultProviders(in: tx)))
        }
    }

    private func registerInstallation(in table: inout HandlerTable) {
        let endpoints = DefaultVideoProviderEndpoints()
        let editor = editor(notConfigured: "The installation has no default video providers.")
        table.read(endpoints.read) { [self] _, context, tx in
            try context.checkHoldsInstallation()
            return try reply(editor.load(context, in: tx))
        }
        table.change(endpoints.put) { [self] input, context, tx in
            try context.checkHoldsInstallation()
            return try reply(editor.save(Self.drafts(input.primary, input.fallback), settings: [:], context, in: tx))
        }
        table.change(endpoints.delete) { _, context, tx in
            try context.checkHoldsInstallation()
            let former = try editor.delete(context, in: tx)
            return Reply(EmptyOutput(), audit: AuditDetail(resource: former.clinic.description))
        }
    }

    private func editor(notConfigured detail: String) -> ProviderConfigEditor {
        ProviderConfigEditor(
            store: store,
            rules: VideoProviders.rules(policy),
            notConfigured: Problem(404, "not_configured", detail)
        )
    }

    private static func drafts(_ primary: VideoProviderDraft?, _ fallback: [VideoProviderDraft]?)
        -> [ProviderEntryDraft]
    {
        let all =
            [primary.map { ($0, "/primary") }].compactMap(\.self)
            + (fallback ?? []).enumerated().map { ($0.element, "/fallback/\($0.offset)") }
        return all.enumerated().map { position, draft in
            ProviderEntryDraft(
                id: draft.0.id,
                channel: VideoProviders.channel,
                provider: draft.0.provider,
                position: position,
                credentials: draft.0.credentials,
                pointer: draft.1
            )
        }
    }

    /// - Parameter defaults: names of the installation's providers, by channel.
    private static func effective(
        _ own: ProviderConfiguration?,
        defaults: [String: [String]]
    ) -> EffectiveVideoConfiguration {
        let (mine, shared) = (
            own?.providerNames[VideoProviders.channel] ?? [], defaults[VideoProviders.channel] ?? []
        )
        let source = ResolvedChain.Source.of(
            own: !mine.isEmpty,
            allowsDefault: own?.settings[ProviderConfiguration.allowDefaultKey] == .bool(true),
            default: !shared.isEmpty
        )
        return switch source {
        case .clinic: EffectiveVideoConfiguration(source: .clinic, providers: mine)
        case .installation: EffectiveVideoConfiguration(source: .installation, providers: shared)
        case .none: EffectiveVideoConfiguration(source: .none, providers: [])
        }
    }

    private func reply(_ saved: ProviderConfigEditor.Saved) -> Reply<VideoConfiguration> {
        var reply = reply(saved.configuration)
        reply.status = saved.status
        return reply
    }

    private func reply(_ configuration: ProviderConfiguration) -> Reply<VideoConfiguration> {
        let chain = configuration.entries(of: VideoProviders.channel).map { entry in
            ConfiguredVideoProvider(
                id: entry.id,
                provider: entry.provider,
                credentials: store.shapes.masked(entry),
                version: entry.version,
                updatedAt: entry.updatedAt,
                updatedBy: entry.updatedBy
            )
        }
        let shown = VideoConfiguration(
            primary: chain.first,
            fallback: Array(chain.dropFirst()),
            settings: configuration.clinic == .installation
                ? nil
                : VideoSettings(
                    allowDefault: configuration.settings[ProviderConfiguration.allowDefaultKey] == .bool(true)
                ),
            version: configuration.version,
            updatedAt: configuration.updatedAt,
            updatedBy: configuration.updatedBy
        )
        return Reply(
            shown,
            version: configuration.version,
            audit: AuditDetail(resource: configuration.clinic.description)
        )
    }
}
