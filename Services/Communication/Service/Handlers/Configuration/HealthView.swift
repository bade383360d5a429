import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Resilience
import ServiceHost

/// Puts together what is shown of entries: the circuit as last told, and the last hour's attempts.
///
/// All of it is the clinic's own, of the installation's providers too: what others sent through them shows nowhere.
struct HealthView: Sendable {
    static let window: Duration = .seconds(3_600)

    let providers: MessageProviders

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
            let figures = try AttemptStore.figures(of: entry.id, since: now - Self.window, in: tx)
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
        let calls = try AttemptStore.calls(of: entry.id, since: midnight, in: tx)
        return EntryHealth.Rate(perSecond: rate.perSecond, dailyCap: cap, today: calls)
    }
}
