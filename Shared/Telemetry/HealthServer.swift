import Core
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// Answers `/health/live`, `/health/ready` and `/metrics` on a port of its own.
package struct HealthServer: Service {
    /// A check that has not answered by then counts as down.
    package static let patience: Duration = .seconds(2)

    /// All of the machine's: containers are probed from outside.
    package static let hostDefault = "0.0.0.0"

    private let host: String
    private let port: Int
    private let checks: [HealthCheck]
    private let metrics: MetricsRegistry
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - port: 0 for one of the system's choice.
    ///   - host: the address to listen at.
    ///   - onListening: told the port as soon as requests are answered.
    package init(
        port: Int,
        host: String = HealthServer.hostDefault,
        checks: [HealthCheck],
        metrics: MetricsRegistry = Telemetry.metrics,
        logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.checks = checks
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
    }

    package func run() async throws {
        let router = Router(context: BasicRequestContext.self)
        router.get("/health/live") { _, _ in Self.reply("{\"status\":\"live\"}", "application/json") }
        router.get("/health/ready") { _, _ in
            let report = await HealthReport.make(checks, patience: Self.patience)
            return Self.reply(report.json, "application/json", report.isReady ? .ok : .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            Self.reply(metrics.exposition() + ProcessMetrics.exposition(), "text/plain; version=0.0.4; charset=utf-8")
        }
        let onListening = onListening
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        // The application's own run() would listen for signals; the service group of the process does that.
        try await application.run()
    }

    private static func reply(_ text: String, _ type: String, _ status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: text))
        )
    }
}
