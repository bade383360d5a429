import Core
import NIOCore

/// A request as it came from a client, whole, or as far as it was read before it was refused or handed on.
struct ClientRequest: Sendable {
    var head: RequestHead
    var route: Route
    var body: ByteBuffer
    /// The other end of the connection, without port.
    var peer: String
    var receivedAt: Instant
    /// Why it was not read on; the connection ends with the reply.
    var refusal: Problem?
    /// Where the body comes from piece by piece, of an operation that takes it so; `body` is empty then.
    var flow: BodyFlow?

    /// The connection ends with the reply.
    var isLast: Bool { refusal != nil || !head.keepsAlive }
}
