import AsyncHTTPClient
import Authorization
import Bus
import Contracts
import Core
import Gateway
import Logging
import NIOCore
import NIOHTTP1
import Redis
import ServiceLifecycle
import Settings
import TestKit
import Vault

/// A gateway on a real Redis, with services behind it that the test plays.
///
/// Access serves the policy the test sets and keeps the refusals it is given; the other service is a closure.
final class TestGateway: Sendable {
    static let publicURL = "https://clinic.example"
    typealias Handler = @Sendable (BusRequest) async -> RequestServer.Answer

    let port: Int
    let tokens: TestTokens
    let access: FakeAccess
    private let group: ServiceGroup

    private init(port: Int, tokens: TestTokens, access: FakeAccess, group: ServiceGroup) {
        self.port = port
        self.tokens = tokens
        self.access = access
        self.group = group
    }

    /// Runs a gateway for the duration of the body, then drains it.
    static func run(
        settings extra: [String: String] = [:],
        change: (inout GatewayConfiguration) -> Void = { _ in },
        handler: @escaping Handler = FakeService.answer,
        _ body: @escaping @Sendable (TestGateway) async throws -> Void
    ) async throws {
        let file = KeyFile.generate()
        let prefix = TestKeyspace.prefix()
        let url = try TestServers.shared().redisURL
        let values = [
            "REDIS_URL": url, "POLYCLINIC_KEYS": String(decoding: try file.json(), as: UTF8.self),
            "POLYCLINIC_PORT": "0", "POLYCLINIC_HOST": "127.0.0.1", "POLYCLINIC_KEY_PREFIX": prefix,
            "POLYCLINIC_PUBLIC_URL": publicURL, "POLYCLINIC_MODE": "development", "POLYCLINIC_RATE_LIMITS": "off",
            "POLYCLINIC_DRAIN_SECONDS": "0", "POLYCLINIC_HEALTH_PORT": "0",
        ]
        var configuration = try GatewayConfiguration(Settings(values.merging(extra) { $1 }))
        change(&configuration)
        let tokens = TestTokens(issuer: publicURL)
        let access = FakeAccess(keys: [tokens.verificationKey])
        let backend = try FakeServices(url: url, prefix: prefix, file: file, access: access, handler: handler)
        var quiet = Logger(label: "gateway")
        quiet.logLevel = .error
        let listening = AsyncStream<Int>.makeStream()
        let process = try GatewayProcess(configuration, endpoints: TestEndpoints().all, log: quiet) { port in
            listening.continuation.yield(port)
        }
        let front = group([GatewayRun(process: process)])
        let back = group(backend.services)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await back.run() }
            tasks.addTask { try await front.run() }
            var ports = listening.stream.makeAsyncIterator()
            let gateway = TestGateway(port: await ports.next() ?? 0, tokens: tokens, access: access, group: front)
            try await eventually("the gateway is ready") { try await gateway.get("/health/ready").status == 200 }
            try await body(gateway)
            await front.triggerGracefulShutdown()
            try await tasks.next()
            await back.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private static func group(_ services: [any Service]) -> ServiceGroup {
        ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [],
                logger: Logger(label: "test")
            )
        )
    }

    /// Tells the gateway to stop, as SIGTERM does.
    func stop() async { await group.triggerGracefulShutdown() }

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        func header(_ name: String) -> String? { headers.first(name: name) }
        var json: JSONValue { get throws { try JSONTape(body).decode(JSONValue.self) } }
        /// What the service was told, of a reply that shows it.
        var told: [String: String] { get throws { try JSONTape(body).decode(Thing.self).told } }
        /// The problem's code.
        var code: String? { get throws { try json["code"]?.string } }
    }

    func get(_ path: String, _ headers: [(String, String)] = []) async throws -> Answer {
        try await send(.GET, path, headers)
    }

    func post(_ path: String, _ headers: [(String, String)] = [], body: String) async throws -> Answer {
        try await send(.POST, path, headers + [("Content-Type", "application/json")], body: body)
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ headers: [(String, String)] = [],
        body: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers = HTTPHeaders(headers)
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            body: Array(bytes.readableBytesView)
        )
    }
}

private struct GatewayRun: Service {
    let process: GatewayProcess
    func run() async throws { try await process.run(signals: []) }
}
