import Core
import DequeModule
import Dispatch
import Logging
import Synchronization
import Threads

/// One queue and the threads that serve it, each with a connection of its own.
final class ConnectionPool: Sendable {
    private struct State {
        var waiting: Deque<QueuedTransaction> = []
        var threads = 0
        var idle = 0
        var isWatched = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let signal = DispatchSemaphore(value: 0)
    private let size: Int
    private let factory: ConnectionFactory
    private let waitingLimit: Int
    private let waitLimit: Duration
    private let name: String
    private let signals: CommitSignals

    init(
        name: String,
        size: Int,
        role: String?,
        configuration: DatabaseConfiguration,
        heads: SeriesHeads,
        signals: CommitSignals,
        logger: Logger
    ) {
        self.name = name
        self.signals = signals
        self.size = max(size, 1)
        waitingLimit = configuration.waitingLimit
        waitLimit = configuration.waitLimit
        factory = ConnectionFactory(
            configuration: configuration,
            role: role,
            pool: name,
            heads: heads,
            logger: logger
        )
    }

    /// Queues a transaction and waits for what became of it.
    func perform<R: Sendable>(
        for target: Target,
        _ operation: String,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        let ticket = Ticket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (caller: CheckedContinuation<R, any Error>) in
                let queued = QueuedTransaction(expiry: .now + waitLimit) { code in
                    caller.resume(throwing: DatabaseError(code, operation: operation))
                } body: { [signals] connection, queued in
                    let result = Exchange.run(
                        on: connection,
                        for: target,
                        operation: operation,
                        running: queued,
                        telling: signals,
                        body
                    )
                    queued.finish()
                    caller.resume(with: result)
                }
                if ticket.take(queued) { enqueue(queued) } else { queued.refuse(.cancelled) }
            }
        } onCancel: {
            if let queued = ticket.cancel() { cancel(queued) }
        }
    }

    /// Connects a task's cancellation with the queued it waits for, whichever comes first.
    private final class Ticket: Sendable {
        private let state = Mutex<(queued: QueuedTransaction?, isCancelled: Bool)>((nil, false))

        /// `false` if the task was cancelled before.
        func take(_ queued: QueuedTransaction) -> Bool {
            state.withLock { state in
                state.queued = queued
                return !state.isCancelled
            }
        }

        func cancel() -> QueuedTransaction? {
            state.withLock { state in
                state.isCancelled = true
                return state.queued
            }
        }
    }

    /// Waiting ones end at once, running ones when the server has heard of it.
    private func cancel(_ queued: QueuedTransaction) {
        queued.refuse(.cancelled)
        if queued.markCancelled() { ConnectionWatchdog.shared.cancel(queued) }
    }

    private enum Placement { case served, startThread, watch, refused(DatabaseError.Code) }

    private func enqueue(_ queued: QueuedTransaction) {
        guard queued.wait() else { return }
        let placement: Placement = state.withLock { state in
            guard !state.isClosed else { return .refused(.connectionLost) }
            guard state.waiting.count < waitingLimit else { return .refused(.poolExhausted) }
            state.waiting.append(queued)
            if state.idle >= state.waiting.count { return .served }
            if state.threads < size {
                state.threads += 1
                return .startThread
            }
            if state.isWatched { return .served }
            state.isWatched = true
            return .watch
        }
        switch placement {
        case .served: signal.signal()
        case .startThread:
            signal.signal()
            SystemThread.start(named: "pg-\(name)") { self.serve() }
        case .watch:
            signal.signal()
            ConnectionWatchdog.shared.watch(self)
        case .refused(let code): queued.refuse(code)
        }
    }

    /// A thread's life: take a transaction, run it, until the pool is closed and its queue empty.
    private func serve() {
        let line = ReconnectingConnection(factory)
        while let queued = next() {
            guard queued.isWaiting else { continue }
            if queued.expiry < .now { queued.refuse(.poolExhausted) } else { line.run(queued) }
        }
    }

    private func next() -> QueuedTransaction? {
        state.withLock { $0.idle += 1 }
        while true {
            signal.wait()
            let (queued, isClosed): (QueuedTransaction?, Bool) = state.withLock { state in
                let queued = state.waiting.popFirst()
                if queued != nil { state.idle -= 1 }
                return (queued, state.isClosed)
            }
            if let queued { return queued }
            if isClosed {
                signal.signal()
                return nil
            }
        }
    }

    /// Ends the waits that are too long; `false` when nothing waits any more.
    func sweep() -> Bool {
        let now = ContinuousClock.now
        let (expired, isWatched): ([QueuedTransaction], Bool) = state.withLock { state in
            let expired = Array(state.waiting.filter { $0.expiry < now })
            // A queued's place is its token of the semaphore: an answered queued leaves the queue, its token wakes a thread in vain.
            if !expired.isEmpty { state.waiting.removeAll { $0.expiry < now } }
            state.isWatched = !state.waiting.isEmpty
            return (expired, state.isWatched)
        }
        for queued in expired { queued.refuse(.poolExhausted) }
        return isWatched
    }

    /// Refuses what comes from now on; what is queued still runs.
    func close() {
        state.withLock { $0.isClosed = true }
        signal.signal()
    }
}
