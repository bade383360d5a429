package import Contracts
package import Core
package import Logging
import Metrics
package import Redis
import Resilience
import ServiceLifecycle
import Synchronization
import Telemetry

/// Takes a topic's events in for one group: acknowledged after the handler has returned, retried after it has thrown.
///
/// Every event may come more than once and in any order; the handler's inbox row makes its effect happen once. Events that
/// came together are offered together, so that one transaction can take many in; when that fails each is offered alone.
package final class EventConsumer: Service {
    /// Calls of the handler at once.
    package static let concurrencyDefault = 2
    /// Events offered in one call at most.
    package static let togetherMax = GroupConsumer.batchMax
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
    private let together: Int
    private let logger: Logger
    private let poison: @Sendable (EventEnvelope, Int64, String) async throws -> Void
    private let handle: @Sendable ([EventEnvelope]) async throws -> Void
    private let consumer: Mutex<GroupConsumer?> = Mutex(nil)
    private let missingKeys = MissingKeys()
    private let outage = Outage<TopicPart>()
    private let consumed: Counter
    private let failed: Counter
    private let poisoned: Counter
    private let quarantined: Counter

    /// - Parameters:
    ///   - group: the consuming service's name, as `EventGroups` declares it.
    ///   - poison: stores a poison event where it is listed and replayed from; gets the deliveries and the last error's type.
    ///     The event is acknowledged when it returns.
    ///   - handle: takes the events in, each with its inbox row and effect in one transaction; throws if one of them was
    ///     not. Those that were are passed over when they are offered again.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        topic: ServiceName,
        part: TopicPart = .events,
        group: String,
        instance: String,
        concurrency: Int = EventConsumer.concurrencyDefault,
        together: Int = EventConsumer.togetherMax,
        logger: Logger,
        poison:
            @escaping @Sendable (_ event: EventEnvelope, _ deliveries: Int64, _ errorType: String) async throws -> Void,
        handle: @escaping @Sendable ([EventEnvelope]) async throws -> Void
    ) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.topic = topic
        self.part = part
        self.group = group
        self.instance = instance
        self.concurrency = concurrency
        self.together = together
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
            together: together,
            logger: logger
        ) { deliveries in await self.serve(deliveries) }
        self.consumer.withLock { $0 = consumer }
        await consumer.run()
    }

    /// An entry that was opened, or what becomes of one that was not.
    private enum Opened {
        case event(EventEnvelope, GroupConsumer.Delivery)
        case verdict(GroupConsumer.Verdict)
    }

    private func serve(_ deliveries: [GroupConsumer.Delivery]) async -> [GroupConsumer.Verdict] {
        var opened: [Opened] = []
        for delivery in deliveries { opened.append(await open(delivery)) }
        let events = opened.compactMap { if case .event(let event, _) = $0 { event } else { nil } }
        // What fails together is offered one by one: only then it is known which of them it was.
        let shared = events.count > 1 ? await takeTogether(events) : nil
        if case .settled = shared {
            let isAcknowledged = await acknowledge(deliveries, where: opened)
            return opened.map {
                if case .verdict(let verdict) = $0 { return verdict }
                return isAcknowledged ? .settled : .again(after: Self.retryFirst)
            }
        }
        var verdicts: [GroupConsumer.Verdict] = []
        for entry in opened {
            switch entry {
            case .verdict(let verdict): verdicts.append(verdict)
            case .event(let event, let delivery):
                if let shared { verdicts.append(shared) } else { verdicts.append(await take(event, delivery)) }
            }
        }
        return verdicts
    }

    private func open(_ delivery: GroupConsumer.Delivery) async -> Opened {
        do {
            let sealed = try SealedEntry(delivery.entry)
            guard sealed.header.kind == .event else { throw SealedEntry.Failure.forged }
            let content = try sealed.open(edge: part.edge(topic), stream: stream, keys: keys)
            missingKeys.found(sealed.header.keyID)
            return .event(try EventEnvelope(content: content, header: sealed.header), delivery)
        } catch let failure as SealedEntry.Failure {
            guard case .unknownKey(let keyID) = failure else { return .verdict(await quarantine(delivery.entry)) }
            if missingKeys.isMissing(keyID) {
                logger.error("entry under an unknown key", metadata: .fields([.keyID: keyID, .stream: stream]))
            }
            return .verdict(.held(Self.keyWait))
        } catch {
            return .verdict(await quarantine(delivery.entry))
        }
    }

    /// Settled when all were taken in, held when none could be; `nil` when each must be offered alone.
    private func takeTogether(_ events: [EventEnvelope]) async -> GroupConsumer.Verdict? {
        do {
            try await handle(events)
            goesOn()
            consumed.increment(by: events.count)
            return .settled
        } catch let failure as any TransientFailure where failure.isTransient {
            return waits(failure)
        } catch {
            return nil
        }
    }

    /// A database that is away is no fault of the event: it waits, however long, and does not count as tried.
    private func waits(_ failure: any TransientFailure) -> GroupConsumer.Verdict {
        // Said once, however many wait and however often they are offered.
        if outage.failed(part) {
            logger.warning("events wait", metadata: .fields([.topic: topic.rawValue, .error: failure.logDescription]))
        }
        return .held(Self.retryLast * Double.random(in: 0.05...0.15))
    }

    private func goesOn() {
        if outage.worked(part) {
            logger.notice("events are taken in again", metadata: .fields([.topic: topic.rawValue]))
        }
    }

    private func take(_ event: EventEnvelope, _ delivery: GroupConsumer.Delivery) async -> GroupConsumer.Verdict {
        // Given out often and never finished: whoever had it is gone, perhaps because of it.
        if delivery.count > Self.deliveriesMax { return await bury(event, delivery, "unfinished") }
        do {
            try await handle([event])
            goesOn()
            consumed.increment()
            return await acknowledge(delivery.entry.id)
        } catch is NotUnderstood {
            return .notForUs
        } catch is CancellationError {
            return .again(after: Self.retryFirst)
        } catch let failure as any TransientFailure where failure.isTransient {
            return waits(failure)
        } catch {
            failed.increment()
            let type = (error as? any TransientFailure)?.logDescription ?? "\(Swift.type(of: error))"
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
            for reply in try await redis.transaction([keep, acknowledgement([entry.id])]) { _ = try reply.checked() }
            return .settled
        } catch {
            return .again(after: Self.retryFirst)
        }
    }

    private func acknowledgement(_ ids: [EntryID]) -> RedisCommand {
        RedisCommand(["XACK", .text(stream), .text(group)] + ids.map { .text($0.description) })
    }

    private func acknowledge(_ id: EntryID) async -> GroupConsumer.Verdict {
        // Its inbox row makes the second delivery harmless.
        (try? await redis.send(acknowledgement([id]))) == nil ? .again(after: Self.retryFirst) : .settled
    }

    /// Acknowledges all that were events; `false` when they will be offered again.
    private func acknowledge(_ deliveries: [GroupConsumer.Delivery], where opened: [Opened]) async -> Bool {
        let ids = zip(deliveries, opened).compactMap { if case .event = $1 { $0.entry.id } else { nil } }
        return (try? await redis.send(acknowledgement(ids))) != nil
    }
}
