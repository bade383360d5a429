package import Redis

/// What tells a Redis that remembers from one that was wiped, restored or replaced.
package struct RedisEpochs: Sendable {
    private let redis: RedisClient
    private let keyspace: Keyspace

    package init(redis: RedisClient, keyspace: Keyspace) {
        self.redis = redis
        self.keyspace = keyspace
    }

    /// The epoch that this Redis has of a schema; `nil` when it has forgotten.
    package func read(_ schema: String) async throws(RedisError) -> String? {
        try await redis.send(["GET", .text(keyspace.epoch(schema))]).string
    }

    /// Writes the epoch, last of all when a topic has been made anew.
    package func write(_ epoch: String, for schema: String) async throws(RedisError) {
        _ = try await redis.send(["SET", .text(keyspace.epoch(schema)), .text(epoch)])
    }

    /// The random id of the server's process: another one after every restart.
    package func runID() async throws(RedisError) -> String {
        guard let info = try await redis.send(["INFO", "server"]).string else { throw .protocol }
        for line in info.split(whereSeparator: \.isNewline) where line.hasPrefix("run_id:") {
            return String(line.dropFirst("run_id:".count))
        }
        throw .protocol
    }
}
