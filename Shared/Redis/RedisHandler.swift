import DequeModule
import NIOCore

/// The connection's end on its event loop: writes what the mailbox holds once per turn, and pairs replies with waiters.
final class RedisHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Waiter {
        let id: UInt64
        var missing: Int
        var replies: [Reply] = []
        let patience: NIODeadline
        /// `nil` once cancelled: the slot stays and swallows its replies.
        var continuation: CheckedContinuation<Result<[Reply], RedisError>, Never>?
    }

    private let mailbox: RedisMailbox
    private let reader: ReplyReader
    private let closesOnCancel: Bool
    private var waiters: Deque<Waiter> = []
    private var context: ChannelHandlerContext?
    private var watchdog: RepeatedTask?
    private var lastRead: NIODeadline = .now()

    init(mailbox: RedisMailbox, reader: ReplyReader, closesOnCancel: Bool) {
        self.mailbox = mailbox
        self.reader = reader
        self.closesOnCancel = closesOnCancel
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        watchdog = context.eventLoop.scheduleRepeatedTask(
            initialDelay: RedisConnection.watchdogPeriod,
            delay: RedisConnection.watchdogPeriod
        ) { _ in bound.value.watch() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        watchdog?.cancel()
        self.context = nil
        fail(.connectionLost(sent: true))
    }

    /// Writes everything that was left since the last turn, in one write.
    func turn() {
        let mail = mailbox.take()
        guard let context else { return }
        if !mail.batches.isEmpty {
            var out = mail.batches[0].bytes
            let total = mail.batches.reduce(0) { $0 + $1.bytes.readableBytes }
            out.reserveCapacity(total)
            for batch in mail.batches.dropFirst() { out.writeImmutableBuffer(batch.bytes) }
            for batch in mail.batches {
                waiters.append(
                    Waiter(
                        id: batch.id,
                        missing: batch.replies,
                        patience: batch.patience,
                        continuation: batch.continuation
                    )
                )
            }
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        }
        for id in mail.cancelled { cancel(id, context) }
    }

    private func cancel(_ id: UInt64, _ context: ChannelHandlerContext) {
        guard let index = waiters.firstIndex(where: { $0.id == id }), let continuation = waiters[index].continuation
        else { return }
        waiters[index].continuation = nil
        continuation.resume(returning: .failure(.cancelled))
        // A blocking command would hold its connection until the server answers.
        if closesOnCancel { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastRead = .now()
        do {
            try reader.feed(unwrapInboundIn(data), receive)
        } catch {
            fail(error)
            context.close(promise: nil)
        }
    }

    private func receive(_ reply: Reply) throws(RedisError) {
        guard !waiters.isEmpty else { throw .protocol }
        waiters[0].missing -= 1
        waiters[0].replies.append(reply)
        guard waiters[0].missing == 0, let waiter = waiters.popFirst() else { return }
        mailbox.answered(waiter.replies.count)
        waiter.continuation?.resume(returning: .success(waiter.replies))
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.connectionLost(sent: true))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.connectionLost(sent: true))
        context.close(promise: nil)
    }

    private func fail(_ error: RedisError) {
        for batch in mailbox.close() { batch.continuation.resume(returning: .failure(.connectionLost(sent: false))) }
        while let waiter = waiters.popFirst() { waiter.continuation?.resume(returning: .failure(error)) }
    }

    /// Finds a half-open connection: a reply that is overdue, or no answer to a ping on an idle connection.
    private func watch() {
        guard let context else { return }
        let now = NIODeadline.now()
        if let first = waiters.first {
            // Replies that are flowing make the ones behind them late without the connection being dead.
            guard first.patience < now, now - lastRead > RedisConnection.replyPatience else { return }
            fail(.connectionLost(sent: true))
            context.close(promise: nil)
        } else if now - lastRead > RedisConnection.idleBeforePing {
            var ping = context.channel.allocator.buffer(capacity: 16)
            (["PING"] as RedisCommand).encode(into: &ping)
            waiters.append(Waiter(id: 0, missing: 1, patience: now + RedisConnection.replyPatience, continuation: nil))
            context.writeAndFlush(wrapOutboundOut(ping), promise: nil)
        }
    }
}
