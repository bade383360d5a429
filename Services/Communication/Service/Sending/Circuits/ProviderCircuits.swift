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

    init(_ clinic: ClinicID, _ attempt: ReportedAttempt) {
        self.clinic = clinic
        channel = attempt.channel
        provider = attempt.provider
        fingerprint = attempt.fingerprint
    }
}

/// Where circuits are counted together.
struct CircuitPlace: Hashable, Sendable {
    let channel: String
    let provider: String
}

/// The circuits of this process, and which of them are to be looked after.
///
/// A call passes two: the one of its clinic's credentials, and the one of the provider's host, which all clinics share.
final class ProviderCircuits: Sendable {
    /// What a call was admitted with; settled or given back, whatever becomes of it.
    struct Permit: Sendable {
        let entry: CircuitBreaker.Permit
        let endpoint: (name: String, permit: CircuitBreaker.Permit)?
    }

    enum Admission: Sendable {
        case admitted(Permit)
        /// Not now: the circuit that stands in the way.
        case refused(CircuitView, isEndpoint: Bool)
    }

    /// What there is to tell after a call.
    struct Changes: Sendable {
        var entry: CircuitView?
        var endpoint: EndpointNews?
    }

    /// Configured anew, an entry has another row with the same credentials, and its resets are counted from the beginning.
    private struct Told: Hashable {
        let circuit: CircuitKey
        let entry: ProviderEntryID
    }

    private struct State {
        /// Circuits that are not closed, with the entry they belong to.
        var troubled: [CircuitKey: ProviderEntryID] = [:]
        /// Hosts whose circuit is not closed, with an entry there that can be tried.
        var troubledEndpoints: [String: (key: CircuitKey, entry: ProviderEntryID)] = [:]
        /// The last reset by hand that was taken over, by circuit and the entry that it was told of.
        var resets: [Told: Int64] = [:]
    }

    /// A host's circuit opens only when so many clinics cannot reach it: one clinic alone must not stop the others.
    static let endpointClinics = 3

    private let providers: MessageProviders
    private let breakers: CircuitBreakers<CircuitKey>
    private let endpoints: CircuitBreakers<String>
    /// By which circuits open.
    let now: @Sendable () -> Instant
    private let state = Mutex(State())

    init(
        policy: CircuitBreakerPolicy = .init(),
        providers: MessageProviders,
        now: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.providers = providers
        breakers = CircuitBreakers(policy: policy, now: now)
        var shared = policy
        shared.failingSources = Self.endpointClinics
        endpoints = CircuitBreakers(policy: shared, now: now)
        self.now = now
    }

    func breaker(_ clinic: ClinicID, _ entry: ProviderEntry) -> CircuitBreaker {
        breakers.breaker(for: CircuitKey(clinic, entry))
    }

    /// Whether calls go through both circuits as they come: neither is open, or being tried.
    func isClosed(_ clinic: ClinicID, _ entry: ProviderEntry) -> Bool {
        let own = breakers.existing(for: CircuitKey(clinic, entry))
        let shared = providers.endpoint(of: entry).flatMap { endpoints.existing(for: $0) }
        return [own, shared].allSatisfy { $0?.view.state ?? .closed == .closed }
    }

    /// What went through a circuit within its window.
    func totals(_ clinic: ClinicID, _ entry: ProviderEntry) -> CallTotals {
        breakers.existing(for: CircuitKey(clinic, entry))?.totals ?? CallTotals()
    }

    /// Whether a call may go now, by both circuits.
    ///
    /// - Parameter time: how long the call may take; while it does, no other one tries a circuit that is open.
    func admit(
        _ clinic: ClinicID,
        _ entry: ProviderEntry,
        lastResort: Bool = false,
        taking time: Duration = .zero
    ) -> Admission {
        let name = providers.endpoint(of: entry)
        let endpoint = name.map { endpoints.breaker(for: $0) }
        // Asked first without taking anything: a host's only probe is not for a call that its own circuit holds back.
        if let endpoint, !endpoint.wouldAdmit(lastResort: lastResort) {
            return .refused(endpoint.view, isEndpoint: true)
        }
        let breaker = breaker(clinic, entry)
        guard case .admitted(let permit) = breaker.admit(lastResort: lastResort, taking: time) else {
            return .refused(breaker.view, isEndpoint: false)
        }
        guard let name, let endpoint else { return .admitted(Permit(entry: permit, endpoint: nil)) }
        guard case .admitted(let shared) = endpoint.admit(lastResort: lastResort, taking: time) else {
            breaker.settle(permit, .neutral)
            return .refused(endpoint.view, isEndpoint: true)
        }
        return .admitted(Permit(entry: permit, endpoint: (name, shared)))
    }

    /// Takes a permit back with which nothing was called.
    func giveBack(_ permit: Permit, _ clinic: ClinicID, _ entry: ProviderEntry) {
        breaker(clinic, entry).settle(permit.entry, .neutral)
        guard let (endpoint, shared) = permit.endpoint else { return }
        endpoints.breaker(for: endpoint).settle(shared, .neutral)
    }

    /// Takes over what was decided by hand, or holds for everybody: resets, and latches of the same credentials.
    ///
    /// A latch ends where another process was let in with those credentials since: nothing else would ever end it here, and
    /// this process would keep to the fallbacks for good. What was read before a reset that is known here is passed over: the
    /// message that read it may come later than one that has read of the reset.
    func follow(_ published: PublishedCircuit, _ clinic: ClinicID, _ entry: ProviderEntry) {
        guard published.fingerprint == entry.fingerprint else { return }
        let key = CircuitKey(clinic, entry)
        let breaker = breakers.breaker(for: key)
        let known = state.withLock { state in
            let told = Told(circuit: key, entry: entry.id)
            let known = state.resets[told] ?? 0
            if published.resets > known { state.resets[told] = published.resets }
            return known
        }
        guard published.resets >= known else { return }
        if published.resets > known, breaker.view.state != .closed { breaker.reset() }
        if published.view.state == .closed, breaker.view.state == .latched, published.view.since > breaker.view.since {
            breaker.reset()
        }
        // Who has been let in of late knows better; else its own next call tells.
        let totals = breaker.totals
        if published.view.state == .latched, breaker.view.state == .closed, totals.calls == totals.failures {
            // Since when it holds there: what has been let in since ends it here, too.
            breaker.latch(
                published.view.reason ?? "credentials",
                until: published.view.retryAt,
                since: published.view.since
            )
        }
        note(clinic, entry)
    }

    /// Settles a call with both circuits and returns what to publish, if anything changed.
    ///
    /// - Parameter isCheck: nothing was sent.
    func settle(
        _ permit: Permit,
        _ verdict: ProviderVerdict,
        isCheck: Bool = false,
        _ clinic: ClinicID,
        _ entry: ProviderEntry
    ) -> Changes {
        let breaker = breaker(clinic, entry)
        let before = breaker.view
        switch SendingRules.circuit(after: verdict) {
        case .settle(let outcome):
            let outcome = outcome.told(byCheck: isCheck)
            breaker.settle(permit.entry, outcome, why: verdict.outcome.rawValue, retryAfter: verdict.retryAfter)
        case .latch: breaker.latch(verdict.outcome.rawValue)
        case .park(let time): breaker.latch(verdict.outcome.rawValue, until: now() + time)
        }
        note(clinic, entry)
        var changes = Changes(endpoint: settleEndpoint(permit, verdict, isCheck: isCheck, clinic, entry))
        let after = breaker.view
        if after.state != before.state || after.retryAt != before.retryAt {
            ProviderCircuits.count(entry, after.state)
            changes.entry = after
        }
        return changes
    }

    private func settleEndpoint(
        _ permit: Permit,
        _ verdict: ProviderVerdict,
        isCheck: Bool,
        _ clinic: ClinicID,
        _ entry: ProviderEntry
    ) -> EndpointNews? {
        guard let (endpoint, shared) = permit.endpoint else { return nil }
        let breaker = endpoints.breaker(for: endpoint)
        let before = breaker.view
        breaker.settle(
            shared,
            SendingRules.endpoint(after: verdict).told(byCheck: isCheck),
            from: clinic.high ^ clinic.low,
            why: verdict.outcome.rawValue
        )
        let after = breaker.view
        let isClosed = after.state == .closed
        state.withLock { $0.troubledEndpoints[endpoint] = isClosed ? nil : (CircuitKey(clinic, entry), entry.id) }
        guard after.state != before.state || after.retryAt != before.retryAt else { return nil }
        ProviderCircuits.count(entry, after.state)
        return EndpointNews(endpoint: endpoint, view: after)
    }

    /// Circuits whose time has come to be tried.
    func due() -> [(key: CircuitKey, entry: ProviderEntryID)] {
        let now = now()
        let (troubled, troubledEndpoints) = state.withLock { ($0.troubled, $0.troubledEndpoints) }
        let own = troubled.filter { key, _ in isDue(breakers.existing(for: key), at: now) }
        let shared = troubledEndpoints.filter { endpoint, _ in isDue(endpoints.existing(for: endpoint), at: now) }
        return own.map { ($0.key, $0.value) } + shared.values.filter { own[$0.key] == nil }
    }

    private func isDue(_ breaker: CircuitBreaker?, at now: Instant) -> Bool {
        breaker?.view.retryAt.map { $0 <= now } ?? false
    }

    /// How many clinics' circuits are not closed in this process, by channel and provider.
    var open: [CircuitPlace: Int] {
        state.withLock { state in
            state.troubled.keys.reduce(into: [:]) {
                $0[CircuitPlace(channel: $1.channel, provider: $1.provider), default: 0] += 1
            }
        }
    }

    /// Forgets a circuit that nobody needs any more.
    func forget(_ key: CircuitKey) {
        state.withLock { state in
            state.troubled[key] = nil
            state.troubledEndpoints = state.troubledEndpoints.filter { $0.value.key != key }
        }
    }

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

extension CircuitStateMachine.Outcome {
    /// A check is another request than a call, and may be answered where calls hang: it closes no circuit, but has the next call
    /// be its probe.
    fileprivate func told(byCheck isCheck: Bool) -> Self { isCheck && self == .alive ? .neutral : self }
}
