import AccessAPI
import Bus
import Contracts
import Core
import FoundationEssentials
import LocalServers
import Logging
import Redis
import Vault

/// Asks services over the bus in the operator's name; what it changes stands in the audit trail like anybody's change.
///
/// Needs the whole key file: only who holds it can speak for the operator.
struct OperatorBus: Sendable {
    static let patience: Duration = .seconds(30)

    private let requests: RequestClient
    private let actor: String

    /// Runs `body` with a bus that is connected to Redis.
    static func with<R: Sendable>(
        _ installation: Installation,
        _ body: @Sendable (OperatorBus) async throws -> R
    ) async throws -> R {
        let logger = Logger(label: "operator") { _ in SwiftLogNoOpLogHandler() }
        let keyspace = Keyspace(prefix: installation.keyPrefix)
        let keys = try edgeKeys(installation.keyFile)
        guard let endpoint = RedisEndpoint(url: try installation.required(\.redisURL, "REDIS_URL")) else {
            throw OperatorError("REDIS_URL is not a redis:// URL")
        }
        let redis = RedisClient(endpoint, name: "operator", logger: logger)
        let clock = RedisClock(redis: redis, logger: logger)
        let requests = RequestClient(
            redis: redis,
            keyspace: keyspace,
            keys: keys,
            clock: clock,
            process: Edge.operatorProcess,
            instance: "operator-\(RequestID())",
            logger: logger
        )
        return try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask {
                try await redis.run()
                return nil
            }
            group.addTask {
                try await clock.run()
                return nil
            }
            group.addTask {
                try await requests.run()
                return nil
            }
            defer { group.cancelAll() }
            try await eventually(within: .seconds(10)) {
                guard requests.isReady else { throw OperatorError("Redis does not answer") }
            }
            let user = ProcessInfo.processInfo.environment["SUDO_USER"] ?? ProcessInfo.processInfo.userName
            return try await body(OperatorBus(requests: requests, actor: user))
        }
    }

    /// Runs one operation and returns what it gives.
    func call<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        clinic: ClinicID? = nil
    ) async throws -> Output {
        let request = BusRequest(
            operation: endpoint.name,
            clinic: clinic,
            principal: Principal(kind: .operator, id: actor),
            scope: .clinic,
            deadline: .after(Self.patience),
            idempotencyKey: RequestID().description,
            source: RequestSource(address: "127.0.0.1", userAgent: "polyclinic"),
            input: try JSONWriter.encode(input)
        )
        let reply = try await requests.send(request, to: endpoint.service)
        guard (200..<300).contains(reply.status) else {
            let problem = try? JSONTape(reply.body).decode(JSONValue.self)
            throw OperatorError(problem?["detail"]?.string ?? "\(endpoint.name) answered \(reply.status)")
        }
        return try JSONTape(reply.body.isEmpty ? Array("{}".utf8) : reply.body).decode(Output.self)
    }

    private static func edgeKeys(_ path: String) throws -> EdgeKeys {
        let file = try KeyStore(path).read()
        guard let current = file.currentID(of: .bus), file.process == nil else {
            throw OperatorError("\(path) is not the whole key file")
        }
        return EdgeKeys(
            ring: file.busKeys.map { ($0.id, $0.key.bytes) },
            currentID: current,
            process: Edge.operatorProcess
        )
    }
}

/// Makes a person the super admin: an account and a one-time link to it.
enum SuperAdmin {
    static func invite(email: EmailAddress, name: String, over bus: OperatorBus) async throws -> SystemUser {
        let endpoints = SystemUserEndpoints()
        let user = try await bus.call(endpoints.create, SystemUserDraft(email: email, name: name))
        _ = try await bus.call(
            endpoints.setSystemRoles,
            SystemRoleAssignment(userId: user.id, role: .superAdmin)
        )
        return user
    }
}
