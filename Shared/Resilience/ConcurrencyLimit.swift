import Synchronization

/// A bound on how many run at once; what is over it is refused at once, never queued.
package final class ConcurrencyLimit: Sendable {
    /// There was no room.
    package struct Exceeded: Error, Equatable {
        package let limit: Int
    }

    package let limit: Int
    private let inside = Mutex(0)

    package init(_ limit: Int) {
        precondition(limit >= 1, "Cannot make a limit when it lets nothing through")
        self.limit = limit
    }

    /// How many are inside.
    package var running: Int { inside.withLock { $0 } }

    /// Takes a place to give back with `leave`, or returns `false`.
    package func enter() -> Bool {
        inside.withLock { inside in
            guard inside < limit else { return false }
            inside += 1
            return true
        }
    }

    /// Gives a place back.
    package func leave() {
        inside.withLock { inside in
            precondition(inside > 0, "Cannot leave when nobody is inside")
            inside -= 1
        }
    }

    /// Runs the body within the limit; throws `Exceeded` when there is no room.
    package func run<Result>(_ body: () async throws -> Result) async throws -> Result {
        guard enter() else { throw Exceeded(limit: limit) }
        defer { leave() }
        return try await body()
    }
}
