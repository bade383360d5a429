import ArgumentParser
import Contracts
import Core
import Foundation
import Settings

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "List the settings and which are set; secrets are not shown."
    )

    @OptionGroup var common: CommonOptions

    private static let settings: [(key: String, isSecret: Bool, meaning: String)] = [
        ("DATABASE_URL", true, "a service's role; for dev: a superuser of another PostgreSQL"),
        ("DATABASE_OWNER_URL", true, "the owner of the schemas, for migrate"),
        ("DATABASE_URL_ACCESS", true, "the service's role, for commands"),
        ("DATABASE_URL_COMMUNICATION", true, "the service's role, for commands"),
        ("DATABASE_URL_APPOINTMENTS", true, "the service's role, for commands"),
        ("DATABASE_URL_BILLING", true, "the service's role, for commands"),
        ("REDIS_URL", true, "redis://[:password@]host:port/db"),
        ("REDIS_RPC_URL", true, "another Redis for requests and replies; REDIS_URL if not set"),
        ("POLYCLINIC_HOME", false, "the folder of a private installation, .polyclinic"),
        ("POLYCLINIC_PUBLIC_URL", false, "where clients and providers find us"),
        ("POLYCLINIC_HOST", false, "the address the gateway listens at, 0.0.0.0"),
        ("POLYCLINIC_PORT", false, "the gateway's port, 8080"),
        ("POLYCLINIC_HEALTH_PORT", false, "health and metrics of a process; any if not set"),
        ("POLYCLINIC_HEALTH_HOST", false, "the address health and metrics are told at, 0.0.0.0"),
        ("POLYCLINIC_HEALTH_URLS", false, "gateway=http://…,access=http://…, for health"),
        ("POLYCLINIC_KEYS_FILE", false, "a process's view of the key file; for commands the file itself"),
        ("POLYCLINIC_KEY_PREFIX", false, "of keys in Redis, pc"),
        (
            "POLYCLINIC_TRUSTED_PROXIES", false,
            "addresses and blocks whose X-Forwarded-For is believed; none if not set"
        ),
        ("POLYCLINIC_CORS_ORIGINS", false, "origins whose pages may read the gateway's replies; none if not set"),
        ("POLYCLINIC_MODE", false, "production, or development, where rate limits may be off"),
        (
            "POLYCLINIC_RATE_LIMITS", false,
            "requests/seconds, all gateways together, user=50/1,key=50/1,clinic=500/1,address=60/60,webhook=200/1; or off"
        ),
        ("POLYCLINIC_DRAIN_SECONDS", false, "how long a gateway told to stop still takes connections, 5"),
        (
            "POLYCLINIC_REQUEST_SLOTS", false,
            "requests that a service works on at once for one clinic, 64; twice as many in all"
        ),
        (
            "POLYCLINIC_OUTBOUND_ALLOW", false,
            "public, loopback, host names (then clinics may name no others), address blocks; public ones if not set"
        ),
        ("POLYCLINIC_DEFAULT_PROVIDERS_FILE", false, "providers for what a clinic has not configured"),
        ("POLYCLINIC_WITNESS_DIR", false, "where access keeps the newest checkpoints, witness"),
        ("POLYCLINIC_OWNER_REGISTRATION", false, "on: people may register with a clinic of their own; off"),
        ("POLYCLINIC_AUDIT_WITNESSES", false, "who cosigns checkpoints: URL and verifier key, …"),
        ("LOG_LEVEL", false, "debug, info, notice, warning, error; info"),
    ]

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let rows = Self.settings.map { setting -> (key: String, value: String, source: String, meaning: String) in
            if let value = environment[setting.key], !value.isEmpty {
                return (setting.key, setting.isSecret ? "••••" : value, "environment", setting.meaning)
            }
            if let path = environment[setting.key + "_FILE"], !path.isEmpty {
                return (setting.key, setting.isSecret ? "••••" : path, "file", setting.meaning)
            }
            return (setting.key, "", "not set", setting.meaning)
        }
        if common.json {
            let items = rows.map { row -> JSONValue in
                [
                    "key": .string(row.key), "value": .string(row.value), "source": .string(row.source),
                    "meaning": .string(row.meaning),
                ]
            }
            return try Terminal.json(["settings": .array(items)])
        }
        Terminal.table(
            ["SETTING", "VALUE", "FROM", "MEANING"],
            rows.map { [$0.key, $0.value, $0.source, $0.meaning] }
        )
        Terminal.line("Each may also be given as <SETTING>_FILE, the path of a file that holds it.")
    }
}
