import Bus
import Contracts
import Core
import FoundationEssentials
import LocalServers
import Logging
import Redis
import ServiceLifecycle
import TestKit
import Testing

/// A keyspace of its own on the shared server, or on an own server for tests that wipe it.
struct TestBus: Sendable {
    static let ring: [(id: String, key: [UInt8])] = [("k1", [UInt8](repeating: 7, count: 32))]
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let redis: RedisClient
    let clock: RedisClock
    let keyspace: Keyspace

    /// A bus whose connection is up and whose clock is measured, for as long as the body runs.
    static func with<R: Sendable>(server: LocalRedis? = nil, _ body: (TestBus) async throws -> R) async throws -> R {
        let url = try server?.url.unredacted ?? TestServers.shared().redisURL
        let redis = RedisClient(try #require(RedisEndpoint(url: url)), name: "test", logger: quiet)
        let clock = RedisClock(redis: redis, logger: quiet)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer {
                group.cancelAll()
                redis.close()
            }
            try await redis.waitUntilUp()
            try await clock.measure()
            return try await body(
                TestBus(redis: redis, clock: clock, keyspace: Keyspace(prefix: TestKeyspace.prefix()))
            )
        }
    }

    static func ownServer() throws -> LocalRedis {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pc-bus-\(RequestID())").path
        return try LocalRedis(folder: folder, log: "\(folder).log", password: Secret("\(RequestID())"))
    }

    /// Runs the services beside the body and cancels them when it is done.
    func running<R: Sendable>(_ services: [any Service], _ body: () async throws -> R) async throws -> R {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    func keys(_ process: String, ring: [(id: String, key: [UInt8])] = TestBus.ring, current: String = "k1") -> EdgeKeys
    {
        EdgeKeys(ring: ring, currentID: current, process: process)
    }

    func client(
        process: String = "gateway",
        services: [ServiceName] = [.billing],
        inFlightMax: Int = RequestClient.inFlightMax
    ) -> RequestClient {
        RequestClient(
            redis: redis,
            keyspace: keyspace,
            keys: keys(process),
            clock: clock,
            process: process,
            instance: "i-\(RequestID())",
            services: services,
            inFlightMax: inFlightMax,
            logger: Self.quiet
        )
    }

    func server(
        _ service: ServiceName = .billing,
        keys: EdgeKeys? = nil,
        concurrency: Int = 64,
        waitingRoom: Int = RequestServer.waitingRoomDefault,
        handle: @escaping @Sendable (BusRequest, Bool) async -> RequestServer.Answer
    ) -> RequestServer {
        RequestServer(
            redis: redis,
            keyspace: keyspace,
            keys: keys ?? self.keys(service.rawValue),
            clock: clock,
            service: service,
            instance: "i-\(RequestID())",
            concurrency: concurrency,
            waitingRoom: waitingRoom,
            logger: Self.quiet,
            handle: handle
        )
    }

    func publisher(_ service: ServiceName = .appointments) -> EventPublisher {
        EventPublisher(redis: redis, keyspace: keyspace, keys: keys(service.rawValue), logger: Self.quiet)
    }

    func consumer(
        _ group: String = "billing",
        of topic: ServiceName = .appointments,
        keys: EdgeKeys? = nil,
        poison: @escaping @Sendable (EventEnvelope, Int64, String) async throws -> Void = { _, _, _ in },
        handle: @escaping @Sendable (EventEnvelope) async throws -> Void
    ) -> EventConsumer {
        consumer(group, of: topic, keys: keys, together: 1, poison: poison) { events in
            for event in events { try await handle(event) }
        }
    }

    func consumer(
        _ group: String = "billing",
        of topic: ServiceName = .appointments,
        keys: EdgeKeys? = nil,
        together: Int,
        poison: @escaping @Sendable (EventEnvelope, Int64, String) async throws -> Void = { _, _, _ in },
        handle: @escaping @Sendable ([EventEnvelope]) async throws -> Void
    ) -> EventConsumer {
        EventConsumer(
            redis: redis,
            keyspace: keyspace,
            keys: keys ?? self.keys(group),
            topic: topic,
            group: group,
            instance: "i-\(RequestID())",
            concurrency: 16,
            together: together,
            logger: Self.quiet,
            poison: poison,
            handle: handle
        )
    }

    static func request(
        _ text: String = "{}",
        of clinic: ClinicID = ClinicID(),
        within: Duration = .seconds(10)
    ) -> BusRequest {
        BusRequest(
            operation: "billing.invoices.read",
            clinic: clinic,
            principal: Principal(kind: .user, id: "\(UserID())", signIn: SignInID(), roles: ["CLINIC_ADMIN"]),
            scope: .clinic,
            accessVersion: 12,
            deadline: .after(within),
            idempotencyKey: "\(RequestID())",
            source: RequestSource(address: "192.0.2.1", userAgent: "test"),
            input: Array(text.utf8)
        )
    }

    static func event(_ name: String = "appointment.booked", number: Int64 = 1) -> EventEnvelope {
        EventEnvelope(
            id: EventID(),
            name: name,
            version: 1,
            category: .appointment,
            priority: .normal,
            clinicId: ClinicID(),
            actor: "user:1",
            at: .now(),
            aggregateId: "a",
            aggregateVersion: number,
            notify: true,
            payload: Array("{\"n\":\(number)}".utf8)
        )
    }
}
