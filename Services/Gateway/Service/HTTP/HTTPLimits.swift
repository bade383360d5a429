package import NIOCore

/// What a client may send and how long it may take.
package struct HTTPLimits: Sendable {
    /// Bytes of one header's name and value.
    package var headerField = 8 * 1_024
    /// Bytes of all headers together, path and query included.
    package var headerList = 32 * 1_024
    package var headerCount = 100
    /// Bytes of path and query.
    package var target = 8 * 1_024
    /// Bytes of a body, unless the operation takes fewer or more.
    package var body = 1 << 20
    /// From the first byte of a request to the end of its head.
    package var headDeadline: TimeAmount = .seconds(10)
    /// From the end of the head, plus what `bodyRate` gives.
    package var bodyGrace: TimeAmount = .seconds(10)
    /// Bytes per second a body must keep up on average.
    package var bodyRate = 4 * 1_024
    /// The same for a body that is passed on before anybody knows whose it is: providers send from machines as good as ours.
    package var unprovedRate = 32 * 1_024
    /// In which such a body must be whole, however long it is.
    package var unprovedTime: TimeAmount = .seconds(180)
    /// Between requests.
    package var idle: TimeAmount = .seconds(75)
    /// For a request that may be on its way when the gateway stops.
    package var farewell: TimeAmount = .seconds(1)
    /// A reply that the client does not read at all.
    package var writeStall: TimeAmount = .seconds(30)
    /// After a reply that ends the connection, and after each piece the client still sends, for it to read the reply
    /// before the socket goes.
    package var lingering: TimeAmount = .seconds(2)
    /// The same in all, however much is still being sent.
    package var lingeringInAll: TimeAmount = .seconds(30)
    /// Requests of one connection taken in before the first is answered.
    package var pipelined = 8
    /// Bytes of a reply waiting for the client before it counts as slow.
    package var writeBuffer = 64 * 1_024
    /// Connections at once; more wait in the system's queue.
    package var connections = 10_000

    package init() {}
}
