import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Whose providers a clinic's messages go through now: its own, and the installation's where it has none.
struct EffectiveProviders: Sendable {
    let store: ProviderConfigStore
    let resolver: ProviderConfigResolver

    /// The entries in the order of the channels and of their chains, and what the clinic has set beside its own; what is kept
    /// in memory is never older than the database.
    func load(_ context: OperationContext) async throws -> (entries: [ProviderEntry], settings: [String: JSONValue]) {
        let (store, clinic) = (store, context.clinic)
        resolver.invalidate(
            try await context.database.read(for: context.tenant) { tx in try store.currentVersions(clinic, in: tx) }
        )
        var entries: [ProviderEntry] = []
        for channel in MessageChannel.allCases {
            entries += try await resolver.resolve(clinic, channel: channel.rawValue).entries
        }
        return (entries, try await resolver.configuration(of: clinic)?.settings ?? [:])
    }
}

extension ProviderSource {
    /// Whose configuration an entry stands in.
    init(_ entry: ProviderEntry) { self = entry.isDefault ? .installation : .clinic }
}
