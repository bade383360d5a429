package import Contracts
package import Core
package import Logging
import Metrics
package import Redis
import ServiceLifecycle
import Synchronization
import Telemetry

/// Takes a topic's events in for one group: acknowledged after the handler has returned, retried after it has thrown.
///
/// Every event may come more than once and in any order; the handler's inbox row makes its effect happen once.
package final class EventConsumer: Service {
    package static let concurrencyDefault = 16
    /// After so many deliveries that failed, or were never finished, an event counts as poison.
    package static let deliveriesMax: Int64 = 5
    /// The wait before the second delivery; doubled with each, half of it left to chance.
    package static let retryFirst: Duration = .milliseconds(200)
    package static let retryLast: Duration = .seconds(10)
    package static let keyWait: Duration = .seconds(1)
    package static let quarantineMax = 1_000

    /// Thrown by a handler for a kind above those it knows: the event is left for a newer replica.
    package struct NotUnderstood: Error, Hashable, Sendable { package init() {} }

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let keys: EdgeKeys
    private let topic: ServiceName
    private let part: TopicPart
    private let group: String
    private let instance: String
    private let concurrency: Int
    private let logger: Logger
    private let poison: @Sendable (EventEnvelope, Int64, String) async throws -> Void
    private let handle: @Sendable (EventEnvelope) async throws -> Void
    private let consumer: Mutex<GroupConsumer?> = Mutex(nil)
    private let missingKeys = MissingKeys()
    private let consumed: Counter
    private let failed: Counter
    private let poisoned: Counter
    private let quarantined: Counter

    /// - Parameters:
    ///   - group: the consuming service's name, as `EventGroups` declares it.
    ///   - poison: stores a poison event where it is listed and replayed from; gets the deliveries and the last error's type.
    ///     The event is acknowledged when it returns.
    ///   - handle: the event's inbox row and effect in one transaction.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        topic: ServiceName,
        part: TopicPart = .events,
        group: String,
        instance: String,
        concurrency: Int = EventConsumer.concurrencyDefault,
        logger: Logger,
        poison:
            @escaping @Sendable (_ event: EventEnvelope, _ deliveries: Int64, _ errorType: String) async throws -> Void,
        handle: @escaping @Sendable (EventEnvelope) async throws -> Void
    ) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.topic = topic
        self.part = part
        self.group = group
        self.instance = instance
        self.concurrency = concurrency
        self.logger = logger
        self.poison = poison
        self.handle = handle
        consumed = Counter(.eventsConsumed, [(.topic, topic.rawValue), (.outcome, "done")])
        failed = Counter(.eventsConsumed, [(.topic, topic.rawValue), (.outcome, "failed")])
        poisoned = Counter(.eventsPoisoned, [(.topic, topic.rawValue)])
        quarantined = Counter(.busQuarantined, [(.stream, "\(part.rawValue):\(topic.rawValue)")])
    }

    private var stream: String { keyspace.stream(topic, part) }

    /// Whether every key seen is known and events are being read.
    package var isReady: Bool { missingKeys.isEmpty && isProgressing }
    /// Whether events are still being read.
    package var isProgressing: Bool { consumer.withLock { $0?.isProgressing ?? false } }

    /// Consumes until shutdown; events at work then are finished first.
    package func run() async throws {
        let consumer = GroupConsumer(
            redis: redis,
            stream: stream,
            group: group,
            consumer: instance,
            concurrency: concurrency,
            logger: logger
        ) { delivery in await self.serve(delivery) }
        self.consumer.withLock { $0 = consumer }
        await consumer.run()
    }

    private func serve(_ delivery: GroupConsumer.Delivery) async -> GroupConsumer.Verdict {
        do {
            let sealed = try SealedEntry(delivery.entry)
            guard sealed.header.kind == .event else { throw SealedEntry.Failure.forged }
            let content = try sealed.open(edge: part.edge(topic), stream: stream, keys: keys)
            missingKeys.found(sealed.header.keyID)
            return await take(try EventEnvelope(content: content, header: sealed.header), delivery)
        } catch let failure as SealedEntry.Failure {
            guard case .unknownKey(let keyID) = failure else { return await quarantine(delivery.entry) }
            if missingKeys.isMissing(keyID) {
                logger.error("entry under an unknown key", metadata: .fields([.keyID: keyID, .stream: stream]))
            }
            return .held(Self.keyWait)
        } catch {
            return await quarantine(delivery.entry)
        }
    }

    private func take(_ event: EventEnvelope, _ delivery: GroupConsumer.Delivery) async -> GroupConsumer.Verdict {
        // Given out often and never finished: whoever had it is gone, perhaps because of it.
        if delivery.count > Self.deliveriesMax { return await bury(event, delivery, "unfinished") }
        do {
            try await handle(event)
            consumed.increment()
            return await acknowledge(delivery.entry.id)
        } catch is NotUnderstood {
            return .notForUs
        } catch is CancellationError {
            return .again(after: Self.retryFirst)
        } catch let failure as any PassingFailure where failure.isPassing {
            // A database that is away is no fault of the event: it waits, however long, and does not count as tried.
            logger.warning("event waits", metadata: .fields([.topic: topic.rawValue, .error: failure.logDescription]))
            return .held(Self.retryLast * Double.random(in: 0.05...0.15))
        } catch {
            failed.increment()
            let type = (error as? any PassingFailure)?.logDescription ?? "\(Swift.type(of: error))"
            logger.warning(
                "event not taken in",
                metadata: .fields([
                    .event: event.name, .eventID: "\(event.id)", .clinicID: "\(event.clinicId)", .topic: topic.rawValue,
                    .attempt: "\(delivery.count)", .errorType: type,
                ])
            )
            if delivery.count >= Self.deliveriesMax { return await bury(event, delivery, type) }
            let wait = min(Self.retryFirst * (1 << (delivery.count - 1)), Self.retryLast)
            return .again(after: wait * Double.random(in: 0.5...1))
        }
    }

    private func bury(
        _ event: EventEnvelope,
        _ delivery: GroupConsumer.Delivery,
        _ errorType: String
    ) async -> GroupConsumer.Verdict {
        do {
            try await poison(event, delivery.count, errorType)
        } catch {
            return .again(after: Self.retryLast)
        }
        poisoned.increment()
        logger.error(
            "event set aside as poison",
            metadata: .fields([
                .event: event.name, .eventID: "\(event.id)", .topic: topic.rawValue, .errorType: errorType,
            ])
        )
        return await acknowledge(delivery.entry.id)
    }

    private func quarantine(_ entry: StreamEntry) async -> GroupConsumer.Verdict {
        if entry.fields.isEmpty { return await acknowledge(entry.id) }
        quarantined.increment()
        logger.error("entry does not open", metadata: .fields([.stream: stream, .entryID: "\(entry.id)"]))
        let keep = RedisCommand(
            [
                "XADD", .text(keyspace.quarantine(topic, part)), "MAXLEN", "~", .number(Self.quarantineMax), "*",
                "entry",
                .text(entry.id.description), "group", .text(group),
            ] + entry.fields.map { .bytes($0) }
        )
        do {
            for reply in try await redis.transaction([keep, acknowledgement(entry.id)]) { _ = try reply.checked() }
            return .settled
        } catch {
            return .again(after: Self.retryFirst)
        }
    }

    private func acknowledgement(_ id: EntryID) -> RedisCommand {
        ["XACK", .text(stream), .text(group), .text(id.description)]
    }

    private func acknowledge(_ id: EntryID) async -> GroupConsumer.Verdict {
        do {
            _ = try await redis.send(acknowledgement(id))
            return .settled
        } catch {
            // Its inbox row makes the second delivery harmless.
            return .again(after: Self.retryFirst)
        }
    }
}
