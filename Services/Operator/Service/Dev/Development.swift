import AccessAPI
import AsyncHTTPClient
import Contracts
import Core
import Foundation
import LocalServers
import Postgres
import Settings

/// A private installation from nothing to ready, and back.
struct Development: Sendable {
    /// The longest a first start may take until everything is ready.
    static let readyWithin: Duration = .seconds(90)

    private let settings: Settings
    private let asJSON: Bool
    private let home: Home

    init(_ settings: Settings, asJSON: Bool) throws {
        self.settings = settings
        self.asJSON = asJSON
        home = try Home(settings)
    }

    /// Runs until the task is cancelled; then everything is stopped, in order.
    func run() async throws {
        try home.prepare()
        try discardHalfMade()
        let servers = try DevServers(home, settings)
        defer {
            servers.stop()
            say("stopped; the data stays in \(home.path)")
        }
        say(servers.words)
        servers.keep { Terminal.error("polyclinic: \($0)") }
        // A run that was killed leaves them behind.
        home.remove(home.demoFile)
        home.remove(home.installationFile)
        let keys = KeyStore(home.keyFile)
        try keys.makeIfMissing()
        let applied = try Migrator.run(ownerURL: servers.ownerURL, sets: SchemaCatalog.all)
        if !applied.isEmpty { say("migrated: \(applied.count) files") }
        let ports = try DevPorts(home: home, settings: settings)
        var installation = try servers.installation(keyFile: home.keyFile, publicURL: publicURL(ports))
        let environment = ProcessInfo.processInfo.environment
        let plans = try ProcessPlanner(
            home: home,
            installation: installation,
            ports: ports,
            binaries: binaries,
            environment: environment,
            witness: SandboxWitness(home: home, keys: keys.read())
        ).plans()
        installation.health = Dictionary(uniqueKeysWithValues: plans.map { ($0.name, $0.healthURL) })
        try home.write(installation, home.installationFile)
        defer {
            home.remove(home.installationFile)
            home.remove(home.demoFile)
        }
        let supervisor = Supervisor(plans) { text in Terminal.error("polyclinic: \(text)") }
        try await withThrowingTaskGroup(of: Void.self) { [installation] group in
            group.addTask { try await supervisor.run() }
            group.addTask { try await becomeReady(plans, installation, ports, servers) }
            // The supervisor ends by cancellation only; an error of the other ends both.
            try await group.next()
            try await group.next()
        }
    }

    private func becomeReady(
        _ plans: [ProcessPlan],
        _ installation: Installation,
        _ ports: DevPorts,
        _ servers: DevServers
    ) async throws {
        say("waiting for \(plans.map(\.name).joined(separator: ", "))")
        try await HealthProbe.waitUntilReady(plans.map { ($0.name, $0.healthURL) }, within: Self.readyWithin)
        let base = "http://127.0.0.1:\(ports.gateway)"
        let demo = try await accounts(base, installation, ports, servers)
        try demo.write(home.demoFile)
        try announce(demo)
    }

    /// The demo's accounts: made once per home, remembered with their passwords for its owner alone.
    private func accounts(
        _ base: String,
        _ installation: Installation,
        _ ports: DevPorts,
        _ servers: DevServers
    ) async throws -> DemoFile {
        let sandbox = DemoFile.Sandbox(
            url: "http://127.0.0.1:\(ports.sandbox)",
            smtpHost: "127.0.0.1",
            smtpPort: ports.sandboxSMTP
        )
        if var known = try home.read(DemoFile.self, home.accountsFile) {
            known.baseURL = base
            known.sandbox = sandbox
            known.health = installation.health
            known.databaseURL = servers.inspectorURL.unredacted
            known.redisURL = installation.redisURL
            return known
        }
        say("making the demo clinic")
        try home.write(["begun": true], halfMadeFile)
        let token = try await OperatorBus.with(installation) { bus in
            guard let email = EmailAddress("super@polyclinic.example") else { throw OperatorError("no address") }
            let user = try await SuperAdmin.invite(email: email, name: "Operator", over: bus)
            guard let token = user.invitation?.token else { throw OperatorError("an invitation without a token") }
            return token
        }
        let made = try await DemoSeed(api: APIClient(base + "/api/v1"), password: { Files.randomPassword() })
            .run(superAdminToken: token)
        let demo = DemoFile(
            baseURL: base,
            clinicId: made.clinicId,
            clinicSlug: DemoSeed.slug,
            admin: made.admin,
            superAdmin: made.superAdmin,
            auditor: made.auditor,
            doctor: made.doctor,
            receptionist: made.receptionist,
            patient: made.patient,
            patientId: made.patientId,
            doctorId: made.doctorId,
            secondClinic: made.secondClinic,
            sandbox: sandbox,
            health: installation.health,
            databaseURL: servers.inspectorURL.unredacted,
            redisURL: installation.redisURL
        )
        try demo.write(home.accountsFile)
        home.remove(halfMadeFile)
        return demo
    }

    private var halfMadeFile: String { "\(home.path)/half-made.json" }

    /// A first start that was broken off leaves half a demo, whose passwords nobody knows: such data is of no use.
    private func discardHalfMade() throws {
        guard Files.read(halfMadeFile) != nil else { return }
        guard try settings.string("DATABASE_URL") == nil else {
            throw OperatorError(
                "the first start was broken off: empty the database, remove \(halfMadeFile), start again"
            )
        }
        say("the first start was broken off; beginning again with empty servers")
        try LocalServers.discard(home: home.path)
        home.remove(halfMadeFile)
    }

    private func publicURL(_ ports: DevPorts) throws -> String {
        try settings.string("POLYCLINIC_PUBLIC_URL", default: "http://localhost:\(ports.gateway)")
    }

    /// Where our own program lies, links resolved.
    private var binaries: String {
        let path =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    private func say(_ text: String) { Terminal.error("polyclinic: \(text)") }

    private func announce(_ demo: DemoFile) throws {
        if asJSON {
            return try Terminal.json([
                "status": "ready", "baseURL": .string(demo.baseURL), "demo": .string(home.demoFile),
            ])
        }
        Terminal.line(
            """

            Polyclinic is ready.
              API       \(demo.baseURL)/api/v1   described at \(demo.baseURL)/docs
              Sandbox   \(demo.sandbox.url)   every message and payment; SMTP at port \(demo.sandbox.smtpPort)
              Accounts  \(home.demoFile)
              Logs      \(home.logs)
            In another terminal: make demo. Ctrl-C stops all of it.
            """
        )
    }
}
