import Core
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One connection that many tasks share; dies once and is then replaced by `RedisClient`.
final class RedisConnection: Sendable {
    /// The longest reply that is read.
    static let replyBytesMax = 64 << 20
    /// What may wait to be written.
    static let queuedBytesMax = 64 << 20
    /// Replies that may be awaited at once.
    static let queuedRepliesMax = 200_000
    static let connectTimeout: TimeAmount = .seconds(3)
    static let watchdogPeriod: TimeAmount = .seconds(1)
    /// How long an answer may take beyond a command's own blocking time before the connection counts as dead.
    static let replyPatience: TimeAmount = .seconds(5)
    static let idleBeforePing: TimeAmount = .seconds(5)

    private let channel: any Channel
    private let mailbox: RedisMailbox
    private let handler: NIOLoopBound<RedisHandler>
    private let ids = Atomic<UInt64>(1)

    private init(channel: any Channel, mailbox: RedisMailbox, handler: NIOLoopBound<RedisHandler>) {
        self.channel = channel
        self.mailbox = mailbox
        self.handler = handler
    }

    /// Connects, enters (TLS, AUTH, SELECT) and gives the connection its name.
    static func connect(
        _ endpoint: RedisEndpoint,
        name: String,
        closesOnCancel: Bool,
        group: any EventLoopGroup
    ) async throws -> RedisConnection {
        let tls = try endpoint.usesTLS ? tlsContext(endpoint) : nil
        let connection = try await ClientBootstrap(group: group)
            .connectTimeout(connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .connect(host: endpoint.host, port: endpoint.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let reader = ReplyReader(bytesMax: replyBytesMax) else { throw RedisError.protocol }
                    let mailbox = RedisMailbox()
                    let handler = RedisHandler(mailbox: mailbox, reader: reader, closesOnCancel: closesOnCancel)
                    if let tls {
                        let host = endpoint.host.isIPAddress ? nil : endpoint.host
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: host)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return RedisConnection(
                        channel: channel,
                        mailbox: mailbox,
                        handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)
                    )
                }
            }
        do {
            try await connection.enter(endpoint, name: name)
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    private static func tlsContext(_ endpoint: RedisEndpoint) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let file = endpoint.trustRoots { configuration.trustRoots = .file(file) }
        return try NIOSSLContext(configuration: configuration)
    }

    private func enter(_ endpoint: RedisEndpoint, name: String) async throws(RedisError) {
        var commands: [RedisCommand] = []
        if let password = endpoint.password {
            let user = endpoint.user.map { [RedisArgument.text($0)] } ?? []
            commands.append(RedisCommand(["AUTH"] + user + [.text(password.unredacted)]))
        }
        if endpoint.database != 0 { commands.append(["SELECT", .number(endpoint.database)]) }
        commands.append(["CLIENT", "SETNAME", .text(name)])
        for reply in try await send(commands) { _ = try reply.checked() }
    }

    /// Writes the commands together; their replies in order.
    func send(_ commands: [RedisCommand]) async throws(RedisError) -> [Reply] {
        if commands.isEmpty { return [] }
        var bytes = channel.allocator.buffer(capacity: 256)
        var blocking = Duration.zero
        for command in commands {
            command.encode(into: &bytes)
            blocking += command.blocksFor
        }
        let encoded = bytes
        let patience = NIODeadline.now() + Self.replyPatience + .microseconds(blocking.microseconds)
        let id = ids.wrappingAdd(1, ordering: .relaxed).oldValue
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let batch = RedisBatch(
                    id: id,
                    bytes: encoded,
                    replies: commands.count,
                    patience: patience,
                    continuation: continuation
                )
                switch mailbox.put(batch) {
                case .scheduled: schedule()
                case .joined: break
                case .closed: continuation.resume(returning: .failure(.connectionLost(sent: false)))
                case .full: continuation.resume(returning: .failure(.overloaded))
                }
                // Cancelled before the batch was there: the handler below found nothing to cancel.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
        return try result.get()
    }

    private func cancel(_ id: UInt64) { if mailbox.cancel(id) == .scheduled { schedule() } }
    private func schedule() { channel.eventLoop.execute { self.handler.value.turn() } }

    func close() { channel.close(promise: nil) }

    /// Waits until the connection is gone, whoever ended it.
    func closed() async { try? await channel.closeFuture.get() }
}

extension String {
    /// TLS has no server names that are addresses.
    fileprivate var isIPAddress: Bool { (try? SocketAddress(ipAddress: self, port: 0)) != nil }
}
