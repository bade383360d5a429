package import Core

/// The rules of a circuit breaker, without a clock, a lock or chance of its own.
///
/// Closed → open after failures → half-open once the open time has passed: one probe goes, with an owner and an expiry.
/// While it is open one call may go as a last resort: its success closes the circuit, its failure leaves it as it was.
/// Results that belong to an older generation change nothing. A latch holds until it is reset or its time has come.
package struct CircuitStateMachine: Sendable, Equatable {
    /// What a call is admitted with, and handed back with its outcome.
    package struct Permit: Sendable, Equatable {
        let generation: UInt64
        package let isProbe: Bool
    }

    package enum Admission: Sendable, Equatable {
        case admitted(Permit)
        /// Not now; the moment from which a try may succeed, `nil` when only a reset helps.
        case refused(until: Instant?)
    }

    package enum Outcome: Sendable, Equatable {
        /// The other side answered, whatever it said.
        case alive
        case failure
        /// Never reached, or cancelled here: says nothing about the other side.
        case neutral
    }

    enum State: Sendable, Equatable {
        case closed(CallWindow, consecutive: Int)
        case open(until: Instant)
        case halfOpen(probeEnds: Instant?)
        case latched(until: Instant?)
    }

    /// The one call that may go while the circuit is open.
    private enum LastResort: Sendable, Equatable {
        case unused
        case underWay(ends: Instant)
        case used
    }

    package let policy: CircuitBreakerPolicy
    private var state: State
    private var generation: UInt64 = 0
    private var failedProbes = 0
    private var lastResort = LastResort.unused
    private var since: Instant
    private var reason: String?

    package init(policy: CircuitBreakerPolicy, at now: Instant) {
        self.policy = policy
        state = .closed(CallWindow(length: policy.window, sourcesMax: policy.failingSources), consecutive: 0)
        since = now
    }

    /// Whether a call may go now.
    ///
    /// - Parameter time: how long the call may take; a probe that has not ended then, or after the policy's time if that is
    ///   longer, is given up.
    package mutating func admit(at now: Instant, taking time: Duration = .zero) -> Admission {
        switch state {
        case .closed:
            return .admitted(Permit(generation: generation, isProbe: false))
        case .open(let until):
            let end = openEnd(until)
            guard now >= end else { return .refused(until: end) }
            return startProbe(at: now, taking: time)
        case .halfOpen(let ends):
            if let ends, now < ends { return .refused(until: ends) }
            return startProbe(at: now, taking: time)
        case .latched(let until):
            guard let until, now >= until else { return .refused(until: until) }
            return startProbe(at: now, taking: time)
        }
    }

    /// One call per open interval for when there is no other way left; never past a latch.
    package mutating func admitLastResort(at now: Instant, taking time: Duration = .zero) -> Admission {
        guard case .open(let until) = state, now < openEnd(until) else { return admit(at: now, taking: time) }
        guard lastResort == .unused else { return .refused(until: openEnd(until)) }
        lastResort = .underWay(ends: now + max(policy.probeTime, time))
        // The circuit stays open, and of all permits only this one is of its present life.
        generation += 1
        return .admitted(Permit(generation: generation, isProbe: true))
    }

    /// Takes the outcome of an admitted call.
    ///
    /// - Parameters:
    ///   - source: on whose behalf the call was made, where the policy tells them apart.
    ///   - why: a code of ours that says what failed; shown, so never a provider's text.
    ///   - retryAfter: what the other side asked for; counts when it is longer than the open time.
    ///   - roll: a random number from 0 to 1.
    package mutating func settle(
        _ permit: Permit,
        _ outcome: Outcome,
        from source: UInt64 = 0,
        why: String? = nil,
        retryAfter: Duration? = nil,
        at now: Instant,
        roll: Double
    ) {
        guard permit.generation == generation else { return }
        switch (state, outcome) {
        case (.closed(var window, _), .alive):
            window.record(failure: false, at: now)
            state = .closed(window, consecutive: 0)
        case (.closed(var window, let consecutive), .failure):
            window.record(failure: true, from: source, at: now)
            state = .closed(window, consecutive: consecutive + 1)
            if shouldOpen(window, consecutive + 1, at: now) { open(why, retryAfter, at: now, roll: roll) }
        case (.halfOpen, .alive):
            close(at: now)
        case (.halfOpen, .failure):
            failedProbes += 1
            open(why, retryAfter, at: now, roll: roll)
        case (.halfOpen, .neutral):
            state = .halfOpen(probeEnds: nil)
        case (.open(let until), _):
            settleLastResort(outcome, why, retryAfter, openUntil: until, at: now)
        case (.closed, .neutral), (.latched, _):
            break
        }
    }

    /// Whoever has tried in vain out of turn neither prolongs the open time nor makes way for another one.
    private mutating func settleLastResort(
        _ outcome: Outcome,
        _ why: String?,
        _ retryAfter: Duration?,
        openUntil until: Instant,
        at now: Instant
    ) {
        switch outcome {
        case .alive: close(at: now)
        case .neutral: lastResort = .unused
        case .failure:
            lastResort = .used
            if let retryAfter { state = .open(until: max(until, now + retryAfter)) }
            reason = why
        }
    }

    /// Keeps the circuit open for a reason that trying again does not mend, until `until` or until it is reset.
    ///
    /// - Parameter now: since when it is so.
    package mutating func latch(_ why: String, until: Instant?, at now: Instant) {
        enter(.latched(until: until), at: now)
        reason = why
    }

    /// Closes the circuit by hand and forgets its past.
    package mutating func reset(at now: Instant) { close(at: now) }

    /// What can be shown of the circuit.
    package func view(at now: Instant) -> CircuitView {
        switch state {
        case .closed: CircuitView(state: .closed, since: since, reason: nil, retryAt: nil)
        case .open(let until): CircuitView(state: .open, since: since, reason: reason, retryAt: openEnd(until))
        case .halfOpen(let ends): CircuitView(state: .halfOpen, since: since, reason: reason, retryAt: ends)
        case .latched(let until): CircuitView(state: .latched, since: since, reason: reason, retryAt: until)
        }
    }

    /// What went through it within the window that ends now; nothing while it is not closed.
    package func totals(at now: Instant) -> CallTotals {
        if case .closed(let window, _) = state { window.totals(at: now) } else { CallTotals() }
    }

    private func shouldOpen(_ window: CallWindow, _ consecutive: Int, at now: Instant) -> Bool {
        guard policy.failingSources <= 1 || window.failingSources(at: now) >= policy.failingSources else {
            return false
        }
        if consecutive >= policy.consecutiveFailures { return true }
        let totals = window.totals(at: now)
        return totals.calls >= policy.minimumCalls
            && Double(totals.failures) >= policy.failureRatio * Double(totals.calls)
    }

    /// When an open circuit is tried again: not beside a last resort that is still under way.
    private func openEnd(_ until: Instant) -> Instant {
        if case .underWay(let ends) = lastResort { max(until, ends) } else { until }
    }

    private mutating func startProbe(at now: Instant, taking time: Duration) -> Admission {
        enter(.halfOpen(probeEnds: now + max(policy.probeTime, time)), at: now)
        return .admitted(Permit(generation: generation, isProbe: true))
    }

    private mutating func open(_ why: String?, _ retryAfter: Duration?, at now: Instant, roll: Double) {
        let time = max(policy.openTime(afterFailedProbes: failedProbes, roll: roll), retryAfter ?? .zero)
        enter(.open(until: now + time), at: now)
        lastResort = .unused
        reason = why
    }

    private mutating func close(at now: Instant) {
        let window = CallWindow(length: policy.window, sourcesMax: policy.failingSources)
        enter(.closed(window, consecutive: 0), at: now)
        failedProbes = 0
        lastResort = .unused
        reason = nil
    }

    private mutating func enter(_ next: State, at now: Instant) {
        state = next
        since = now
        generation += 1
    }
}
