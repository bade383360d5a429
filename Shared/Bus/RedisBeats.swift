package import Redis

/// Redis' copy of how far a service's database has come, by which one that was taken back is noticed.
package struct RedisBeats: Sendable {
    private let redis: RedisClient
    private let keyspace: Keyspace

    package init(redis: RedisClient, keyspace: Keyspace) {
        self.redis = redis
        self.keyspace = keyspace
    }

    /// Waits for the first connection.
    package func waitUntilUp() async throws(RedisError) { try await redis.waitUntilUp() }

    /// The copy; `nil` when Redis has forgotten.
    package func read(_ schema: String) async throws(RedisError) -> String? {
        try await redis.send(["GET", .text(keyspace.beat(schema))]).string
    }

    package func write(_ beat: String, for schema: String) async throws(RedisError) {
        _ = try await redis.send(["SET", .text(keyspace.beat(schema)), .text(beat)])
    }
}
