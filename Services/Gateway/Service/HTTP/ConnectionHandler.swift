import Contracts
import Core
import NIOCore
import NIOHTTP1

/// One client's connection on its event loop: reads requests whole within the limits, writes replies in order.
///
/// Reading: `betweenRequests` → `head` (some bytes of one came) → `body` → `betweenRequests`, or `flow` instead of `body` where
/// the request is delivered with its head and its body follows; `discarding` once a request was refused before its end. Closing: `lingering` after the last reply, until the client has closed too; a client that
/// is still sending hears the reply first and the end of the connection only once it has stopped.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private enum Reading {
        case betweenRequests
        case head
        case body(PendingBody)
        case flow(PendingFlow)
        case discarding
        case lingering
    }

    private struct PendingBody {
        var request: ClientRequest
        var limit: Int
        var startedAt: NIODeadline
    }

    /// A body of a request that has been delivered.
    private struct PendingFlow {
        let flow: BodyFlow
        let limit: Int
        let isLast: Bool
        let startedAt: NIODeadline
        /// Bytes per second that it must keep up on average.
        let rate: Int
        /// When it must be whole.
        let latest: NIODeadline
        var length = 0
    }

    private let limits: HTTPLimits
    private let router: Router
    private var connection: ClientConnection?
    private var context: ChannelHandlerContext?
    private var peer = ""
    private var reading = Reading.betweenRequests
    /// Requests delivered and not answered.
    private var outstanding = 0
    private var isStreaming = false
    private var isQuiescing = false
    private var isInputClosed = false
    private var isReadingPaused = false
    /// A flow has enough bytes for now.
    private var isFlowPaused = false
    /// A request was refused of which more is to come.
    private var isSending = false
    private var deadline: NIODeadline?
    private var lingersUntil = NIODeadline.distantFuture
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?

    init(limits: HTTPLimits, router: Router) {
        self.limits = limits
        self.router = router
    }

    func attach(_ connection: ClientConnection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        peer = context.channel.remoteAddress?.ipAddress ?? ""
        setDeadline(in: limits.headDeadline)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.task.cancel()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        breakFlow(.bodyIncomplete)
        connection?.noteClosed()
        context.fireChannelInactive()
    }

    // MARK: - Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), reading) {
        case (.end, .discarding), (.end, .lingering): endUnread(context)
        case (_, .discarding): break
        case (_, .lingering): lingerOn()
        case (.head(let head), _): begin(head, context)
        case (.body(let part), .body(let pending)): take(part, pending)
        case (.end, .body(let pending)):
            isSending = false
            deliver(pending.request)
        case (.body(let part), .flow(let pending)): take(part, pending)
        case (.end, .flow(let pending)):
            isSending = false
            deadline = nil
            reading = pending.isLast ? .discarding : .betweenRequests
            pending.flow.finish()
            // Of this body nothing more comes that could be too much.
            resumeFlow()
        case (.body, _), (.end, _): break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Bytes came and made no whole head: from here on it has its own deadline.
        if case .betweenRequests = reading, outstanding == 0, !isInputClosed {
            reading = .head
            setDeadline(in: limits.headDeadline)
        }
        context.fireChannelReadComplete()
    }

    /// The end of a request that was answered before it.
    private func endUnread(_ context: ChannelHandlerContext) {
        guard isSending else { return }
        isSending = false
        if case .lingering = reading { context.close(mode: .output, promise: nil) }
    }

    /// Who is still sending what nobody reads may go on for a while: a closed socket would take the reply along.
    private func lingerOn() {
        deadline = min(NIODeadline.now() + limits.lingering, lingersUntil)
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let parsed = RequestHead(head)
        let (route, limit) = router.route(parsed, usualLimit: limits.body)
        var request = ClientRequest(
            head: parsed,
            route: route,
            body: ByteBuffer(),
            peer: peer,
            receivedAt: .now()
        )
        if head.uri.utf8.count > limits.target {
            return refuse(request, .targetTooLong)
        }
        if parsed.longestField > limits.headerField { return refuse(request, .headersTooLarge) }
        if let fault = parsed.fault {
            return refuse(request, .malformed("The header \(fault) cannot be used as it was sent."))
        }
        if let length = parsed.contentLength, length > limit {
            isSending = true
            return refuse(request, .tooLarge(limit))
        }
        if parsed.expectsContinue { sendContinue(context) }
        isSending = true
        if case .operation(let operation, _) = route, operation.body.isStreamed {
            return deliver(request, flowingUpTo: limit, isProved: !operation.isPublic, context)
        }
        if let length = parsed.contentLength, length > 0 { request.body.reserveCapacity(length) }
        reading = .body(PendingBody(request: request, limit: limit, startedAt: .now()))
        if parsed.contentLength ?? 0 > 0 || parsed.isChunked { setDeadline(in: limits.bodyGrace) }
    }

    private func take(_ part: ByteBuffer, _ pending: PendingBody) {
        var pending = pending
        // Two owners of one buffer would mean a copy with every part.
        reading = .discarding
        var part = part
        if pending.request.body.readableBytes == 0 {
            pending.request.body = part
        } else {
            pending.request.body.writeBuffer(&part)
        }
        let length = pending.request.body.readableBytes
        guard length <= pending.limit else { return refuse(pending.request, .tooLarge(pending.limit)) }
        reading = .body(pending)
        let earned = TimeAmount.seconds(Int64(length / limits.bodyRate))
        deadline = pending.startedAt + limits.bodyGrace + earned
    }

    /// Delivers a request whose body is still to come.
    ///
    /// - Parameter isProved: whether it is known who asks before the body is whole.
    private func deliver(
        _ request: ClientRequest,
        flowingUpTo limit: Int,
        isProved: Bool,
        _ context: ChannelHandlerContext
    ) {
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: context.eventLoop), context.eventLoop)
        let flow = BodyFlow { eventLoop.execute { bound.value.resumeFlow() } }
        var request = request
        request.flow = flow
        let now = NIODeadline.now()
        reading = .flow(
            PendingFlow(
                flow: flow,
                limit: limit,
                isLast: request.isLast,
                startedAt: now,
                rate: isProved ? limits.bodyRate : limits.unprovedRate,
                latest: isProved ? .distantFuture : now + limits.unprovedTime
            )
        )
        outstanding += 1
        setDeadline(in: isProved ? limits.bodyGrace : min(limits.bodyGrace, limits.unprovedTime))
        connection?.deliver(request)
    }

    private func take(_ part: ByteBuffer, _ pending: PendingFlow) {
        var pending = pending
        pending.length += part.readableBytes
        reading = .flow(pending)
        guard pending.length <= pending.limit else { return breakFlow(.tooLarge(pending.limit)) }
        if pending.flow.append(part) {
            isFlowPaused = true
            _ = context?.channel.setOption(.autoRead, value: false)
        }
        let earned = pending.startedAt + limits.bodyGrace + .seconds(Int64(pending.length / pending.rate))
        deadline = min(earned, pending.latest)
    }

    private func resumeFlow() {
        guard isFlowPaused else { return }
        isFlowPaused = false
        if !isReadingPaused { _ = context?.channel.setOption(.autoRead, value: true) }
    }

    /// Ends a body that comes no further.
    private func breakFlow(_ problem: Problem) {
        guard case .flow(let pending) = reading else { return }
        pending.flow.fail(problem)
        resumeFlow()
    }

    private func deliver(_ request: ClientRequest) {
        reading = request.isLast ? .discarding : .betweenRequests
        outstanding += 1
        deadline = nil
        if outstanding >= limits.pipelined { pauseReading() }
        connection?.deliver(request)
    }

    private func refuse(_ request: ClientRequest, _ problem: Problem) {
        var request = request
        request.refusal = problem
        request.body = ByteBuffer()
        deliver(request)
    }

    private func sendContinue(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The parser has given up before and has been answered for, or is about to be: what still comes is taken in unread, for
        // a closed socket would take the reply along.
        if case ByteToMessageDecoderError.dataReceivedInErrorState = error {
            if case .lingering = reading { lingerOn() }
            return
        }
        guard let fault = error as? HTTPParserError else { return context.close(promise: nil) }
        switch reading {
        case .discarding, .lingering: return
        case .flow:
            isSending = false
            return breakFlow(.malformed("The body is not valid HTTP/1.1."))
        case .betweenRequests, .head, .body: break
        }
        let request = ClientRequest(
            head: RequestHead(),
            route: .unreadable,
            body: ByteBuffer(),
            peer: peer,
            receivedAt: .now()
        )
        isSending = false
        refuse(request, fault == .headerOverflow ? .headersTooLarge : .malformed("The request is not valid HTTP/1.1."))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isQuiescing = true
            // Closing at once would reset a request that is on its way.
            if outstanding == 0 { setDeadline(in: limits.farewell) }
        } else if let event = event as? ChannelEvent, event == .inputClosed {
            isInputClosed = true
            breakFlow(.bodyIncomplete)
            connection?.noteHalfClosed()
            closeIfIdle()
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func closeIfIdle() {
        guard outstanding == 0 else { return }
        switch reading {
        case .lingering where !isInputClosed: break
        // A request half read is let in while it keeps its deadline, unless its sender is gone.
        case .body where !isInputClosed, .head where !isInputClosed: break
        default: context?.close(promise: nil)
        }
    }

    private func pauseReading() {
        isReadingPaused = true
        _ = context?.channel.setOption(.autoRead, value: false)
    }

    private func resumeReading() {
        guard isReadingPaused, outstanding < limits.pipelined else { return }
        isReadingPaused = false
        if !isFlowPaused { _ = context?.channel.setOption(.autoRead, value: true) }
    }

    // MARK: - Writing

    func send(_ reply: ClientReply) {
        guard let context else { return }
        var reply = reply
        if isQuiescing { reply.closes = true }
        // The answer to a body that is still coming: nobody takes the rest.
        if case .flow = reading, outstanding == 1 { reply.closes = true }
        var buffer = context.channel.allocator.buffer(capacity: reply.body.count + 1_024)
        reply.encoded(date: HTTPDate.now(), into: &buffer)
        if reply.isStreamed && !reply.isBodyOmitted {
            isStreaming = true
            closesAfterStream = reply.closes
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            noteRoom()
        } else {
            write(buffer, ending: reply.closes, context)
        }
    }

    private var closesAfterStream = false

    func send(page: [UInt8]) {
        guard let context, isStreaming else { return }
        var buffer = context.channel.allocator.buffer(capacity: page.count + 16)
        ClientReply.encodeChunk(page, into: &buffer)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        noteRoom()
    }

    func endStream(complete: Bool) {
        guard let context, isStreaming else { return }
        isStreaming = false
        guard complete else { return context.close(promise: nil) }
        write(ByteBuffer(staticString: ClientReply.lastChunk), ending: closesAfterStream, context)
    }

    /// Writes the end of a reply.
    private func write(_ buffer: ByteBuffer, ending: Bool, _ context: ChannelHandlerContext) {
        outstanding -= 1
        guard ending || (isInputClosed && outstanding == 0) else {
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            resumeReading()
            if outstanding == 0 { waitForNext() }
            return
        }
        breakFlow(.bodyIncomplete)
        reading = .lingering
        lingersUntil = .now() + limits.lingeringInAll
        setDeadline(in: limits.lingering)
        let isInputClosed = isInputClosed
        let isSending = isSending
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in
            // Closing both ways at once would reset the connection under a client that still sends, and the reply with it;
            // some give up what they have read, too, when it ends while they send.
            if isInputClosed || !isSending { bound.value.close(mode: isInputClosed ? .all : .output, promise: nil) }
        }
        if isReadingPaused { _ = context.channel.setOption(.autoRead, value: true) }
    }

    private func waitForNext() {
        switch reading {
        case .betweenRequests: setDeadline(in: limits.idle)
        case .head: setDeadline(in: limits.headDeadline)
        case .body(let pending): setDeadline(in: (pending.startedAt + limits.bodyGrace) - .now())
        case .flow, .discarding, .lingering: break
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        noteRoom()
        context.fireChannelWritabilityChanged()
    }

    private func noteRoom() {
        guard let context else { return }
        let hasRoom = context.channel.isWritable
        if isStreaming { connection?.noteRoom(hasRoom) }
        if !hasRoom {
            setDeadline(in: limits.writeStall)
        } else if outstanding > 0 {
            deadline = nil
        }
    }

    // MARK: - Deadlines

    private func setDeadline(in amount: TimeAmount) {
        let at = NIODeadline.now() + amount
        deadline = at
        if let timer, timer.at <= at { return }
        schedule(at)
    }

    private func schedule(_ at: NIODeadline) {
        guard let context else { return }
        timer?.task.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = (context.eventLoop.scheduleTask(deadline: at) { bound.value.checkDeadline() }, at)
    }

    private func checkDeadline() {
        timer = nil
        guard let deadline else { return }
        guard deadline <= .now() else { return schedule(deadline) }
        switch reading {
        case .body(let pending) where outstanding == 0: refuse(pending.request, .bodyTooSlow)
        case .flow:
            self.deadline = nil
            breakFlow(.bodyTooSlow)
        default: context?.close(promise: nil)
        }
    }
}

extension Problem {
    static func tooLarge(_ limit: Int) -> Problem {
        Problem(413, "too_large", "The body may have at most \(limit) bytes.")
    }
    static let targetTooLong = Problem(414, "target_too_long", "The path and query are too long.")
    static let headersTooLarge = Problem(
        431,
        "headers_too_large",
        "The headers are too many or too long, the path and query counted with them."
    )
}
