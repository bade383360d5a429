import NIOCore
import Synchronization

/// What one call asks for: bytes to write, and how many replies come back.
struct RedisBatch: Sendable {
    let id: UInt64
    let bytes: ByteBuffer
    let replies: Int
    /// The moment after which the connection counts as dead if the replies have not come.
    let patience: NIODeadline
    let continuation: CheckedContinuation<Result<[Reply], RedisError>, Never>
}

/// Between the tasks that call and the event loop that writes: whoever finds it unscheduled schedules one turn.
final class RedisMailbox: Sendable {
    struct Mail: Sendable {
        var batches: [RedisBatch] = []
        var cancelled: [UInt64] = []
    }

    fileprivate struct State {
        var mail = Mail()
        var isScheduled = false
        var isClosed = false
        var bytes = 0
        /// Replies awaited, those of written batches included.
        var replies = 0
    }

    private let state = Mutex(State())

    enum Verdict { case scheduled, joined, closed, full }

    /// Leaves a batch; `.scheduled` asks the caller to have a turn run.
    func put(_ batch: RedisBatch) -> Verdict {
        state.withLock { state in
            if state.isClosed { return .closed }
            guard state.bytes + batch.bytes.readableBytes <= RedisConnection.queuedBytesMax || state.bytes == 0,
                state.replies + batch.replies <= RedisConnection.queuedRepliesMax
            else { return .full }
            state.mail.batches.append(batch)
            state.bytes += batch.bytes.readableBytes
            state.replies += batch.replies
            return state.schedule()
        }
    }

    /// Leaves word that nobody waits for a batch any more.
    func cancel(_ id: UInt64) -> Verdict {
        state.withLock { state in
            if state.isClosed { return .closed }
            state.mail.cancelled.append(id)
            return state.schedule()
        }
    }

    func take() -> Mail {
        state.withLock { state in
            state.isScheduled = false
            state.bytes = 0
            defer { state.mail = Mail() }
            return state.mail
        }
    }

    func answered(_ replies: Int) { state.withLock { $0.replies -= replies } }

    /// Shuts the box and gives back what never left.
    func close() -> [RedisBatch] {
        state.withLock { state in
            state.isClosed = true
            defer { state.mail = Mail() }
            return state.mail.batches
        }
    }
}

extension RedisMailbox.State {
    fileprivate mutating func schedule() -> RedisMailbox.Verdict {
        if isScheduled { return .joined }
        isScheduled = true
        return .scheduled
    }
}
