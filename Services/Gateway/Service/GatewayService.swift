import Authorization
import Bus
package import Contracts
import Core
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
import Redis
import ServiceLifecycle
package import Settings
import Telemetry
package import UnixSignals

/// The gateway's process: the only one that clients reach, and the only one without a database.
package enum GatewayService {
    /// Runs until SIGTERM or SIGINT, or until the task is cancelled or shut down; requests at work are finished first.
    package static func run(settings: Settings = .load()) async throws {
        try Telemetry.bootstrap(service: Edge.gateway, settings: settings)
        try await GatewayProcess(try GatewayConfiguration(settings)).run()
    }
}

/// Everything a gateway is made of, wired together.
package struct GatewayProcess: Sendable {
    private let configuration: GatewayConfiguration
    private let gateway: Gateway
    private let channel: ClientChannel
    private let infrastructure: [any Service]
    private let listener = Listener()
    private let log: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - endpoints: what is served; everything there is unless a test serves its own.
    ///   - onListening: told the public port once it answers.
    package init(
        _ configuration: GatewayConfiguration,
        endpoints: [any EndpointDescription] = EndpointCatalog.all,
        log: Logger = Logger(label: Edge.gateway),
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws {
        let bus = GatewayBus(configuration, log: log)
        let denials = DenialRecorder { report, clinic in try await bus.record(report, in: clinic) }
        let keyUses = KeyUses { report in try await bus.note(report) }
        let limiter = RateLimiter(limits: configuration.rateLimits)
        let router = try Router(endpoints)
        gateway = Gateway(
            policy: Gateway.Policy(
                snapshot: { bus.policy.snapshot },
                isFresh: { bus.policy.isFresh },
                becomesFresh: { await bus.policy.becomesFresh() },
                refresh: { await bus.policy.refresh() }
            ),
            tokens: TokenVerifier(issuer: configuration.publicURL),
            limiter: limiter,
            denials: denials,
            keyUses: keyUses,
            webhooks: WebhookPairCache { try await bus.pairs(of: $0, at: $1) },
            pages: try Pages(endpoints: endpoints, publicURL: configuration.publicURL) { bus.isReady },
            crossOrigin: CrossOrigin(origins: configuration.origins),
            proxies: configuration.proxies,
            isHTTPS: configuration.publicURL.hasPrefix("https:"),
            log: log
        ) { try await bus.requests.send($0, to: $1) }
        channel = ClientChannel(limits: configuration.limits, router: router) { [gateway] in
            await gateway.answer($0, on: $1)
        }
        let health = HealthServer(
            port: configuration.healthPort,
            host: configuration.healthHost,
            checks: bus.checks,
            logger: log
        )
        infrastructure = bus.services + [health, denials, keyUses, GatewayCensus(bus: bus, limiter: limiter)]
        self.configuration = configuration
        self.log = log
        self.onListening = onListening
    }

    /// Serves until a signal, graceful shutdown or cancellation; then drains.
    package func run(signals: [UnixSignal] = [.sigterm, .sigint]) async throws {
        // They are shut down one by one from the last: first clients are asked to leave, then what is at work is
        // finished, and the bus goes when nobody needs it any more.
        let services =
            infrastructure + [
                httpServer, DrainGate(gateway: gateway, listener: listener, grace: configuration.drain),
            ]
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) },
            gracefulShutdownSignals: signals,
            logger: log
        )
        group.maximumGracefulShutdownDuration = configuration.drain + GatewayConfiguration.finishesWithin
        group.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: group).run()
    }

    private var httpServer: any Service {
        let onListening = onListening
        let listener = listener
        return channel.server(
            configuration: ServerConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                backlog: 1_024,
                availableConnectionsDelegate: .maximum(configuration.limits.connections, logger: log)
            ),
            onServerRunning: { channel in
                listener.open(channel)
                await onListening(channel.localAddress?.port ?? 0)
            },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: log
        )
    }
}

/// Begins the end: while connections are still taken, every reply asks its client to come back elsewhere.
private struct DrainGate: Service {
    let gateway: Gateway
    let listener: Listener
    let grace: Duration

    func run() async throws {
        try await gracefulShutdown()
        gateway.drain()
        try await Task.sleep(for: grace)
        await listener.refuseNewConnections()
    }
}
