import Core
import FoundationEssentials
import LocalServers
import Settings

/// One process of the private installation: what it is started with, and where it is heard of.
struct ProcessPlan: Sendable {
    let name: String
    let healthPort: Int
    let command: ChildProcess.Command

    var healthURL: String { "http://127.0.0.1:\(healthPort)" }
}

/// Makes the plans: to each process its own minimal environment and its own view of the keys.
struct ProcessPlanner {
    /// Settings that are handed on as the operator set them.
    private static let handedOn = [
        "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "POLYCLINIC_RATE_LIMITS", "POLYCLINIC_TRUSTED_PROXIES",
        "POLYCLINIC_CORS_ORIGINS", "POLYCLINIC_DEFAULT_PROVIDERS_FILE", "CRON_SECRET", "SWIFT_BACKTRACE",
        "POLYCLINIC_OWNER_REGISTRATION",
    ]

    let home: Home
    let installation: Installation
    let ports: DevPorts
    /// The folder our own program was started from; the others lie beside it.
    let binaries: String
    let environment: [String: String]
    /// Who cosigns the audit logs, if anybody.
    var witness: SandboxWitness?

    func plans() throws -> [ProcessPlan] {
        try ServiceName.allCases.map(service) + [sandbox(), gateway()]
    }

    private func service(_ name: ServiceName) throws -> ProcessPlan {
        var variables = try shared(name.rawValue)
        variables["DATABASE_URL"] = try installation.databaseURL(name).unredacted
        // Only here may a provider's endpoint lie on this machine: the sandbox does.
        variables["POLYCLINIC_OUTBOUND_ALLOW"] = environment["POLYCLINIC_OUTBOUND_ALLOW"] ?? "public,loopback"
        if name == .access {
            variables["POLYCLINIC_WITNESS_DIR"] = "\(home.path)/witness"
            variables["POLYCLINIC_AUDIT_WITNESSES"] =
                environment["POLYCLINIC_AUDIT_WITNESSES"] ?? witness?.setting(sandboxPort: ports.sandbox)
        }
        return try plan(name.rawValue, variables)
    }

    private func gateway() throws -> ProcessPlan {
        var variables = try shared("gateway")
        variables["POLYCLINIC_PORT"] = String(ports.gateway)
        variables["POLYCLINIC_HOST"] = environment["POLYCLINIC_HOST"] ?? "127.0.0.1"
        variables["POLYCLINIC_MODE"] = "development"
        variables["POLYCLINIC_DRAIN_SECONDS"] = environment["POLYCLINIC_DRAIN_SECONDS"] ?? "1"
        return try plan("gateway", variables)
    }

    private func sandbox() throws -> ProcessPlan {
        var variables = basic()
        variables["SANDBOX_PORT"] = String(ports.sandbox)
        variables["SANDBOX_SMTP_PORT"] = String(ports.sandboxSMTP)
        // Its webhooks reach the gateway of this machine, whatever the public address is.
        variables["POLYCLINIC_PUBLIC_URL"] = "http://127.0.0.1:\(ports.gateway)"
        if let witness { variables.merge(witness.sandboxVariables) { $1 } }
        return try plan("sandbox", variables)
    }

    private func basic() -> [String: String] {
        var variables = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
        for key in Self.handedOn { variables[key] = environment[key] }
        // A toolchain outside the system's places says so here.
        variables["LD_LIBRARY_PATH"] = environment["LD_LIBRARY_PATH"]
        return variables
    }

    private func shared(_ name: String) throws -> [String: String] {
        var variables = basic()
        variables["REDIS_URL"] = installation.redisURL
        variables["POLYCLINIC_KEY_PREFIX"] = installation.keyPrefix
        variables["POLYCLINIC_KEYS_FILE"] = "\(home.keys)/\(name).json"
        variables["POLYCLINIC_PUBLIC_URL"] = installation.publicURL
        return variables
    }

    private func plan(_ name: String, _ variables: [String: String]) throws -> ProcessPlan {
        let port = try ports.health(of: name)
        var variables = variables
        variables["POLYCLINIC_HEALTH_PORT"] = String(port)
        variables["POLYCLINIC_HEALTH_HOST"] = "127.0.0.1"
        let program = "\(binaries)/\(name)"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw OperatorError("\(program) is missing: build everything first (make build)")
        }
        return ProcessPlan(
            name: name,
            healthPort: port,
            command: ChildProcess.Command(
                program,
                environment: variables,
                output: "\(home.logs)/\(name).log",
                workingDirectory: home.path
            )
        )
    }
}

/// The ports of a private installation; remembered, so that links stay good over a restart.
struct DevPorts: Codable, Sendable {
    static let gatewayDefault = 8_080

    var gateway: Int
    var sandbox: Int
    var sandboxSMTP: Int
    private var healthPorts: [String: Int]

    init(home: Home, settings: Settings) throws {
        let file = "\(home.path)/ports.json"
        let former = try home.read(DevPorts.self, file)
        let wanted = try settings.port("POLYCLINIC_PORT") ?? Self.gatewayDefault
        gateway = try Ports.free(preferred: wanted)
        guard gateway == wanted || wanted == 0 else {
            throw OperatorError("port \(wanted) is taken; set POLYCLINIC_PORT to another one")
        }
        sandbox = try Ports.free(preferred: former?.sandbox ?? 8_025)
        sandboxSMTP = try Ports.free(preferred: former?.sandboxSMTP ?? 2_525)
        healthPorts = [:]
        for (index, name) in (["gateway"] + ServiceName.allCases.map(\.rawValue) + ["sandbox"]).enumerated() {
            healthPorts[name] = try Ports.free(preferred: former?.healthPorts[name] ?? 9_100 + index)
        }
        try home.write(self, file)
    }

    func health(of name: String) throws -> Int {
        guard let port = healthPorts[name] else { throw OperatorError("no health port for \(name)") }
        return port
    }
}
