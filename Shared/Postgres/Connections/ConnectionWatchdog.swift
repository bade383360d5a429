import DequeModule
import Dispatch
import Synchronization
import Threads

/// The one thread of the process that cancels statements (which waits for a connect) and ends waits that are too long.
final class ConnectionWatchdog: Sendable {
    static let shared = ConnectionWatchdog()
    /// How often waiting transactions are looked through.
    private static let sweepInterval: DispatchTimeInterval = .milliseconds(100)

    private struct WeakPool { weak let pool: ConnectionPool? }
    private struct State {
        var cancellations: Deque<QueuedTransaction> = []
        var pools: [WeakPool] = []
    }

    private let state = Mutex(State())
    private let signal = DispatchSemaphore(value: 0)

    private init() {
        SystemThread.start(named: "pg-attendant") { Self.shared.work() }
    }

    func cancel(_ queued: QueuedTransaction) {
        state.withLock { $0.cancellations.append(queued) }
        signal.signal()
    }

    /// Watches a pool in which transactions wait, until none does.
    func watch(_ pool: ConnectionPool) {
        state.withLock { state in state.pools.append(WeakPool(pool: pool)) }
        signal.signal()
    }

    private func work() -> Never {
        while true {
            let isIdle = state.withLock { $0.pools.isEmpty && $0.cancellations.isEmpty }
            if isIdle { signal.wait() } else { _ = signal.wait(timeout: .now() + Self.sweepInterval) }
            while let queued = state.withLock({ $0.cancellations.popFirst() }) { queued.interrupt() }
            let watched = state.withLock { state in
                defer { state.pools = [] }
                return state.pools
            }
            let remaining = watched.filter { $0.pool?.sweep() == true }
            state.withLock { $0.pools += remaining }
        }
    }
}
