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

    /// What is in force.
    struct Found: Sendable {
        /// In the order of the channels and of their chains.
        var entries: [ProviderEntry]
        /// What the clinic has set beside its own.
        let settings: [String: JSONValue]
        /// What operators have set beside the installation's; empty where none of these is in force.
        let installation: [String: JSONValue]

        func rate(of entry: ProviderEntry, in providers: MessageProviders) -> SendingRate {
            SendingRate(of: entry, in: providers, settings: settings, installation: installation)
        }
    }

    /// Finds what is in force; what is kept in memory is never older than the database.
    func load(_ context: OperationContext) async throws -> Found {
        let (store, clinic) = (store, context.clinic)
        resolver.invalidate(
            try await context.database.read(for: context.tenant) { tx in try store.currentVersions(clinic, in: tx) }
        )
        var entries: [ProviderEntry] = []
        for channel in MessageChannel.allCases {
            entries += try await resolver.resolve(clinic, channel: channel.rawValue).entries
        }
        let isShared = entries.contains(where: \.isDefault)
        return Found(
            entries: entries,
            settings: try await resolver.configuration(of: clinic)?.settings ?? [:],
            installation: isShared ? try await resolver.configuration(of: .installation)?.settings ?? [:] : [:]
        )
    }
}

extension ProviderSource {
    /// Whose configuration an entry stands in.
    init(_ entry: ProviderEntry) { self = entry.isDefault ? .installation : .clinic }
}
