import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Resilience
import ServiceHost

/// How the configured providers are doing.
struct HealthHandlers: Sendable {
    let endpoints: ProviderHealthEndpoints
    let effective: EffectiveProviders
    let providers: MessageProviders
    let shares: TrafficShares
    let alerts: AlertReach

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.read) { [self] _, context in try await read(context) }
        table.steps(endpoints.readInstallation) { [self] _, context in
            try context.checkHoldsInstallation()
            return try await read(context)
        }
        table.steps(endpoints.reset) { [self] input, context in
            try await reset(input.entryId, mayBeDefault: false, context)
        }
        table.steps(endpoints.resetInstallation) { [self] input, context in
            try context.checkHoldsInstallation()
            return try await reset(input.entryId, mayBeDefault: true, context)
        }
    }

    /// Closes the circuit of an entry for whoever has configured it: a clinic for itself, the installation for every clinic.
    private func reset(
        _ id: ProviderEntryID,
        mayBeDefault: Bool,
        _ context: OperationContext
    ) async throws -> Reply<EntryHealth> {
        let found = try await effective.load(context)
        guard let entry = found.entries.first(where: { $0.id == id }) else { throw Problem.notFound }
        guard mayBeDefault || !entry.isDefault else {
            throw Problem(403, "installation_provider", "The provider is the installation's, not the clinic's.")
        }
        let view = HealthView(providers: providers, shares: shares)
        return try await context.commit { tx in
            try CircuitStore.reset(entry, at: context.now, in: tx)
            let chain = found.entries.filter { $0.channel == entry.channel }
            let items = try view.items(chain, of: found, at: context.now, in: tx)
            guard let item = items.first(where: { $0.entryId == entry.id }) else { throw Problem.notFound }
            return Reply(item, audit: AuditDetail(resource: entry.id.description))
        }
    }

    private func read(_ context: OperationContext) async throws -> Reply<ProviderHealth> {
        let found = try await effective.load(context)
        let view = HealthView(providers: providers, shares: shares)
        return try await context.database.read(for: context.tenant) { [alerts] tx in
            let items = try view.items(found.entries, of: found, at: context.now, in: tx)
            let unrouted = try alerts.unrouted(
                through: found.entries,
                settings: found.settings,
                at: context.now,
                in: tx
            )
            return Reply(ProviderHealth(items: items, unroutedAlerts: unrouted))
        }
    }
}
