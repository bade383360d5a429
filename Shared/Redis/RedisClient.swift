package import Logging
package import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A connection to Redis that comes back after it was lost; shared by any number of tasks.
///
/// While it is down a command fails at once with `connectionLost(sent: false)`; one whose reply was lost fails with
/// `connectionLost(sent: true)`. Cancelling a task gives its wait up; on a `blocking` client it closes the connection too,
/// since Redis would hold it until the blocked command answers. Such a client is for one reading task only.
package final class RedisClient: Service {
    /// The waits between attempts to connect: doubled from the first to the last, half of each left to chance.
    package static let backoff: (first: Duration, last: Duration) = (.milliseconds(20), .seconds(2))

    private struct State {
        var connection: RedisConnection?
        var isClosed = false
        /// Counts connections, so that a reader can tell whether it has been away.
        var generation = 0
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var nextWaiter = 0
    }

    package let endpoint: RedisEndpoint
    private let name: String
    private let blocking: Bool
    private let logger: Logger
    private let group: any EventLoopGroup
    private let state = Mutex(State())

    package init(
        _ endpoint: RedisEndpoint,
        name: String,
        blocking: Bool = false,
        logger: Logger,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.endpoint = endpoint
        self.name = name
        self.blocking = blocking
        self.logger = logger
        self.group = group
    }

    /// A client of the same server for one reader's blocking commands.
    package func blockingTwin(_ name: String) -> RedisClient {
        RedisClient(endpoint, name: "\(self.name)-\(name)", blocking: true, logger: logger, group: group)
    }

    package var isUp: Bool { state.withLock { $0.connection != nil } }
    /// The number of connections made so far.
    package var generation: Int { state.withLock { $0.generation } }

    /// Sends one command; a refusal of the server is thrown.
    package func send(_ command: RedisCommand) async throws(RedisError) -> Reply {
        guard let reply = try await pipeline([command]).first else { throw .protocol }
        return try reply.checked()
    }

    /// Sends the commands in one write, in order; each reply may be an error.
    package func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [Reply] {
        guard let connection = state.withLock({ $0.connection }) else { throw .connectionLost(sent: false) }
        return try await connection.send(commands)
    }

    /// Runs the commands as one MULTI … EXEC; each reply may be an error.
    package func transaction(_ commands: [RedisCommand]) async throws(RedisError) -> [Reply] {
        let replies = try await pipeline([["MULTI"]] + commands + [["EXEC"]])
        for reply in replies.dropLast() { _ = try reply.checked() }
        guard let results = try replies.last?.checked().array else { throw .protocol }
        return results
    }

    /// Waits until there is a connection; throws `cancelled` when the task or the client ends first.
    package func waitUntilUp() async throws(RedisError) {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let isUp = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.connection != nil { return true }
                    if state.isClosed || Task.isCancelled { return false }
                    state.waiting[id] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: false)
        }
        guard isUp else { throw .cancelled }
    }

    /// Connects and reconnects until the task is cancelled, the service group shuts down, or `close` is called.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await self.keepConnected()
        } onCancelOrGracefulShutdown: {
            self.close()
        }
    }

    /// Like `run`, but a graceful shutdown does not end it: its owner closes it once the last entry is read.
    package func runUntilClosed() async {
        await withTaskCancellationHandler {
            await self.keepConnected()
        } onCancel: {
            self.close()
        }
    }

    /// Ends the client for good; what is in flight fails.
    package func close() {
        let (connection, waiting) = state.withLock { state in
            state.isClosed = true
            defer {
                state.connection = nil
                state.waiting = [:]
            }
            return (state.connection, state.waiting.values)
        }
        connection?.close()
        for waiter in waiting { waiter.resume(returning: false) }
    }

    private func keepConnected() async {
        var wait = Self.backoff.first
        var isOutageLogged = false
        while !state.withLock({ $0.isClosed }) {
            do {
                let connection = try await RedisConnection.connect(
                    endpoint,
                    name: name,
                    closesOnCancel: blocking,
                    group: group
                )
                wait = Self.backoff.first
                if isOutageLogged { logger.notice("redis is back", metadata: ["connection": "\(name)"]) }
                isOutageLogged = false
                await serve(connection)
            } catch {
                if !isOutageLogged {
                    logger.warning(
                        "redis cannot be reached",
                        metadata: ["connection": "\(name)", "error_type": "\(type(of: error))"]
                    )
                }
                isOutageLogged = true
            }
            try? await Task.sleep(for: wait * Double.random(in: 0.5...1))
            wait = min(wait * 2, Self.backoff.last)
        }
    }

    private func serve(_ connection: RedisConnection) async {
        let waiting: [CheckedContinuation<Bool, Never>]? = state.withLock { state in
            if state.isClosed { return nil }
            state.connection = connection
            state.generation += 1
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        guard let waiting else { return connection.close() }
        for waiter in waiting { waiter.resume(returning: true) }
        await connection.closed()
        state.withLock { $0.connection = nil }
    }
}
