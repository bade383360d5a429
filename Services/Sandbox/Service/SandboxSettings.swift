package import Core
package import Settings
import Telemetry

/// Where the sandbox listens and whom it tells of payments.
package struct SandboxSettings: Sendable {
    /// 0 for a port of the system's choice.
    package var port = 0
    package var smtpPort = 0
    package var host = "127.0.0.1"
    package var healthPort: Int?
    package var healthHost = HealthServer.hostDefault
    /// Where webhooks of a clinic go when no address is registered for them.
    package var publicURL: String?
    /// The only SMTP user and password taken; without them any but those that say that they are wrong.
    package var smtpUser: String?
    package var smtpPassword: Secret?

    package init() {}

    /// Reads `SANDBOX_PORT` (8090), `SANDBOX_SMTP_PORT` (1025), `SANDBOX_HOST` (127.0.0.1), `SANDBOX_SMTP_USER`,
    /// `SANDBOX_SMTP_PASSWORD`, `POLYCLINIC_HEALTH_PORT`, `POLYCLINIC_HEALTH_HOST` and `POLYCLINIC_PUBLIC_URL`.
    package init(_ settings: Settings) throws(SettingsError) {
        port = try settings.port("SANDBOX_PORT") ?? 8_090
        smtpPort = try settings.port("SANDBOX_SMTP_PORT") ?? 1_025
        host = try settings.string("SANDBOX_HOST", default: host)
        healthPort = try settings.port("POLYCLINIC_HEALTH_PORT")
        healthHost = try settings.string("POLYCLINIC_HEALTH_HOST", default: healthHost)
        publicURL = try settings.string("POLYCLINIC_PUBLIC_URL")
        smtpUser = try settings.string("SANDBOX_SMTP_USER")
        smtpPassword = try settings.secret("SANDBOX_SMTP_PASSWORD")
    }
}
