package import Core
import FoundationEssentials
package import Logging
package import Redis
import ServiceLifecycle

/// What a live process says of itself.
package struct ProcessReport: Codable, Hashable, Sendable {
    /// `gateway` or a service's name.
    package var process: String
    package var instance: String
    /// The keys it holds: one is promoted when everybody who needs it does.
    package var keyIDs: [String]
    /// Those that it seals, wraps and signs with: one is retired when nobody does.
    ///
    /// `nil` from a process that does not say.
    package var currentKeyIDs: [String]?
    package var startedAt: Instant
    /// The kinds of events that it takes in; `nil` from a process that does not say.
    package var follows: [String]?
    /// The version of policy that a gateway decides with.
    package var policyVersion: Int64?

    package init(
        process: String,
        instance: String,
        keyIDs: [String],
        currentKeyIDs: [String]? = nil,
        follows: [String]? = nil,
        startedAt: Instant = .now()
    ) {
        self.process = process
        self.instance = instance
        self.keyIDs = keyIDs
        self.currentKeyIDs = currentKeyIDs
        self.follows = follows
        self.startedAt = startedAt
    }
}

/// Reports this process, and knows the others.
package final class ProcessRegistry: Service {
    package static let period: Duration = .seconds(3)
    /// A process that has not reported for so long is not alive.
    package static let lives: Duration = .seconds(10)

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let report: ProcessReport
    private let policyVersion: (@Sendable () -> Int64)?
    private let logger: Logger

    /// - Parameter policyVersion: what the process holds of policy, where others want to know.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        report: ProcessReport,
        policyVersion: (@Sendable () -> Int64)? = nil,
        logger: Logger
    ) {
        self.redis = redis
        self.keyspace = keyspace
        self.report = report
        self.policyVersion = policyVersion
        self.logger = logger
    }

    /// Reports until shutdown, then takes the report back.
    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try? await self.reportOnce()
                try await Task.sleep(for: Self.period)
            }
        }
        _ = try? await redis.pipeline([
            ["DEL", .text(keyspace.process(report.instance))],
            ["ZREM", .text(keyspace.processes), .text(report.instance)],
        ])
    }

    package func reportOnce() async throws {
        var report = report
        report.policyVersion = policyVersion?()
        let json = [UInt8](try JSONEncoder().encode(report))
        let lives = Int(Self.lives.milliseconds)
        _ = try await redis.pipeline([
            ["SET", .text(keyspace.process(report.instance)), .bytes(json), "PX", .number(lives)],
            ["ZADD", .text(keyspace.processes), .number(Int(Instant.now().milliseconds)), .text(report.instance)],
            [
                "ZREMRANGEBYSCORE", .text(keyspace.processes), "-inf",
                .number(Int((Instant.now() - Self.lives * 10).milliseconds)),
            ],
        ])
    }

    /// The processes that are alive.
    package static func live(redis: RedisClient, keyspace: Keyspace) async throws(RedisError) -> [ProcessReport] {
        let names = try await redis.send(["ZRANGE", .text(keyspace.processes), "0", "-1"]).array ?? []
        if names.isEmpty { return [] }
        let reports = try await redis.pipeline(
            names.compactMap(\.string).map { ["GET", .text(keyspace.process($0))] }
        )
        return reports.compactMap { reply in
            reply.bytes.flatMap { try? JSONDecoder().decode(ProcessReport.self, from: Data($0)) }
        }
    }
}
