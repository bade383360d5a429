import NIOCore
import NIOPosix
import Synchronization
import TestKit

/// TCP connections on which a test says exactly what it wants to, however wrong.
enum RawConnection {
    /// Connects, runs the body and closes.
    static func open<R: Sendable>(
        _ port: Int,
        _ body: @Sendable (inout RawConversation) async throws -> R
    ) async throws -> R {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // A small window, so that a reader who stops is noticed soon.
            .channelOption(.socketOption(.so_rcvbuf), value: 16_384)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(
                            backPressureStrategy: .init(lowWatermark: 1, highWatermark: 1),
                            isOutboundHalfClosureEnabled: true
                        )
                    )
                }
            }
        let result = Mutex<R?>(nil)
        do {
            try await channel.executeThenClose { inbound, outbound in
                var conversation = RawConversation(inbound: inbound.makeAsyncIterator(), outbound: outbound)
                let heard = try await body(&conversation)
                result.withLock { $0 = heard }
            }
        } catch {
            // The other side may have closed first, with or without having read everything: what was heard counts.
            if let heard = result.withLock({ $0 }) { return heard }
            throw error
        }
        guard let heard = result.withLock({ $0 }) else { throw TestKitError("the body gave nothing") }
        return heard
    }
}

/// One side of a raw connection.
struct RawConversation {
    var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private(set) var received: [UInt8] = []

    init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    var text: String { String(decoding: received, as: UTF8.self) }

    func say(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }
    func finish() { outbound.finish() }

    /// Reads on until the text holds what is waited for; false once the other side has closed.
    mutating func hear(_ wanted: String) async throws -> Bool {
        while !text.contains(wanted) {
            guard try await hearMore() else { return false }
        }
        return true
    }

    /// Reads until the other side closes, in whatever way, and gives everything.
    mutating func hearAll() async -> String {
        while (try? await hearMore()) == true {}
        return text
    }

    /// Takes one piece in; false at the end.
    mutating func hearMore() async throws -> Bool {
        guard let piece = try await inbound.next(isolation: #isolation) else { return false }
        received += piece.readableBytesView
        return true
    }
}
