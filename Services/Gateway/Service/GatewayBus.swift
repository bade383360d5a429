import Authorization
import Bus
import Contracts
import Core
import Logging
import Redis
import ServiceLifecycle
import Telemetry

/// The gateway's side of the bus: its connections, the policy it follows, and what it asks access for itself.
struct GatewayBus: Sendable {
    let redis: RedisClient
    let rpc: RedisClient
    let keyspace: Keyspace
    let clock: RedisClock
    let requests: RequestClient
    let policy: PolicyFollower
    let registry: ProcessRegistry

    init(_ configuration: GatewayConfiguration, log: Logger) {
        let process = Edge.gateway
        let instance = "\(process)-\(RequestID())"
        keyspace = configuration.keyspace
        redis = RedisClient(configuration.redis, name: process, logger: log)
        rpc =
            configuration.rpcRedis == configuration.redis
            ? redis : RedisClient(configuration.rpcRedis, name: "\(process)-rpc", logger: log)
        clock = RedisClock(redis: rpc, logger: log)
        requests = RequestClient(
            redis: rpc,
            keyspace: keyspace,
            keys: configuration.keys,
            clock: clock,
            process: process,
            instance: instance,
            logger: log
        )
        policy = PolicyFollower(
            requests: requests,
            redis: redis,
            keyspace: keyspace,
            keys: configuration.keys,
            process: process,
            logger: log
        )
        let held = policy
        registry = ProcessRegistry(
            redis: redis,
            keyspace: keyspace,
            report: ProcessReport(
                process: process,
                instance: instance,
                keyIDs: configuration.keys.keyIDs,
                currentKeyIDs: [configuration.keys.currentID]
            ),
            policyVersion: { held.withSnapshot { $0.version } },
            logger: log
        )
    }

    var isReady: Bool { redis.isUp && requests.isReady && policy.isFresh }

    var checks: [HealthCheck] {
        [
            HealthCheck("redis") { redis.isUp && rpc.isUp },
            HealthCheck("bus") { requests.isReady },
            HealthCheck("policy") { policy.isFresh },
        ]
    }

    var services: [any Service] {
        (rpc === redis ? [redis] : [redis, rpc]) + [
            clock, requests, policy, registry, PolicyNotice(policy: policy, registry: registry),
        ]
    }

    /// Has access put entries into a clinic's trail; returns once they are committed.
    func record(_ report: DenialReport, in clinic: ClinicID) async throws {
        let endpoint = PolicyEndpoints().recordDenials
        try await tell(endpoint, report, in: clinic, key: report.entries.first?.id.description ?? "")
    }

    /// Tells access when API keys were used.
    func note(_ report: KeyUseReport) async throws {
        try await tell(PolicyEndpoints().noteKeyUses, report, in: nil, key: "uses")
    }

    /// Asks a service which providers clinics, or the installation, have in it.
    func pairs(of owners: [ClinicID], at service: ServiceName) async throws -> WebhookPairs {
        let endpoint = WebhookEndpoints(of: service).pairs
        let reply = try await ask(endpoint, WebhookPairsQuery(owners: owners), in: nil, key: "pairs")
        return try JSONTape(reply.body).decode(WebhookPairs.self)
    }

    private func tell<Input>(
        _ endpoint: Endpoint<Input, EmptyOutput>,
        _ input: Input,
        in clinic: ClinicID?,
        key: String
    ) async throws {
        _ = try await ask(endpoint, input, in: clinic, key: key)
    }

    /// The reply, once it is one of success.
    private func ask<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        in clinic: ClinicID?,
        key: String
    ) async throws -> BusReply {
        let request = BusRequest(
            operation: endpoint.name,
            clinic: clinic,
            principal: .system(Edge.gateway),
            scope: .clinic,
            deadline: .after(endpoint.deadline),
            idempotencyKey: key,
            source: RequestSource(address: "", userAgent: Edge.gateway),
            input: try JSONWriter.encode(input)
        )
        let reply = try await requests.send(request, to: endpoint.service)
        guard reply.status == endpoint.status else { throw Problem.unavailable("The service") }
        return reply
    }
}

/// Says at once that a newer policy is held: who made it may be waiting for that.
private struct PolicyNotice: Service {
    static let period: Duration = .milliseconds(50)

    let policy: PolicyFollower
    let registry: ProcessRegistry

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var told: Int64 = 0
            while true {
                try await Task.sleep(for: Self.period)
                let held = policy.withSnapshot { $0.version }
                if held > told, (try? await registry.reportOnce()) != nil { told = held }
            }
        }
    }
}

/// Counts the gateways that are alive, for the shares of the rate limits.
struct GatewayCensus: Service {
    let bus: GatewayBus
    let limiter: RateLimiter

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                if let live = try? await ProcessRegistry.live(redis: bus.redis, keyspace: bus.keyspace) {
                    limiter.share(among: live.count { $0.process == Edge.gateway })
                }
                try await Task.sleep(for: ProcessRegistry.period)
            }
        }
    }
}
