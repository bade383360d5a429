import Core
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import Settings
import Telemetry
import UnixSignals

/// Plays every provider, for development and tests: HTTP for their APIs and a web inbox, and a mail server.
package enum SandboxService {
    /// Where a sandbox listens.
    package struct Ports: Hashable, Sendable {
        package let http: Int
        package let smtp: Int
    }

    /// The process: reads its settings, and runs until it is told to stop.
    package static func run() async throws {
        let environment = Settings.load()
        try Telemetry.bootstrap(service: "sandbox", settings: environment)
        let log = Logger(label: "sandbox")
        let services = try services(SandboxSettings(environment), log) { ports in
            log.notice(
                "the sandbox listens",
                metadata: .fields([.port: "\(ports.http)", .host: "smtp \(ports.smtp)"])
            )
        }
        try await ServiceGroup(
            services: services,
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: log
        ).run()
    }

    /// How long those who still talk have when the sandbox ends.
    private static let farewell: Duration = .seconds(2)

    /// Runs a sandbox until the task is cancelled; whoever is connected then is still served.
    ///
    /// - Parameter onListening: told both ports as soon as calls are answered.
    package static func run(
        _ settings: SandboxSettings,
        log: Logger,
        onListening: @escaping @Sendable (Ports) -> Void
    ) async throws {
        var configuration = ServiceGroupConfiguration(
            services: try services(settings, log, onListening).map { .init(service: $0) },
            logger: log
        )
        configuration.maximumGracefulShutdownDuration = farewell
        let group = ServiceGroup(configuration: configuration)
        // In a task of its own: a server that is cancelled drops connections that it has accepted and not yet served, and
        // NIO ends the process over that.
        let running = Task { try await group.run() }
        try await withTaskCancellationHandler {
            try await running.value
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    }

    private static func services(
        _ settings: SandboxSettings,
        _ log: Logger,
        _ onListening: @escaping @Sendable (Ports) -> Void
    ) throws -> [any Service] {
        let messages = MessageStore()
        let faults = Faults()
        // A further provider is a file, and a line here.
        let providers: [any SandboxProvider] = [
            ZeptoMail(messages: messages, publicURL: settings.publicURL),
            AWSSES(messages: messages, publicURL: settings.publicURL),
            SendGrid(messages: messages, publicURL: settings.publicURL),
            Resend(messages: messages, publicURL: settings.publicURL),
            Twilio(messages: messages, publicURL: settings.publicURL),
            AWSSNS(messages: messages),
            Meta(messages: messages, publicURL: settings.publicURL),
            FCM(messages: messages),
            Stripe(publicURL: settings.publicURL),
            Witness(seed: settings.witnessSeed, logs: settings.witnessedLogs),
        ]
        let desk = FrontDesk(providers: providers, faults: faults, messages: messages, others: [SMTPServer.name])
        let listening = Listening(onListening)
        let http = Application(
            responder: SandboxResponder(desk: desk),
            configuration: .init(address: .hostname(settings.host, port: settings.port), serverName: nil),
            onServerRunning: { await listening.note(http: $0.localAddress?.port ?? 0) },
            logger: log
        )
        let smtp = SMTPServer(
            host: settings.host,
            port: settings.smtpPort,
            user: settings.smtpUser,
            password: settings.smtpPassword,
            offersSMTPUTF8: settings.smtpOffersUTF8,
            messages: messages,
            faults: faults,
            log: log,
            onListening: { await listening.note(smtp: $0) }
        )
        var services: [any Service] = [http, smtp]
        services += providers.compactMap(\.webhooks).map { WebhookService(sender: $0) }
        if let port = settings.healthPort {
            services.append(HealthServer(port: port, host: settings.healthHost, checks: [], logger: log))
        }
        return services
    }
}

/// Tells once both servers listen.
private actor Listening {
    private let tell: @Sendable (SandboxService.Ports) -> Void
    private var http: Int?
    private var smtp: Int?

    init(_ tell: @escaping @Sendable (SandboxService.Ports) -> Void) { self.tell = tell }

    func note(http: Int? = nil, smtp: Int? = nil) {
        self.http = http ?? self.http
        self.smtp = smtp ?? self.smtp
        if let http = self.http, let smtp = self.smtp { tell(.init(http: http, smtp: smtp)) }
    }
}

/// Delivers webhooks until shutdown.
private struct WebhookService: Service {
    let sender: WebhookSender

    func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await sender.run() }
                group.addTask { try? await gracefulShutdown() }
                await group.next()
                // What was not delivered by now is lost with the sandbox's memory.
                group.cancelAll()
            }
        } onGracefulShutdown: {
            sender.stop()
        }
    }
}
