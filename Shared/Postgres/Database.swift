package import Core
package import Logging
import ServiceLifecycle
import Synchronization

/// A service's schema, reached through fixed shares of connections.
///
/// Every connection is a thread of its own; the threads of a lane take transactions from one queue, which is the pool.
/// Connections are opened when they are first needed and opened again when they are lost.
package final class Database: Sendable, Service {
    /// Which share of the connections a transaction takes.
    package enum Lane: Hashable, Sendable, CaseIterable {
        case requests, background, relay
    }

    /// A transaction's body that may share its transaction; it keeps what it returns itself.
    private typealias SharedBody = @Sendable (borrowing Transaction) throws -> Void

    package let schema: SchemaName
    private let lanes: [Lane: ConnectionPool]
    private let doors: [Door: ConnectionPool]
    private let groups = GroupCommit<SharedBody, Void>(groupsAtOnce: 2) { bodies, tx in
        try bodies.map { try $0(tx) }
    }
    private let signals = CommitSignals()
    /// How far the numbered rows of every connection have come.
    package let seriesHeads = SeriesHeads()

    package init(_ configuration: DatabaseConfiguration, logger: Logger) {
        let (heads, signals) = (seriesHeads, signals)
        func pool(_ name: String, _ size: Int, role: String? = nil) -> ConnectionPool {
            ConnectionPool(
                name: name,
                size: size,
                role: role,
                configuration: configuration,
                heads: heads,
                signals: signals,
                logger: logger
            )
        }
        schema = configuration.schema
        lanes = [
            .requests: pool("requests", configuration.requestConnections),
            .background: pool("background", configuration.backgroundConnections),
            .relay: pool("relay", configuration.relayConnections),
        ]
        doors = Dictionary(
            uniqueKeysWithValues: Door.allCases.map { door in
                let role = configuration.schema.role(of: door)
                return (door, pool("door-\(door.rawValue)", configuration.doorConnections, role: role))
            }
        )
    }

    deinit { close() }

    /// Runs `body` in one transaction for a clinic, on a connection's thread, and commits unless it throws.
    ///
    /// The body may run twice: when a migration changed a table under a prepared statement it is rolled back and run
    /// again. Cancelling the task stops a statement that runs at the server; nothing is committed then.
    /// - Throws: `DatabaseError`, or what the body throws.
    package func transaction<R: Sendable>(
        for tenant: Tenant,
        lane: Lane = .requests,
        operation: String = #function,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await pool(lane).perform(for: .changing(tenant), operation, body)
    }

    /// Runs a body that only reads: every flush is a read-only transaction of its own, without BEGIN and COMMIT, so that
    /// one statement is one round trip.
    ///
    /// Each statement sees what was committed when it began, as in any transaction here. Writing fails.
    package func read<R: Sendable>(
        for tenant: Tenant,
        lane: Lane = .requests,
        operation: String = #function,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await pool(lane).perform(for: .reading(tenant), operation, body)
    }

    /// Runs `body` in a transaction that it may share with others of the same tenant, which come at the same time: they
    /// commit together or, if one of them throws, each by itself.
    ///
    /// For short transactions of which there are many at once. The body may run twice; cancelling the task does not stop it.
    /// - Throws: `DatabaseError`, or what the body throws.
    package func together<R: Sendable>(
        for tenant: Tenant,
        lane: Lane = .background,
        operation: String = #function,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        let outcome = Mutex<R?>(nil)
        let shared: SharedBody = { tx in
            let value = try body(tx)
            outcome.withLock { $0 = value }
        }
        try await groups.perform(shared, on: self, for: tenant, lane: lane, operation: operation)
        guard let value = outcome.withLock({ $0 }) else { throw DatabaseError(.cancelled, operation: operation) }
        return value
    }

    /// One statement in a transaction of its own, in one round trip.
    package func one<R: Sendable>(
        for tenant: Tenant,
        lane: Lane = .requests,
        operation: String = #function,
        _ query: Query,
        _ decode: @escaping @Sendable (Rows) throws -> R
    ) async throws -> R {
        try await pool(lane).perform(for: .changing(tenant), operation) { tx in try decode(try tx.last(query)) }
    }

    /// Runs `body` in a transaction that crosses clinics, with a door's role and connections.
    package func through<R: Sendable>(
        _ door: Door,
        operation: String = #function,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        guard let pool = doors[door] else { throw DatabaseError(.connectionLost, operation: operation) }
        return try await pool.perform(for: .door, operation, body)
    }

    /// Signalled after every commit of this process that announced the news.
    package func signal(of news: CommitNews) -> WakeSignal { signals[news] }

    /// Whether the database answers now; for readiness.
    package func ping() async throws {
        try await pool(.background).perform(for: .door, "ping") { tx in _ = try tx.last("select 1") }
    }

    /// Serves until the process is to stop, then finishes what is queued and closes every connection.
    package func run() async throws {
        try? await gracefulShutdown()
        close()
    }

    /// Refuses new transactions, lets the queued ones finish, and closes the connections.
    package func close() {
        for pool in lanes.values { pool.close() }
        for pool in doors.values { pool.close() }
    }

    private func pool(_ lane: Lane) throws(DatabaseError) -> ConnectionPool {
        guard let pool = lanes[lane] else { throw DatabaseError(.poolExhausted) }
        return pool
    }
}
