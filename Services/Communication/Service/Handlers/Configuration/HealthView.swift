import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Resilience
import ServiceHost

/// Puts together what is shown of entries: the circuit as last told, the last hour's attempts, and the part of messages that
/// each is handed first, as this process sees it.
///
/// All of it is the clinic's own, of the installation's providers too: what others sent through them shows nowhere.
struct HealthView: Sendable {
    static let window: Duration = .seconds(3_600)

    let providers: MessageProviders
    let shares: TrafficShares

    /// - Parameters:
    ///   - entries: of each channel that is shown all, in their order.
    ///   - found: what they are of, with the rates that are set.
    func items(
        _ entries: [ProviderEntry],
        of found: EffectiveProviders.Found,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [EntryHealth] {
        let circuits = try CircuitStore.all(in: tx)
        let hosts = try EndpointCircuitStore.open(entries.compactMap(providers.endpoint), at: now, in: tx)
        var items: [EntryHealth] = try entries.compactMap { entry in
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
                rate: try rate(entry, found, at: now, in: tx)
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
        if let clinic = tx.tenant?.clinic { share(&items, of: entries, clinic) }
        return items
    }

    private func share(_ items: inout [EntryHealth], of entries: [ProviderEntry], _ clinic: ClinicID) {
        let closed = Set(items.filter { $0.state == .closed && $0.endpoint == nil }.map(\.entryId))
        for chain in Dictionary(grouping: entries, by: \.channel).values {
            let parts = shares.shares(clinic, chain) { closed.contains($0.id) }
            for (entry, part) in zip(chain, parts) {
                guard let place = items.firstIndex(where: { $0.entryId == entry.id }) else { continue }
                items[place].share = (part * 1_000).rounded() / 1_000
                let receipts = shares.receipts.figures(CircuitKey(clinic, entry))
                items[place].receiptP50Milliseconds = receipts.median.map { Int($0.milliseconds) }
            }
        }
    }

    private func rate(
        _ entry: ProviderEntry,
        _ found: EffectiveProviders.Found,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> EntryHealth.Rate {
        let rate = found.rate(of: entry, in: providers)
        guard let cap = rate.dailyCap else { return EntryHealth.Rate(perSecond: rate.perSecond) }
        let midnight = DayCount.start(of: DayCount.day(of: now))
        let calls = try AttemptStore.calls(of: entry.id, since: midnight, in: tx)
        return EntryHealth.Rate(perSecond: rate.perSecond, dailyCap: cap, today: calls)
    }
}
