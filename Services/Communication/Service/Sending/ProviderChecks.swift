import CommunicationAPI
import Core
import Logging
import Postgres
import ProviderConfig
import Resilience
import ServiceLifecycle
import Telemetry

/// Tries open circuits again once their time has come, so that a provider is used again although no message comes by.
struct ProviderChecks: Service {
    static let interval: Duration = .seconds(1)
    static let callTime: Duration = .seconds(10)

    let parts: SendingParts
    let database: Database
    let log: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
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

    /// Checks one entry, unless somebody else is about to, or it is not in force any more.
    func check(_ key: CircuitKey, _ id: ProviderEntryID) async throws {
        let chain = try await parts.resolver.resolve(key.clinic, channel: key.channel)
        guard let entry = chain.entries.first(where: { $0.id == id && $0.fingerprint == key.fingerprint }),
            let provider = parts.providers.provider(for: entry)
        else { return parts.circuits.forget(key) }
        guard case .admitted(let permit) = parts.circuits.admit(key.clinic, entry) else { return }
        let verdict = await provider.check(deadline: .after(Self.callTime))
        let now = Instant.now()
        let changes = parts.circuits.settle(permit, verdict, key.clinic, entry)
        let view = changes.entry ?? parts.circuits.breaker(key.clinic, entry).view
        if let news = changes.endpoint { await EndpointCircuitStore.publish(news, in: database, log: log) }
        try await database.transaction(for: Tenant(key.clinic, actor: "system"), lane: .background) { tx in
            CircuitStore.publish(view, of: entry, checkedAt: now, in: tx)
        }
    }
}
