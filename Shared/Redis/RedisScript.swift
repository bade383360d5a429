import Synchronization

/// A Lua script that is sent by its hash, and whole only to a server that does not know it yet.
package struct RedisScript: Sendable {
    private let source: StaticString

    package init(_ source: StaticString) { self.source = source }

    /// Runs the script with its keys and arguments.
    package func run(
        on redis: RedisClient,
        keys: [String],
        arguments: [RedisArgument] = []
    ) async throws(RedisError) -> Reply {
        let tail: [RedisArgument] = [.number(keys.count)] + keys.map { .text($0) } + arguments
        if let hash = Self.hashes.withLock({ $0[source.description] }) {
            do {
                return try await redis.send(RedisCommand(["EVALSHA", .text(hash)] + tail))
            } catch  where error.code == .server("NOSCRIPT") {
                // A restarted server has forgotten it; it is loaded again below.
            }
        }
        guard let hash = try await redis.send(["SCRIPT", "LOAD", .text(source.description)]).string else {
            throw .protocol
        }
        Self.hashes.withLock { $0[source.description] = hash }
        return try await redis.send(RedisCommand(["EVALSHA", .text(hash)] + tail))
    }

    /// Hashes that a server has given, by source; as many as there are scripts in the program.
    private static let hashes = Mutex<[String: String]>([:])
}
