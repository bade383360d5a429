import Core
package import Logging
package import Redis
import ServiceLifecycle
import Telemetry

/// Tells every process some news: each reads the topic from its own place.
package struct BroadcastPublisher: Sendable {
    /// How long news are kept.
    package static let kept: Duration = .seconds(3_600)

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let keys: EdgeKeys
    private let process: String

    /// - Parameter process: the service that writes; it must stand at the topic's edge.
    package init(redis: RedisClient, keyspace: Keyspace, keys: EdgeKeys, process: String) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.process = process
    }

    /// Writes one piece of news; `version` comes from PostgreSQL.
    package func publish(_ payload: [UInt8], version: Int64, to topic: String) async throws {
        let stream = keyspace.broadcast(topic)
        let header = EntryHeader(kind: .broadcast, writer: process, keyID: keys.currentID, id: RequestID())
        var content = ByteWriter(capacity: payload.count + 16)
        content.number(version)
        content.block(payload)
        let sealed = try SealedEntry(
            content.bytes,
            header: header,
            edge: .broadcast(topic, from: process),
            stream: stream,
            keys: keys
        )
        let oldest = (Instant.now() - Self.kept).milliseconds
        _ = try await redis.send(
            RedisCommand(["XADD", .text(stream), "MINID", "~", .number(Int(oldest)), "*"] + sealed.fields)
        )
    }
}

/// Hears a topic's news from this process's own place.
///
/// Who loses its place, because Redis has forgotten or it was away for too long, or sees a version missing, reloads the
/// topic whole: one reload at a time, after a random wait so that not everybody asks at once.
package final class BroadcastListener: Service {
    package static let block: Duration = .milliseconds(1_000)
    package static let batchMax = 256
    /// The longest wait before a reload.
    package static let reloadJitter: Duration = .milliseconds(500)
    static let retryWait: Duration = .milliseconds(200)

    /// One piece of news.
    package struct News: Sendable {
        /// The process that wrote it.
        package let writer: String
        package let version: Int64
        package let payload: [UInt8]
    }

    let redis: RedisClient
    private let keyspace: Keyspace
    private let keys: EdgeKeys
    private let topic: String
    private let countsVersions: Bool
    private let logger: Logger
    private let onNews: @Sendable (News) async -> Void
    private let onReload: @Sendable () async throws -> Void

    /// - Parameters:
    ///   - countsVersions: whether a writer's versions rise by one, so that a missing one is a gap.
    ///   - onReload: loads the topic whole; called first of all, and retried when it throws.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        topic: String,
        countsVersions: Bool = false,
        logger: Logger,
        onNews: @escaping @Sendable (News) async -> Void,
        onReload: @escaping @Sendable () async throws -> Void
    ) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.topic = topic
        self.countsVersions = countsVersions
        self.logger = logger
        self.onNews = onNews
        self.onReload = onReload
    }

    var stream: String { keyspace.broadcast(topic) }

    /// Listens until shutdown.
    package func run() async throws {
        let reader = redis.blockingTwin("news-\(topic)")
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await reader.runUntilClosed() }
                await self.listen(with: reader)
                reader.close()
            }
        }
    }

    private func listen(with reader: RedisClient) async {
        var place: BroadcastPlace?
        var jitter = Duration.zero
        while !Task.isCancelled {
            do {
                if let kept = place, try await !isLost(kept) {
                    place = try await hear(kept, with: reader)
                } else {
                    // The place is taken before the topic is loaded, so that nothing falls between.
                    let taken = try await currentPlace()
                    try await Task.sleep(for: jitter * Double.random(in: 0...1))
                    try await onReload()
                    place = taken
                }
                jitter = Self.reloadJitter
            } catch is BroadcastPlace.Gap {
                place = nil
            } catch {
                try? await Task.sleep(for: Self.retryWait)
            }
        }
    }

    private func hear(_ place: BroadcastPlace, with reader: RedisClient) async throws -> BroadcastPlace {
        var place = place
        let read = RedisCommand(
            [
                "XREAD", "COUNT", .number(Self.batchMax), "BLOCK", .number(Int(Self.block.milliseconds)), "STREAMS",
                .text(stream), .text(place.id.description),
            ],
            blocksFor: Self.block
        )
        for entry in try await reader.send(read).readEntries() {
            place.id = entry.id
            guard let news = open(entry) else { continue }
            if countsVersions { try place.see(news.version, of: news.writer) }
            await onNews(news)
        }
        place.heard = .now
        return place
    }

    private func open(_ entry: StreamEntry) -> News? {
        do {
            let sealed = try SealedEntry(entry)
            guard sealed.header.kind == .broadcast else { throw SealedEntry.Failure.forged }
            let content = try sealed.open(
                edge: .broadcast(topic, from: sealed.header.writer),
                stream: stream,
                keys: keys
            )
            var from = ByteReader(content)
            return News(writer: sealed.header.writer, version: try from.number(), payload: try from.block())
        } catch {
            logger.error("news do not open", metadata: .fields([.topic: topic, .entryID: "\(entry.id)"]))
            return nil
        }
    }
}
