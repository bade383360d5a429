package import Core
package import Logging
import Metrics
package import Redis
import ServiceLifecycle
import Synchronization
import Telemetry

/// Asks services over the bus and waits for their replies, which come on one stream per service for this process.
package final class RequestClient: Service {
    /// Requests in flight to one service of a clinic that is alone (`ClinicShares`); past it callers are told to come back, at once.
    package static let inFlightMax = 1_024
    /// A request is kept in its stream no longer than this, whatever its deadline.
    package static let requestsKept: Duration = .seconds(300)
    static let sweepPeriod: Duration = .milliseconds(50)

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let keys: EdgeKeys
    private let clock: RedisClock
    private let process: String
    private let instance: String
    private let logger: Logger
    private let lanes: [ServiceName: ReplyLane]

    /// - Parameters:
    ///   - process: `gateway`, a service's name or `operator`: the edge the requests are sealed for.
    ///   - instance: unique to this process's life; names its reply streams.
    ///   - services: those that will be asked.
    package init(
        redis: RedisClient,
        keyspace: Keyspace,
        keys: EdgeKeys,
        clock: RedisClock,
        process: String,
        instance: String,
        services: [ServiceName] = ServiceName.allCases,
        inFlightMax: Int = RequestClient.inFlightMax,
        logger: Logger
    ) {
        self.redis = redis
        self.keyspace = keyspace
        self.keys = keys
        self.clock = clock
        self.process = process
        self.instance = instance
        self.logger = logger
        lanes = Dictionary(
            uniqueKeysWithValues: services.map { service in
                (
                    service,
                    ReplyLane(
                        redis: redis,
                        stream: keyspace.replies(service, process: process, instance: instance),
                        service: service,
                        process: process,
                        keys: keys,
                        inFlightMax: inFlightMax,
                        logger: logger
                    )
                )
            }
        )
    }

    /// Whether requests can be sent.
    package var isReady: Bool { redis.isUp && clock.isTrusted && lanes.values.allSatisfy(\.isOpen) }
    /// Requests sent and not yet answered.
    package var inFlight: Int { lanes.values.reduce(0) { $0 + $1.inFlight } }

    /// Sends a request and waits for its reply.
    ///
    /// Throws `Problem`: 503 when too much is in flight or the service's stream cannot be reached (nothing was done), 504
    /// when no reply came before the deadline (the outcome is not known). Cancelling gives the wait up, not the request.
    package func send(_ request: BusRequest, to service: ServiceName) async throws -> BusReply {
        guard let lane = lanes[service], redis.isUp, clock.isTrusted, lane.isOpen else {
            throw Problem.unavailable("The bus")
        }
        let command = try seal(request, for: service)
        try lane.expect(request.id, of: request.clinic, until: request.deadline)
        do {
            if try await redis.send(command).isNull {
                // No service has ever opened the stream, or Redis has just been wiped: nothing was written.
                lane.forget(request.id)
                throw Problem.unavailable("The service")
            }
        } catch let error as RedisError where error.code != .connectionLost(sent: true) {
            lane.forget(request.id)
            if error.code == .cancelled { throw CancellationError() }
            throw Problem.unavailable("The bus")
        } catch is RedisError {
            // It may have arrived; the reply, or the deadline, will tell.
        }
        return try await lane.reply(to: request.id)
    }

    private func seal(_ request: BusRequest, for service: ServiceName) throws -> RedisCommand {
        let stream = keyspace.requests(service)
        let deadline = request.deadline.at + clock.offset
        let header = EntryHeader(
            kind: .request,
            writer: process,
            instance: instance,
            keyID: keys.currentID,
            id: request.id,
            clinic: request.clinic,
            principal: request.principal.label,
            deadline: deadline,
            traceparent: request.trace.traceparent
        )
        let sealed = try SealedEntry(
            request.encodedContent(),
            header: header,
            edge: .requests(from: process, to: service),
            stream: stream,
            keys: keys
        )
        // A service that is away for long would find nothing but expired requests.
        let oldest = (clock.now() - Self.requestsKept).milliseconds
        return RedisCommand(
            ["XADD", .text(stream), "NOMKSTREAM", "MINID", "~", .number(Int(oldest)), "*"] + sealed.fields
        )
    }

    /// Reads replies and ends waits that are over, until shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                for lane in self.lanes.values { tasks.addTask { await lane.run() } }
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.sweepPeriod)
                    let now = Instant.now()
                    for lane in self.lanes.values { lane.endOverdue(at: now) }
                }
            }
        }
        for lane in lanes.values { lane.failAll(.unavailable("The bus")) }
    }
}
