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

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.read) { [self] _, context in try await read(context) }
        table.steps(endpoints.readInstallation) { [self] _, context in
            try context.holdsInstallation(CommunicationPermissions.readInstallation)
            return try await read(context)
        }
        table.steps(endpoints.reset) { [self] input, context in
            let found = try await effective.load(context)
            guard let entry = found.entries.first(where: { $0.id == input.entryId }) else { throw Problem.notFound }
            guard !entry.isDefault else {
                throw Problem(403, "installation_provider", "The provider is the installation's, not the clinic's.")
            }
            let view = HealthView(providers: providers)
            return try await context.commit { tx in
                try CircuitStore.reset(entry, at: context.now, in: tx)
                let items = try view.items([entry], settings: found.settings, at: context.now, in: tx)
                guard let item = items.first else { throw Problem.notFound }
                return Reply(item, audit: AuditDetail(resource: entry.id.description))
            }
        }
    }

    private func read(_ context: OperationContext) async throws -> Reply<ProviderHealth> {
        let found = try await effective.load(context)
        let view = HealthView(providers: providers)
        return try await context.database.read(for: context.tenant) { tx in
            let items = try view.items(found.entries, settings: found.settings, at: context.now, in: tx)
            return Reply(ProviderHealth(items: items, unroutedAlerts: try AlertStore.unrouted(in: tx)))
        }
    }
}

/// Puts together what is shown of entries: the circuit as last told, and the last hour's attempts.
///
/// All of it is the clinic's own, of the installation's providers too: what others sent through them shows nowhere.
struct HealthView: Sendable {
    static let window: Duration = .seconds(3_600)

    let providers: MessageProviders

    private struct Figures {
        var rate: Double?
        var p95: Int?
        var lastError: EntryHealth.LastError?
    }

    /// - Parameter settings: the configuration's, with the rates that the clinic has set.
    func items(
        _ entries: [ProviderEntry],
        settings: [String: JSONValue],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [EntryHealth] {
        let circuits = try CircuitStore.all(in: tx)
        let hosts = try EndpointCircuitStore.open(entries.compactMap(providers.endpoint), at: now, in: tx)
        return try entries.compactMap { entry in
            guard let channel = MessageChannel(rawValue: entry.channel) else { return nil }
            let figures = try Self.figures(entry, since: now - Self.window, in: tx)
            var item = EntryHealth(
                entryId: entry.id,
                channel: channel,
                provider: entry.provider,
                position: entry.position,
                source: ProviderSource(entry),
                successRate: figures.rate,
                p95Milliseconds: figures.p95,
                lastError: figures.lastError,
                rate: try rate(entry, channel, settings, at: now, in: tx)
            )
            if let host = providers.endpoint(of: entry), let view = hosts[host] {
                item.endpoint = EntryHealth.EndpointHealth(
                    state: EntryHealth.State(rawValue: view.state.rawValue) ?? .open,
                    since: view.since,
                    retryAt: view.retryAt
                )
            }
            // Other credentials have a circuit of their own, which begins closed.
            if let circuit = circuits[entry.id], circuit.fingerprint == entry.fingerprint {
                item.state = EntryHealth.State(rawValue: circuit.view.state.rawValue) ?? .closed
                item.since = circuit.view.since
                item.reason = circuit.view.reason
                item.retryAt = circuit.view.retryAt
                item.lastCheck = circuit.checkedAt
            }
            return item
        }
    }

    private func rate(
        _ entry: ProviderEntry,
        _ channel: MessageChannel,
        _ settings: [String: JSONValue],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> EntryHealth.Rate {
        let rate = SendingRate(of: entry.provider, channel, in: providers, settings: settings)
        guard let cap = rate.dailyCap else { return EntryHealth.Rate(perSecond: rate.perSecond) }
        let midnight = Instant(seconds: now.seconds.flooredDivision(by: 86_400) * 86_400)
        let rows = try tx.rows(
            """
            select count(*) from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry.id) and started_at >= \(midnight)
                and (outcome is null or outcome not like 'skipped%')
            """
        )
        let calls: Int64? = try rows.first.map { try $0[0] }
        return EntryHealth.Rate(perSecond: rate.perSecond, dailyCap: cap, today: Int(calls ?? 0))
    }

    private static func figures(
        _ entry: ProviderEntry,
        since: Instant,
        in tx: borrowing Transaction
    ) throws -> Figures {
        let rows = try tx.rows(
            """
            select count(*) filter (where outcome = 'accepted'), count(*),
                percentile_disc(0.95) within group (order by latency_ms)
            from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry.id) and started_at >= \(since)
                and outcome is not null and outcome not like 'skipped%'
            """
        )
        var figures = Figures()
        if let row = rows.first {
            let accepted: Int64 = try row[0]
            let total: Int64 = try row[1]
            let p95: Int32? = try row[2]
            if total > 0 { figures.rate = (Double(accepted) / Double(total) * 1_000).rounded() / 1_000 }
            figures.p95 = p95.map { Int($0) }
        }
        let errors = try tx.rows(
            """
            select started_at, outcome, provider_code from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry.id) and outcome not like 'skipped%' and outcome <> 'accepted'
            order by started_at desc limit 1
            """
        )
        if let row = errors.first {
            figures.lastError = EntryHealth.LastError(at: try row[0], outcome: try row[1], providerCode: try row[2])
        }
        return figures
    }
}
