package import AuditLog
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
    /// Whether the mail server takes addresses in all letters (SMTPUTF8); many do not.
    package var smtpOffersUTF8 = true
    /// 32 bytes that the witness's key is made of; random when absent.
    package var witnessSeed: [UInt8]?
    /// The logs that the witness knows: what their origins begin with, and their keys.
    package var witnessedLogs: [(origin: String, key: VerifierKey)] = []

    package init() {}

    /// Reads `SANDBOX_PORT` (8090), `SANDBOX_SMTP_PORT` (1025), `SANDBOX_HOST` (127.0.0.1), `SANDBOX_SMTP_USER`,
    /// `SANDBOX_SMTP_PASSWORD`, `SANDBOX_WITNESS_SEED` (hex), `SANDBOX_WITNESS_LOGS` (origin prefix, space, verifier key;
    /// separated by commas), `POLYCLINIC_HEALTH_PORT`, `POLYCLINIC_HEALTH_HOST` and `POLYCLINIC_PUBLIC_URL`.
    package init(_ settings: Settings) throws(SettingsError) {
        port = try settings.port("SANDBOX_PORT") ?? 8_090
        smtpPort = try settings.port("SANDBOX_SMTP_PORT") ?? 1_025
        host = try settings.string("SANDBOX_HOST", default: host)
        healthPort = try settings.port("POLYCLINIC_HEALTH_PORT")
        healthHost = try settings.string("POLYCLINIC_HEALTH_HOST", default: healthHost)
        publicURL = try settings.string("POLYCLINIC_PUBLIC_URL")
        smtpUser = try settings.string("SANDBOX_SMTP_USER")
        smtpPassword = try settings.secret("SANDBOX_SMTP_PASSWORD")
        witnessSeed = try settings.string("SANDBOX_WITNESS_SEED").flatMap { [UInt8](hex: $0) }
        witnessedLogs = try settings.string("SANDBOX_WITNESS_LOGS", default: "").split(separator: ",").compactMap {
            item in
            let parts = item.split(separator: " ")
            return parts.count == 2 ? VerifierKey(parts[1]).map { (String(parts[0]), $0) } : nil
        }
    }
}
