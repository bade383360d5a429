import HummingbirdCore
import NIOCore
import Synchronization

/// The task's side of one connection: requests come out, replies go in, both in order.
///
/// Requests are put in by the connection's handler on the event loop; whoever waits for one is woken once per request,
/// not once per part of it.
final class ClientConnection: ServerChildChannelValue, Sendable {
    let channel: any Channel
    private let handler: NIOLoopBound<ConnectionHandler>
    private let state = Mutex(State())

    private struct State {
        var requests: [ClientRequest] = []
        var waitingForRequest: CheckedContinuation<ClientRequest?, Never>?
        var waitingForRoom: CheckedContinuation<Bool, Never>?
        var isOpen = true
        /// The client has sent all it will; for a stream that is as good as gone.
        var isHalfClosed = false
        var hasRoom = true
    }

    init(channel: any Channel, handler: NIOLoopBound<ConnectionHandler>) {
        self.channel = channel
        self.handler = handler
    }

    // MARK: - For the task

    /// The next request; `nil` once the connection is closed.
    ///
    /// Cancelling closes it.
    func next() async -> ClientRequest? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let request: ClientRequest?? = state.withLock { state in
                    if !state.requests.isEmpty { return .some(state.requests.removeFirst()) }
                    if !state.isOpen { return .some(nil) }
                    state.waitingForRequest = continuation
                    return nil
                }
                if let request { continuation.resume(returning: request) }
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// Sends a reply; of a streamed one the head and the first page.
    func send(_ reply: ClientReply) {
        if reply.isStreamed { state.withLock { $0.hasRoom = false } }
        channel.eventLoop.execute { self.handler.value.send(reply) }
    }

    /// Sends one more page of a streamed reply.
    func send(page: [UInt8]) {
        state.withLock { $0.hasRoom = false }
        channel.eventLoop.execute { self.handler.value.send(page: page) }
    }

    /// Ends a streamed reply; an unfinished one by cutting the connection, so that nobody takes it for whole.
    func endStream(complete: Bool) {
        channel.eventLoop.execute { self.handler.value.endStream(complete: complete) }
    }

    /// Waits until the client has taken what was sent; false once it is gone.
    func waitForRoom() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if !state.isOpen || state.isHalfClosed { return false }
                    if state.hasRoom { return true }
                    state.waitingForRoom = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// Whether there is still somebody to answer.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    // MARK: - For the handler

    func deliver(_ request: ClientRequest) {
        let waiting = state.withLock { state -> CheckedContinuation<ClientRequest?, Never>? in
            guard let waiting = state.waitingForRequest else {
                state.requests.append(request)
                return nil
            }
            state.waitingForRequest = nil
            return waiting
        }
        waiting?.resume(returning: request)
    }

    func noteRoom(_ hasRoom: Bool) {
        let waiting = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            state.hasRoom = hasRoom
            guard hasRoom else { return nil }
            return Self.take(&state.waitingForRoom)
        }
        waiting?.resume(returning: true)
    }

    func noteHalfClosed() {
        let waiting = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            state.isHalfClosed = true
            return Self.take(&state.waitingForRoom)
        }
        waiting?.resume(returning: false)
    }

    /// Whatever was not begun is dropped: nobody is there to be answered.
    func noteClosed() {
        let (request, room) = state.withLock { state in
            state.isOpen = false
            state.requests = []
            return (Self.take(&state.waitingForRequest), Self.take(&state.waitingForRoom))
        }
        request?.resume(returning: nil)
        room?.resume(returning: false)
    }

    private static func take<T>(_ value: inout T?) -> T? {
        defer { value = nil }
        return value
    }
}
