import Core
import Logging

/// Opens connections for one pool.
struct ConnectionFactory: Sendable {
    let configuration: DatabaseConfiguration
    let role: String?
    let pool: String
    let heads: SeriesHeads
    let logger: Logger

    func connect() throws(DatabaseError) -> Connection {
        try Connection(configuration: configuration, role: role, heads: heads)
    }
}

/// A thread's connection through its losses: opened when first needed, again when lost, not too often, and when it has
/// carried so much that its memory is worth more.
final class ReconnectingConnection {
    /// After the first failure to connect, and at most.
    private static let shortestPause: Duration = .milliseconds(50)
    private static let longestPause: Duration = .seconds(2)

    private let factory: ConnectionFactory
    private var connection: Connection?
    private var pause: Duration?
    private var notBefore: ContinuousClock.Instant?

    init(_ factory: ConnectionFactory) { self.factory = factory }

    /// Runs the queued, or refuses it when the server cannot be reached.
    func run(_ queued: QueuedTransaction) {
        if connection?.isUsable != true { connection = nil }
        if connection == nil { connection = open() }
        guard let connection else {
            queued.refuse(.connectionLost)
            return
        }
        queued.run(on: connection)
        if connection.isSwollen { self.connection = nil }
    }

    private func open() -> Connection? {
        if let notBefore, ContinuousClock.now < notBefore { return nil }
        do {
            let connection = try factory.connect()
            if pause != nil {
                factory.logger.notice("database connection is back", metadata: ["lane": "\(factory.pool)"])
            }
            pause = nil
            notBefore = nil
            return connection
        } catch {
            let next = min((pause ?? Self.shortestPause / 2) * 2, Self.longestPause)
            if pause == nil {
                factory.logger.warning("cannot connect to the database", metadata: ["lane": "\(factory.pool)"])
            }
            pause = next
            // Jitter keeps the threads of all processes from coming back in step.
            notBefore = .now + next * Double.random(in: 0.5...1)
            return nil
        }
    }
}
