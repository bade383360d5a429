import Authorization
import Bus
import Contracts
package import Core
import Jobs
import Logging
import Outbox
import Postgres
import ProviderConfig
import Redis
import ServiceLifecycle
package import Settings
import Telemetry
package import UnixSignals
import Vault

/// The process of a service: everything around its definition, started in order and drained in reverse.
///
/// Settings (each also as `…_FILE`): `DATABASE_URL`, `REDIS_URL`, `REDIS_RPC_URL` (default `REDIS_URL`),
/// `POLYCLINIC_KEYS_FILE`, `POLYCLINIC_HEALTH_PORT` (0 = any), `POLYCLINIC_HEALTH_HOST` (default `0.0.0.0`),
/// `POLYCLINIC_PUBLIC_URL`, `POLYCLINIC_REQUEST_SLOTS`, `POLYCLINIC_KEY_PREFIX` (of Redis keys, default `pc`).
package struct ServiceProcess: Sendable {
    /// How long a draining process may finish what it has begun.
    package static let drainsWithin: Duration = .seconds(30)

    package let name: ServiceName
    package let settings: Settings
    let build: @Sendable (HostResources) throws -> ServiceDefinition
    let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - onListening: told the health port once it answers.
    ///   - build: makes the service from what the host gives it; called once.
    package init(
        _ name: ServiceName,
        settings: Settings,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in },
        build: @escaping @Sendable (HostResources) throws -> ServiceDefinition
    ) {
        self.name = name
        self.settings = settings
        self.onListening = onListening
        self.build = build
    }

    /// Runs until SIGTERM or SIGINT, or until the task is cancelled; what has begun is finished first.
    package func run(signals: [UnixSignal] = [.sigterm, .sigint]) async throws {
        try Telemetry.bootstrap(service: name.rawValue, settings: settings)
        let parts = try HostParts(self)
        let definition = try build(parts.resources)
        try definition.handlers.complete(definition.endpoints)
        var group = ServiceGroupConfiguration(
            services: try parts.services(for: definition).map { .init(service: $0) },
            gracefulShutdownSignals: signals,
            logger: parts.resources.log
        )
        group.maximumGracefulShutdownDuration = Self.drainsWithin
        group.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: group).run()
    }
}
