import Core
import FoundationEssentials
import LocalServers
import Logging
import Redis
import TestKit
import Testing

/// The server that all tests share, and own ones for tests that kill or stop theirs.
enum TestRedis {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func own() throws -> LocalRedis {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pc-redis-\(RequestID())").path
        return try LocalRedis(
            folder: folder,
            log: "\(folder).log",
            password: Secret("secret \(RequestID())".filter { $0 != " " })
        )
    }

    static func endpoint(_ url: String) throws -> RedisEndpoint {
        try #require(RedisEndpoint(url: url))
    }

    /// A client that is up, for as long as the body runs.
    @discardableResult
    static func withClient<R: Sendable>(
        of server: LocalRedis? = nil,
        blocking: Bool = false,
        _ body: (RedisClient) async throws -> R
    ) async throws -> R {
        let client = RedisClient(
            try endpoint(server?.url.unredacted ?? TestServers.shared().redisURL),
            name: "test",
            blocking: blocking,
            logger: quiet
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            defer { client.close() }
            try await client.waitUntilUp()
            return try await body(client)
        }
    }
}
