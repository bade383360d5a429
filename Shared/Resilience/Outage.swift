import Synchronization

/// Tells where an outage begins and where it is over from all that fails in between, so that each is said once.
///
/// Parts fail for themselves: it lasts from the first failure until none of them fails any more.
package final class Outage<Part: Hashable & Sendable>: Sendable {
    private let failing = Mutex<Set<Part>>([])

    package init() {}

    /// Notes a failure; `true` when an outage begins with it.
    package func failed(_ part: Part) -> Bool {
        failing.withLock { failing in
            defer { failing.insert(part) }
            return failing.isEmpty
        }
    }

    /// Notes that a part works; `true` when an outage is over with it.
    package func worked(_ part: Part) -> Bool {
        failing.withLock { failing in failing.remove(part) != nil && failing.isEmpty }
    }
}
