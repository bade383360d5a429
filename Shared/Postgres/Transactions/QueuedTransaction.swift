import Synchronization

/// A transaction on its way: waiting, running, done.
///
/// Whoever moves it on first decides its fate.
final class QueuedTransaction: Sendable {
    enum State {
        case created
        case waiting
        case running(CancelHandle, cancelled: Bool)
        case done
    }

    private let state = Mutex(State.created)
    private let outcome: @Sendable (DatabaseError.Code) -> Void
    private let body: @Sendable (Connection, QueuedTransaction) -> Void
    let expiry: ContinuousClock.Instant

    /// `body` runs the transaction on the connection's thread, `outcome` answers the caller without it; one of them is
    /// called, once.
    init(
        expiry: ContinuousClock.Instant,
        refuse outcome: @escaping @Sendable (DatabaseError.Code) -> Void,
        body: @escaping @Sendable (Connection, QueuedTransaction) -> Void
    ) {
        self.expiry = expiry
        self.outcome = outcome
        self.body = body
    }

    /// Created → waiting; `false` if it was cancelled or refused before.
    func wait() -> Bool {
        state.withLock { state in
            guard case .created = state else { return false }
            state = .waiting
            return true
        }
    }

    /// Ends a queued that does not run yet, and answers its caller.
    func refuse(_ code: DatabaseError.Code) {
        let isMine = state.withLock { state in
            switch state {
            case .created, .waiting:
                state = .done
                return true
            case .running, .done: return false
            }
        }
        if isMine { outcome(code) }
    }

    var isWaiting: Bool {
        state.withLock { state in
            if case .waiting = state { true } else { false }
        }
    }

    /// Waiting → running → done, on the connection's thread.
    func run(on connection: Connection) {
        let isMine = state.withLock { state in
            guard case .waiting = state else { return false }
            state = .running(connection.cancelHandle, cancelled: false)
            return true
        }
        if isMine { body(connection, self) }
    }

    /// Called before the caller is answered: afterwards no cancellation can reach the connection.
    func finish() { state.withLock { $0 = .done } }

    /// Whether a running transaction was asked to stop.
    var isCancelled: Bool {
        state.withLock { state in
            if case .running(_, cancelled: true) = state { true } else { false }
        }
    }

    /// Notes that a running queued is to stop; `true` if the server has to be told.
    func markCancelled() -> Bool {
        state.withLock { state in
            guard case .running(let handle, cancelled: false) = state else { return false }
            state = .running(handle, cancelled: true)
            return true
        }
    }

    /// Tells the server to stop what runs for this queued, holding the lock that its thread needs to go on to the next.
    func interrupt() {
        state.withLock { state in
            if case .running(let handle, cancelled: true) = state { handle.cancel() }
        }
    }
}
