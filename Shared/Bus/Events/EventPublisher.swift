package import Contracts
package import Core
package import Logging
import Metrics
package import Redis
import Telemetry

/// Writes a service's events to its topic, and keeps the topic no longer than somebody needs it.
package final class EventPublisher: Sendable {
    /// Publishing pauses at this many entries in a topic: the backlog waits in PostgreSQL.
    package static let entriesMax: Int64 = 100_000
    /// Publishing pauses at this much memory of a topic.
    package static let bytesMax: Int64 = 64 << 20

    /// A consumer is away and the topic is full.
    package struct Paused: Error, Hashable, Sendable {}

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let keys: EdgeKeys
    private let logger: Logger

    package init(redis: RedisClient, keyspace: Keyspace, keys: EdgeKeys, logger: Logger) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.logger = logger
    }

    /// Writes the events in order and gives the ids of their entries.
    ///
    /// Throws `Paused` when the topic is full, else `RedisError`; after `connectionLost(sent: true)` some may stand there.
    package func publish(
        _ events: [EventEnvelope],
        to topic: ServiceName,
        _ part: TopicPart = .events
    ) async throws -> [EntryID] {
        if events.isEmpty { return [] }
        let stream = keyspace.stream(topic, part)
        if try await isFull(stream) { throw Paused() }
        let commands = try events.map { event in
            let header = EntryHeader(
                kind: .event,
                writer: topic.rawValue,
                keyID: keys.currentID,
                id: event.id.retagged(),
                clinic: event.clinicId,
                principal: event.actor
            )
            let entry = try SealedEntry(
                event.encodedContent(),
                header: header,
                edge: part.edge(topic),
                stream: stream,
                keys: keys
            )
            return RedisCommand(["XADD", .text(stream), "*"] + entry.fields)
        }
        let replies = try await redis.pipeline(commands)
        Counter(.eventsPublished, [(.topic, topic.rawValue)]).increment(by: events.count)
        return try replies.map { reply in
            guard let text = try reply.checked().string, let id = EntryID(text) else { throw RedisError.protocol }
            return id
        }
    }

    private func isFull(_ stream: String) async throws(RedisError) -> Bool {
        let replies = try await redis.pipeline([
            ["XLEN", .text(stream)], ["MEMORY", "USAGE", .text(stream), "SAMPLES", 8],
        ])
        let entries = try replies.first?.checked().integer ?? 0
        let bytes = try replies.last?.checked().integer ?? 0
        return entries >= Self.entriesMax || bytes >= Self.bytesMax
    }

    /// Makes the topic and its declared groups where they are missing, from its first entry on.
    ///
    /// Gives the groups that were made.
    @discardableResult
    package func ensureGroups(
        _ topic: ServiceName,
        _ part: TopicPart = .events
    ) async throws(RedisError) -> [String] {
        var made: [String] = []
        for group in part.groups(of: topic)
        where try await redis.makeGroup(group, of: keyspace.stream(topic, part)) {
            made.append(group)
        }
        return made
    }

    /// Drops what every declared group has acknowledged.
    ///
    /// Gives the floor: every entry below it is confirmed. `nil` while the topic or a declared group is missing.
    package func trim(_ topic: ServiceName, _ part: TopicPart = .events) async throws(RedisError) -> EntryID? {
        let groups = part.groups(of: topic).map { RedisArgument.text($0) }
        let reply = try await StreamScripts.trim.run(on: redis, keys: [keyspace.stream(topic, part)], arguments: groups)
        return reply.string.flatMap { EntryID($0) }
    }

    /// Which of the entries are still in the topic.
    package func present(
        _ ids: [EntryID],
        in topic: ServiceName,
        _ part: TopicPart = .events
    ) async throws(RedisError) -> Set<EntryID> {
        let stream = keyspace.stream(topic, part)
        let replies = try await redis.pipeline(
            ids.map { ["XRANGE", .text(stream), .text($0.description), .text($0.description)] }
        )
        var present: Set<EntryID> = []
        for (id, reply) in zip(ids, replies) where try !reply.checked().entries().isEmpty { present.insert(id) }
        return present
    }
}

extension RedisClient {
    /// Makes a group that reads a stream from its first entry on; `false` when it is there already.
    func makeGroup(_ group: String, of stream: String) async throws(RedisError) -> Bool {
        do {
            _ = try await send(["XGROUP", "CREATE", .text(stream), .text(group), "0", "MKSTREAM"])
            return true
        } catch  where error.code == .server("BUSYGROUP") {
            return false
        }
    }
}
