import CommunicationAPI
import Core
import Logging
import Metrics
import Postgres
import ProviderConfig
import Resilience
import ServiceLifecycle
import Telemetry

/// Checks providers whose circuits are open once their time has come: while a check fails no message has to try, and once one
/// is answered the next message is the probe that closes the circuit.
struct ProviderChecks: Service {
    static let interval: Duration = .seconds(1)
    static let callTime: Duration = .seconds(10)

    let parts: SendingParts
    let database: Database
    let log: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var told: Set<CircuitPlace> = []
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                told = Self.tell(parts.circuits.open, after: told)
                for (key, entry) in parts.circuits.due() where !Task.isCancelled {
                    do {
                        try await check(key, entry)
                    } catch {
                        log.debug("A provider could not be checked", error: error)
                    }
                }
            }
        }
    }

    /// Records how many circuits are open; where there were some and are none any more, none.
    ///
    /// - Returns: the places that were recorded.
    private static func tell(_ open: [CircuitPlace: Int], after told: Set<CircuitPlace>) -> Set<CircuitPlace> {
        for place in told.union(open.keys) {
            Gauge(.circuitsOpen, [(.channel, place.channel), (.provider, place.provider)]).record(open[place] ?? 0)
        }
        return Set(open.keys)
    }

    /// Checks one entry, unless somebody else is about to, or it is not in force any more.
    func check(_ key: CircuitKey, _ id: ProviderEntryID) async throws {
        let chain = try await parts.resolver.resolve(key.clinic, channel: key.channel)
        guard let entry = chain.entries.first(where: { $0.id == id && $0.fingerprint == key.fingerprint }),
            let provider = parts.provider(for: entry)
        else { return parts.circuits.forget(key) }
        guard case .admitted(let permit) = parts.circuits.admit(key.clinic, entry, taking: Self.callTime) else {
            return
        }
        let verdict = await provider.check(deadline: .after(Self.callTime))
        let now = Instant.now()
        let changes = parts.circuits.settle(permit, verdict, isCheck: true, key.clinic, entry)
        let view = changes.entry ?? parts.circuits.breaker(key.clinic, entry).view
        await CircuitNews.tellInstallation(changes, of: entry, isChecked: true, in: database, log: log)
        try await database.transaction(for: Tenant(key.clinic, actor: "system"), lane: .background) { tx in
            try CircuitNews.write(view, of: entry, checkedAt: now, in: tx)
        }
    }
}
