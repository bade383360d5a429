import Core
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// A mail server that delivers to the sandbox's inbox alone.
struct SMTPServer: Service {
    static let name = "smtp"
    /// A conversation that says nothing for so long is ended.
    static let patience: Duration = .seconds(300)

    typealias Conversation = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    let host: String
    let port: Int
    let user: String?
    let password: Secret?
    let offersSMTPUTF8: Bool
    let messages: MessageStore
    let faults: Faults
    let log: Logger
    let onListening: @Sendable (Int) async -> Void

    func run() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Conversation(wrappingChannelSynchronously: channel) }
            }
        await onListening(server.channel.localAddress?.port ?? 0)
        await withTaskCancellationOrGracefulShutdownHandler {
            try? await server.executeThenClose { conversations in
                await withDiscardingTaskGroup { group in
                    do {
                        for try await conversation in conversations {
                            group.addTask { await serve(conversation) }
                        }
                    } catch {
                        log.warning("the mail server stopped", metadata: ["error_type": "\(type(of: error))"])
                    }
                    group.cancelAll()
                }
            }
        } onCancelOrGracefulShutdown: {
            server.channel.close(promise: nil)
        }
    }

    private func serve(_ conversation: Conversation) async {
        // A client that goes away in the middle is no matter of ours.
        try? await conversation.executeThenClose { inbound, outbound in
            try await converse(inbound, outbound)
        }
    }

    private func converse(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws {
        if faults[Self.name]?.kind == .down, faults.next(Self.name)?.kind == .down {
            return try await outbound.write(ByteBuffer(string: "421 4.3.2 Service not available\r\n"))
        }
        var talk = SMTPTalk(server: self)
        try await outbound.write(ByteBuffer(string: SMTPSession.greeting + "\r\n"))
        for try await buffer in inbound {
            let isOver = await talk.take(buffer.readableBytesView)
            if !talk.replies.isEmpty {
                try await outbound.write(ByteBuffer(string: talk.replies))
                talk.replies = ""
            }
            if isOver { return }
        }
    }

    func accepts(_ user: String, _ password: String) -> Bool {
        guard let wanted = self.user else {
            return !user.isEmpty && SandboxCredential.isAccepted(password) && SandboxCredential.isAccepted(user)
        }
        return user == wanted && password == self.password?.unredacted
    }

    func deliver(_ envelope: SMTPSession.Envelope, _ data: [UInt8]) -> String {
        let mail = MailParser(data)
        let id = RandomText.make(12).uppercased()
        messages.add(
            ReceivedMessage(
                id: id,
                provider: Self.name,
                channel: "email",
                at: .now(),
                from: envelope.from,
                to: envelope.to,
                subject: mail.header("Subject"),
                text: mail.text,
                html: mail.html,
                reference: mail.header("Message-ID"),
                headers: mail.headers,
                bytes: data.count,
                files: mail.files
            )
        )
        return id
    }
}

/// One conversation's bytes: lines out of chunks, faults, replies gathered for one write.
struct SMTPTalk {
    private let server: SMTPServer
    private var session: SMTPSession
    private var pending: [UInt8] = []
    private var fault: Fault?
    var replies = ""

    init(server: SMTPServer) {
        self.server = server
        session = SMTPSession(requiresLogin: server.user != nil, offersSMTPUTF8: server.offersSMTPUTF8) {
            server.accepts($0, $1)
        }
    }

    /// Takes a chunk; `true` when the conversation is over.
    mutating func take(_ bytes: some Collection<UInt8>) async -> Bool {
        pending += bytes
        var start = 0
        defer { pending.removeFirst(min(start, pending.count)) }
        while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
            var line = pending[start..<end]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            let answer = session.take(line)
            start = end + 1
            if await act(on: answer) { return true }
        }
        guard pending.count - start > SMTPSession.lineBytesMax, !session.isInData else { return false }
        replies += SMTPSession.tooLong + "\r\n"
        return true
    }

    private mutating func act(on answer: SMTPSession.Answer) async -> Bool {
        switch answer {
        case .none: return false
        case .reply(let text): replies += text + "\r\n"
        case .close(let text):
            replies += text + "\r\n"
            return true
        case .begin(let text): return begin(text)
        case .message(let envelope, let data): return await end(envelope, data)
        }
        return false
    }

    private mutating func begin(_ text: String) -> Bool {
        fault = server.faults.next(SMTPServer.name)
        switch fault?.kind {
        case .down:
            replies += "421 4.3.2 Service not available\r\n"
            return true
        case .failing:
            _ = session.take(Array("RSET".utf8)[...])
            replies += "451 4.3.0 Requested action aborted: local error in processing\r\n"
        case .throttled:
            _ = session.take(Array("RSET".utf8)[...])
            replies += "450 4.7.1 Too many messages, try again in 1 second\r\n"
        case .slow, .reset, .lostReply, .stall, nil: replies += text + "\r\n"
        }
        return false
    }

    private mutating func end(_ envelope: SMTPSession.Envelope, _ data: [UInt8]) async -> Bool {
        switch fault?.kind {
        case .reset: return true
        case .lostReply:
            _ = server.deliver(envelope, data)
            return true
        case .stall:
            _ = server.deliver(envelope, data)
            try? await Task.sleep(for: Fault.stall)
            return true
        case .slow: try? await Task.sleep(for: fault?.delay ?? .zero)
        case .down, .failing, .throttled, nil: break
        }
        fault = nil
        replies += "250 2.0.0 Ok: queued as \(server.deliver(envelope, data))\r\n"
        return false
    }
}
