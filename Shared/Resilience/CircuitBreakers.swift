package import Core
import Synchronization

/// The circuit breakers of this process by what they stand before; bounded, the idle closed ones go first.
package final class CircuitBreakers<Key: Hashable & Sendable>: Sendable {
    private struct Kept {
        var breakers: [Key: CircuitBreaker] = [:]
    }

    private let capacity: Int
    private let policy: CircuitBreakerPolicy
    private let now: @Sendable () -> Instant
    private let kept = Mutex(Kept())

    /// - Parameter capacity: how many are kept; a new one beyond it makes room by dropping closed ones.
    package init(
        policy: CircuitBreakerPolicy = .init(),
        capacity: Int = 20_000,
        now: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.policy = policy
        self.capacity = capacity
        self.now = now
    }

    /// The breaker of a key, made when it is first asked for.
    package func breaker(for key: Key) -> CircuitBreaker {
        kept.withLock { kept in
            if let known = kept.breakers[key] { return known }
            if kept.breakers.count >= capacity {
                kept.breakers = kept.breakers.filter { $0.value.view.state != .closed }
            }
            let breaker = CircuitBreaker(policy: policy, now: now)
            kept.breakers[key] = breaker
            return breaker
        }
    }

    /// The breaker of a key if there is one.
    package func existing(for key: Key) -> CircuitBreaker? { kept.withLock { $0.breakers[key] } }
}
