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
    let store: ProviderConfigStore
    let policy: OutboundPolicy

    func register(in table: inout HandlerTable) {
        table.change(endpoints.put) { [self] input, context, tx in
            try save(Self.drafts(of: input.email, at: "/email"), context, in: tx)
        }
        table.change(endpoints.putChannel) { [self] input, context, tx in
            let channel = ChannelDraft(primary: input.primary, fallback: input.fallback)
            return try save(Self.drafts(of: channel, at: ""), context, in: tx)
        }
        table.read(endpoints.read) { [self] _, context, tx in
            guard let stored = try store.load(context.clinic, in: tx) else { throw Self.notConfigured }
            return Reply(Self.shown(stored), version: stored.version)
        }
        table.change(endpoints.delete) { [self] _, context, tx in
            _ = try store.lock(context.clinic, in: tx)
            guard let stored = try store.load(context.clinic, in: tx) else { throw Self.notConfigured }
            try context.checkMatch(version: stored.version)
            _ = try store.delete(stored, by: context.principal.id, at: context.now, in: tx)
            return Reply(EmptyOutput())
        }
    }

    private func save(
        _ drafts: [ProviderEntryDraft],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<CommunicationConfiguration> {
        _ = try store.lock(context.clinic, in: tx)
        let stored = try store.load(context.clinic, in: tx)
        if let stored {
            try context.checkNotThere()
            try context.checkMatch(version: stored.version)
        } else {
            try context.checkCreates()
        }
        let saved = try store.save(
            drafts,
            settings: stored?.settings ?? [:],
            replacing: stored,
            clinic: context.clinic,
            by: context.principal.id,
            at: context.now,
            in: tx
        )
        try check(saved, drafts)
        return Reply(Self.shown(saved), status: stored == nil ? 201 : 200, version: saved.version)
    }

    /// Where the entries would have us connect to, held against the operator's policy; the whole transaction falls with it.
    private func check(_ saved: ProviderConfiguration, _ drafts: [ProviderEntryDraft]) throws(Problem) {
        var faults: [Problem.Fault] = []
        var isRefusedByPolicy = false
        for (entry, draft) in zip(saved.entries(of: "email"), drafts.sorted { $0.position < $1.position }) {
            guard let fault = EmailProviders.fault(entry, policy: policy) else { continue }
            let isProvider = fault.key == "provider"
            isRefusedByPolicy = isRefusedByPolicy || ["endpoint", "host", "security"].contains(fault.key)
            let pointer = isProvider ? "\(draft.pointer)/provider" : "\(draft.pointer)/credentials/\(fault.key)"
            faults.append(.init(pointer: pointer, fault.detail))
        }
        guard !faults.isEmpty else { return }
        var problem = Problem.invalid(faults)
        if isRefusedByPolicy { problem.code = "endpoint_not_allowed" }
        throw problem
    }

    private static let notConfigured = Problem(404, "not_configured", "The clinic has no providers yet.")

    private static func drafts(of channel: ChannelDraft, at pointer: String) -> [ProviderEntryDraft] {
        let all =
            [(channel.primary, "\(pointer)/primary")]
            + (channel.fallback ?? []).enumerated().map { ($0.element, "\(pointer)/fallback/\($0.offset)") }
        return all.enumerated().map { position, draft in
            ProviderEntryDraft(
                id: draft.0.id,
                channel: "email",
                provider: draft.0.provider,
                position: position,
                credentials: draft.0.credentials,
                pointer: draft.1
            )
        }
    }

    private static func shown(_ configuration: ProviderConfiguration) -> CommunicationConfiguration {
        let chain = configuration.entries(of: "email").map { entry in
            ConfiguredProvider(
                id: entry.id,
                provider: entry.provider,
                credentials: entry.masked,
                version: entry.version,
                updatedAt: entry.updatedAt,
                updatedBy: entry.updatedBy
            )
        }
        return CommunicationConfiguration(
            email: chain.first.map { ConfiguredChannel(primary: $0, fallback: Array(chain.dropFirst())) },
            version: configuration.version,
            updatedAt: configuration.updatedAt,
            updatedBy: configuration.updatedBy
        )
    }
}
