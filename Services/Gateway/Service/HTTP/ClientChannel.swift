import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// How an accepted connection is read and answered: NIO's HTTP parser, our handler, one task per connection.
struct ClientChannel: ServerChildChannel {
    let limits: HTTPLimits
    let router: Router
    let answer: @Sendable (ClientRequest, ClientConnection) async -> Void

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<ClientConnection> {
        channel.eventLoop.makeCompletedFuture {
            let options = channel.syncOptions
            try options?.setOption(.writeBufferWaterMark, value: .init(low: 1, high: limits.writeBuffer))
            try options?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            var decoderLimits = NIOHTTPDecoderLimitConfiguration()
            // The parser counts path and query as a field and does not say what was too long: single ones are measured once
            // they are read.
            decoderLimits.maxHeaderFieldSize = limits.headerList
            decoderLimits.maxHeaderListSize = limits.headerList
            decoderLimits.maxHeaderFieldCount = limits.headerCount
            let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoderLimits)
            let handler = ConnectionHandler(limits: limits, router: router)
            let connection = ClientConnection(
                channel: channel,
                handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)
            )
            handler.attach(connection)
            try channel.pipeline.syncOperations.addHandlers([ByteToMessageHandler(decoder), handler])
            return connection
        }
    }

    func handle(value connection: ClientConnection, logger: Logger) async {
        while let request = await connection.next() { await answer(request, connection) }
    }
}
