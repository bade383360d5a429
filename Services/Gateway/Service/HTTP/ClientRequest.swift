import Core
import NIOCore

/// A request as it came from a client, whole, or as far as it was read before it was refused.
struct ClientRequest: Sendable {
    var head: RequestHead
    var route: Route
    var body: ByteBuffer
    /// The other end of the connection, without port.
    var peer: String
    var receivedAt: Instant
    /// Why it was not read on; the connection ends with the reply.
    var refusal: Problem?

    /// The connection ends with the reply.
    var isLast: Bool { refusal != nil || !head.keepsAlive }
}
