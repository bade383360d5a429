import CommunicationAPI
import Core
import Metrics
import ProviderConfig
import Resilience
import Synchronization
import Telemetry

/// What a circuit stands before: one clinic's credentials with one provider.
struct CircuitKey: Hashable, Sendable {
    let clinic: ClinicID
    let channel: String
    let provider: String
    let fingerprint: String

    init(_ clinic: ClinicID, _ entry: ProviderEntry) {
        self.clinic = clinic
        channel = entry.channel
        provider = entry.provider
        fingerprint = entry.fingerprint
    }
}

/// The circuits of this process, and which of them are to be looked after.
final class CircuitBook: Sendable {
    private struct State {
        /// Circuits that are not closed, with the entry they belong to.
        var troubled: [CircuitKey: ProviderEntryID] = [:]
        /// The last reset by hand that was taken over, by circuit.
        var resets: [CircuitKey: Int64] = [:]
    }

    private let breakers: CircuitBreakers<CircuitKey>
    private let now: @Sendable () -> Instant
    private let state = Mutex(State())

    init(policy: CircuitBreakerPolicy = .init(), now: @escaping @Sendable () -> Instant = { .now() }) {
        breakers = CircuitBreakers(policy: policy, now: now)
        self.now = now
    }

    func breaker(_ clinic: ClinicID, _ entry: ProviderEntry) -> CircuitBreaker {
        breakers.breaker(for: CircuitKey(clinic, entry))
    }

    /// Takes over what was decided by hand, or holds for everybody: resets, and latches of the same credentials.
    func follow(_ published: PublishedCircuit, _ clinic: ClinicID, _ entry: ProviderEntry) {
        guard published.fingerprint == entry.fingerprint else { return }
        let key = CircuitKey(clinic, entry)
        let breaker = breakers.breaker(for: key)
        let isNewReset =
            published.resets > 0
            && state.withLock { state in
                defer { state.resets[key] = published.resets }
                return published.resets > state.resets[key] ?? 0
            }
        if isNewReset, breaker.view.state != .closed { breaker.reset() }
        if published.view.state == .latched, breaker.view.state == .closed {
            breaker.latch(published.view.reason ?? "credentials", until: published.view.retryAt)
        }
        note(clinic, entry)
    }

    /// Settles a call and returns what to publish, if anything changed.
    func settle(
        _ permit: CircuitBreaker.Permit,
        _ verdict: ProviderVerdict,
        _ clinic: ClinicID,
        _ entry: ProviderEntry
    ) -> CircuitView? {
        let breaker = breaker(clinic, entry)
        let before = breaker.view
        switch SendingRules.circuit(after: verdict) {
        case .settle(let outcome):
            breaker.settle(permit, outcome, why: verdict.outcome.rawValue, retryAfter: verdict.retryAfter)
        case .latch: breaker.latch(verdict.outcome.rawValue)
        case .park(let time): breaker.latch(verdict.outcome.rawValue, until: now() + time)
        }
        note(clinic, entry)
        let after = breaker.view
        guard after.state != before.state || after.retryAt != before.retryAt else { return nil }
        CircuitBook.count(entry, after.state)
        return after
    }

    /// Circuits whose time has come to be tried.
    func due() -> [(key: CircuitKey, entry: ProviderEntryID)] {
        let now = now()
        let troubled = state.withLock { $0.troubled }
        return troubled.compactMap { key, entry in
            guard let view = breakers.existing(for: key)?.view, let retryAt = view.retryAt, retryAt <= now else {
                return nil
            }
            return (key, entry)
        }
    }

    /// Forgets a circuit that nobody needs any more.
    func forget(_ key: CircuitKey) { state.withLock { $0.troubled[key] = nil } }

    private func note(_ clinic: ClinicID, _ entry: ProviderEntry) {
        let key = CircuitKey(clinic, entry)
        let isClosed = breakers.existing(for: key)?.view.state ?? .closed == .closed
        state.withLock { $0.troubled[key] = isClosed ? nil : entry.id }
    }

    private static func count(_ entry: ProviderEntry, _ state: CircuitView.State) {
        Counter(.circuitChanges, [(.channel, entry.channel), (.provider, entry.provider), (.state, state.rawValue)])
            .increment()
    }
}
