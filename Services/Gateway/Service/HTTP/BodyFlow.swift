import Bus
import Contracts
import Core
import NIOCore
import Synchronization

/// A body on its way from the connection to whoever passes it on: never more of it is held than one piece and what the
/// socket gave at once.
///
/// The connection's handler puts bytes in on the event loop and stops reading when there are enough; one task takes pieces out.
final class BodyFlow: Sendable {
    private enum End {
        case whole
        case broken(Problem)
    }

    private struct State {
        var buffer = ByteBuffer()
        var end: End?
        var isFull = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let hasRoom: @Sendable () -> Void

    /// - Parameter hasRoom: called when bytes may come again after `append` said that there are enough.
    init(hasRoom: @escaping @Sendable () -> Void) { self.hasRoom = hasRoom }

    // MARK: - For the handler

    /// Puts bytes in; true when no more should come for now.
    func append(_ part: ByteBuffer) -> Bool {
        let (isFull, waiting) = state.withLock { state in
            guard state.end == nil else { return (false, CheckedContinuation<Void, Never>?.none) }
            var part = part
            state.buffer.writeBuffer(&part)
            guard state.buffer.readableBytes > BodyPiece.bytes else { return (false, nil) }
            state.isFull = true
            return (true, Self.take(&state.waiting))
        }
        waiting?.resume()
        return isFull
    }

    /// All of it is there.
    func finish() { end(.whole) }

    /// It does not come any further; what is held of it is dropped.
    func fail(_ problem: Problem) { end(.broken(problem)) }

    private func end(_ end: End) {
        let waiting = state.withLock { state in
            guard state.end == nil else { return CheckedContinuation<Void, Never>?.none }
            state.end = end
            if case .broken = end { state.buffer = ByteBuffer() }
            return Self.take(&state.waiting)
        }
        waiting?.resume()
    }

    // MARK: - For the task

    /// The next piece, and whether it is the last; throws why there is none.
    func next() async throws(Problem) -> (bytes: [UInt8], isLast: Bool) {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.end != nil || state.isFull { return true }
                    state.waiting = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            fail(.bodyIncomplete)
        }
        return try taken()
    }

    private func taken() throws(Problem) -> (bytes: [UInt8], isLast: Bool) {
        let (piece, wasFull): (Result<([UInt8], Bool), Problem>, Bool) = state.withLock { state in
            if case .broken(let problem) = state.end { return (.failure(problem), false) }
            let bytes = state.buffer.readBytes(length: min(BodyPiece.bytes, state.buffer.readableBytes)) ?? []
            state.buffer.discardReadBytes()
            let isLast = state.end != nil && state.buffer.readableBytes == 0
            let wasFull = state.isFull
            state.isFull = state.buffer.readableBytes > BodyPiece.bytes
            return (.success((bytes, isLast)), wasFull && !state.isFull)
        }
        if wasFull { hasRoom() }
        return try piece.get()
    }

    private static func take<T>(_ value: inout T?) -> T? {
        defer { value = nil }
        return value
    }
}

extension Problem {
    /// Seldom heard: whoever ends a body early is mostly gone.
    static let bodyIncomplete = Problem(400, "body_incomplete", "The body ended before it was whole.")
    static let bodyTooSlow = Problem(408, "request_timeout", "The body came too slowly.", retryable: true)
}
