package import Core
import Synchronization

/// A circuit breaker that many tasks share: the state machine behind a lock, with the clock and chance handed in.
package final class CircuitBreaker: Sendable {
    package typealias Permit = CircuitStateMachine.Permit

    private let machine: Mutex<CircuitStateMachine>
    private let now: @Sendable () -> Instant

    package init(policy: CircuitBreakerPolicy = .init(), now: @escaping @Sendable () -> Instant = { .now() }) {
        machine = Mutex(CircuitStateMachine(policy: policy, at: now()))
        self.now = now
    }

    /// Whether a call may go now; an admitted call must be settled, whatever becomes of it.
    ///
    /// - Parameter time: how long the call may take; a probe is waited for as long.
    package func admit(lastResort: Bool = false, taking time: Duration = .zero) -> CircuitStateMachine.Admission {
        let now = now()
        return machine.withLock {
            lastResort ? $0.admitLastResort(at: now, taking: time) : $0.admit(at: now, taking: time)
        }
    }

    /// Whether `admit` would let a call go now; changes nothing.
    package func wouldAdmit(lastResort: Bool = false) -> Bool {
        let now = now()
        var machine = machine.withLock { $0 }
        let admission = lastResort ? machine.admitLastResort(at: now) : machine.admit(at: now)
        return if case .admitted = admission { true } else { false }
    }

    /// Hands a permit back with the outcome of its call.
    package func settle(
        _ permit: Permit,
        _ outcome: CircuitStateMachine.Outcome,
        from source: UInt64 = 0,
        why: String? = nil,
        retryAfter: Duration? = nil
    ) {
        let now = now()
        let roll = Double.random(in: 0...1)
        machine.withLock {
            $0.settle(permit, outcome, from: source, why: why, retryAfter: retryAfter, at: now, roll: roll)
        }
    }

    /// Keeps the circuit open for a reason that trying again does not mend.
    ///
    /// - Parameter since: since when it is so, where somebody else has found it out; `nil` for now.
    package func latch(_ why: String, until: Instant? = nil, since: Instant? = nil) {
        let now = since ?? now()
        machine.withLock { $0.latch(why, until: until, at: now) }
    }

    /// Closes the circuit by hand.
    package func reset() {
        let now = now()
        machine.withLock { $0.reset(at: now) }
    }

    /// What went through it within the window that ends now; nothing while it is not closed.
    package var totals: CallTotals {
        let now = now()
        return machine.withLock { $0.totals(at: now) }
    }

    /// What can be shown of it.
    package var view: CircuitView {
        let now = now()
        return machine.withLock { $0.view(at: now) }
    }
}
