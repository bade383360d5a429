package import Core
package import Logging
import Metrics
package import Redis
import ServiceLifecycle
import Synchronization
import Telemetry

/// Takes a service's requests off the bus, has them handled, and sends the replies.
///
/// A request is acknowledged together with its reply; what a crashed process had taken is claimed by its peers. Clinics share the
/// slots: however many slow requests one has, the others find slots (`ClinicShares`).
package final class RequestServer: Service {
    package static let concurrencyDefault = 64
    /// What a waiting request counts for beside its content, in bytes, generously.
    package static let waitingFrame = 16 << 10
    /// Bytes of requests that wait for a slot, of a clinic that is alone: as many small ones as a gateway has on their way.
    package static let waitingRoomDefault = RequestClient.inFlightMax * waitingFrame
    /// Requests read at once: the longest there are must fit into one reply of Redis together.
    package static let readAtOnceMax = 12
    /// What a request that was left pending waits before it is offered again.
    package static let leftFor: Duration = .seconds(1)
    /// How long an entry under an unknown key waits before it is tried again.
    package static let keyWait: Duration = .seconds(1)
    /// Entries kept in the quarantine.
    package static let quarantineMax = 1_000

    package enum Answer: Sendable {
        case reply(BusReply)
        /// Neither run nor answered now: the entry stays pending and is offered again.
        case leavePending
    }

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let keys: EdgeKeys
    private let clock: RedisClock
    private let service: ServiceName
    private let logger: Logger
    private let handle: @Sendable (BusRequest, Bool) async -> Answer
    private let consumer: Mutex<GroupConsumer?> = Mutex(nil)
    private let missingKeys = MissingKeys()
    private let turns: ClinicTurns
    private let expired: Counter
    private let refused: Counter
    private let quarantined: Counter
    private let instance: String
    private let concurrency: Int
    private let prepare: @Sendable () async -> Void

    /// - Parameters:
    ///   - instance: unique to this process's life; names its consumer.
    ///   - concurrency: requests at work at once of a clinic that is alone; of all together twice as many.
    ///   - waitingRoom: bytes of requests that wait, each with its frame, of a clinic that is alone; past it they are refused
    ///     with 503.
    ///   - prepare: returns when requests may be taken on; until then they are left to its peers.
    ///   - handle: gets the request and whether it may have been started before.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        clock: RedisClock,
        service: ServiceName,
        instance: String,
        concurrency: Int = RequestServer.concurrencyDefault,
        waitingRoom: Int = RequestServer.waitingRoomDefault,
        logger: Logger,
        prepare: @escaping @Sendable () async -> Void = {},
        handle: @escaping @Sendable (_ request: BusRequest, _ redelivered: Bool) async -> Answer
    ) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.clock = clock
        self.service = service
        self.instance = instance
        self.concurrency = concurrency
        self.prepare = prepare
        self.logger = logger
        self.handle = handle
        turns = ClinicTurns(slots: concurrency, room: waitingRoom)
        refused = Counter(.busRefused, [(.service, service.rawValue)])
        expired = Counter(.busExpired, [(.service, service.rawValue)])
        quarantined = Counter(.busQuarantined, [(.stream, "requests:\(service.rawValue)")])
    }

    private var stream: String { keyspace.requests(service) }

    /// Whether requests can be taken on: every key seen is known and the clock agrees with Redis'.
    package var isReady: Bool { missingKeys.isEmpty && clock.isTrusted && isProgressing }
    /// Whether requests are still being read.
    package var isProgressing: Bool { consumer.withLock { $0?.isProgressing ?? false } }

    /// Serves until shutdown; requests at work then are answered first.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.prepare() }
        let consumer = GroupConsumer(
            redis: redis,
            stream: stream,
            group: service.rawValue,
            consumer: instance,
            concurrency: concurrency,
            readsOn: true,
            most: Self.readAtOnceMax,
            logger: logger
        ) { deliveries in
            var verdicts: [GroupConsumer.Verdict] = []
            for delivery in deliveries { verdicts.append(await self.serve(delivery)) }
            return verdicts
        }
        self.consumer.withLock { $0 = consumer }
        await consumer.run()
    }

    private func serve(_ delivery: GroupConsumer.Delivery) async -> GroupConsumer.Verdict {
        let id = delivery.entry.id
        do {
            let sealed = try SealedEntry(delivery.entry)
            let header = sealed.header
            guard header.kind == .request else { throw SealedEntry.Failure.forged }
            if header.deadline <= clock.now() { return await drop(id) }
            let content = try sealed.open(
                edge: .requests(from: header.writer, to: service),
                stream: stream,
                keys: keys
            )
            missingKeys.found(header.keyID)
            let deadline = Deadline(at: header.deadline - clock.offset)
            let request = try BusRequest(content: content, header: header, deadline: deadline)
            // What was begun before had its turn then; there is little of it, and others may wait behind it.
            let takesTurn = !delivery.isRedelivered
            if takesTurn {
                guard await turns.enter(header.clinic, bytes: content.count + Self.waitingFrame) else {
                    return await refuse(delivery.entry.id, header)
                }
            }
            defer { if takesTurn { turns.leave(header.clinic) } }
            // It may have waited for its turn for longer than anybody waits for its reply.
            if header.deadline <= clock.now() { return await drop(id) }
            switch await handle(request, delivery.isRedelivered) {
            case .leavePending: return .again(after: Self.leftFor)
            case .reply(let reply): return await finish(id, header, reply)
            }
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

    /// Nobody waits for the reply any more.
    private func drop(_ id: EntryID) async -> GroupConsumer.Verdict {
        expired.increment()
        return await settle(id)
    }

    /// Too much of the clinic's is waiting: the caller is told to come back, at once.
    private func refuse(_ id: EntryID, _ header: EntryHeader) async -> GroupConsumer.Verdict {
        refused.increment()
        return await finish(id, header, Problem.unavailable("The service").reply(to: header.id))
    }

    /// Reply, acknowledgement and deletion are one transaction.
    private func finish(_ id: EntryID, _ request: EntryHeader, _ reply: BusReply) async -> GroupConsumer.Verdict {
        let replies = keyspace.replies(service, process: request.writer, instance: request.instance)
        let header = EntryHeader(
            kind: .reply,
            writer: service.rawValue,
            instance: instance,
            keyID: keys.currentID,
            id: request.id,
            clinic: request.clinic,
            principal: request.principal,
            deadline: request.deadline,
            traceparent: request.traceparent
        )
        do {
            let sealed = try SealedEntry(
                reply.encoded(),
                header: header,
                edge: .replies(from: service, to: request.writer),
                stream: replies,
                keys: keys
            )
            // Without NOMKSTREAM a reply would make a stream for a process that is gone.
            return await settle(
                id,
                with: [RedisCommand(["XADD", .text(replies), "NOMKSTREAM", "*"] + sealed.fields)]
            )
        } catch {
            logger.error("reply cannot be sealed", metadata: .fields([.stream: replies]))
            return await settle(id)
        }
    }

    private func quarantine(_ entry: StreamEntry) async -> GroupConsumer.Verdict {
        // Deleted while it was pending: there is nothing to keep.
        if entry.fields.isEmpty { return await settle(entry.id) }
        quarantined.increment()
        logger.error("entry does not open", metadata: .fields([.stream: stream, .entryID: "\(entry.id)"]))
        let keep = RedisCommand(
            [
                "XADD", .text(keyspace.requestQuarantine(service)), "MAXLEN", "~", .number(Self.quarantineMax), "*",
                "entry", .text(entry.id.description),
            ] + entry.fields.map { .bytes($0) }
        )
        return await settle(entry.id, with: [keep])
    }

    private func settle(_ id: EntryID, with commands: [RedisCommand] = []) async -> GroupConsumer.Verdict {
        do {
            let replies = try await redis.transaction(
                commands + [
                    ["XACK", .text(stream), .text(service.rawValue), .text(id.description)],
                    ["XDEL", .text(stream), .text(id.description)],
                ]
            )
            for reply in replies { _ = try reply.checked() }
            return .settled
        } catch {
            // Redelivered, a change is found by its key and answered with what was kept.
            return .again(after: Self.leftFor)
        }
    }
}
