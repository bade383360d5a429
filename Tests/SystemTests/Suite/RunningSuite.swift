import Contracts
import Core
import FoundationEssentials
import Glibc
import LocalServers
import Operator
import Postgres
import Synchronization
import TestKit
import Testing

/// All of Polyclinic as it runs outside: the real executables under `polyclinic dev`, on servers of this test run.
///
/// One suite serves the whole run, so the tests that break it run one after the other.
final class RunningSuite: Sendable {
    static let readyWithin: Duration = .seconds(180)
    static let replicaReadyWithin: Duration = .seconds(60)

    /// Started by the first test that asks.
    static let shared = Task { try await start() }

    let home: String
    let demo: DemoFile
    private let servers: Mutex<Servers>
    private let supervisor: ChildProcess
    private let replicas = Mutex<[Replica]>([])

    private struct Replica: Sendable {
        let process: ChildProcess
        let log: String
    }

    struct Servers: Sendable {
        var postgres: LocalPostgres
        var redis: LocalRedis
        let password: Secret
        let folder: String
    }

    private init(home: String, demo: DemoFile, servers: Servers, supervisor: ChildProcess) {
        self.home = home
        self.demo = demo
        self.servers = Mutex(servers)
        self.supervisor = supervisor
    }

    // MARK: - Starting and ending

    private static func start() async throws -> RunningSuite {
        let folder = "\(FileManager.default.temporaryDirectory.path())polyclinic-system-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        unsafe chmod(folder, 0o711)
        let password = Secret(RequestID().description)
        let servers = Servers(
            postgres: try LocalPostgres(
                folder: "\(folder)/postgres",
                log: "\(folder)/postgres.log",
                password: password
            ),
            redis: try LocalRedis(folder: "\(folder)/redis", log: "\(folder)/redis.log", password: password),
            password: password,
            folder: folder
        )
        try Migrator.execute("create database polyclinic", url: servers.postgres.url(database: "postgres"))
        let home = "\(folder)/home"
        let supervisor = try ChildProcess(
            ChildProcess.Command(
                "\(binaries)/polyclinic",
                ["dev"],
                environment: [
                    "PATH": "/usr/local/bin:/usr/bin:/bin", "POLYCLINIC_HOME": home, "POLYCLINIC_PORT": "0",
                    "DATABASE_URL": servers.postgres.url().unredacted, "REDIS_URL": servers.redis.url.unredacted,
                    "POLYCLINIC_RATE_LIMITS": "off", "SWIFT_BACKTRACE": "enable=no",
                    "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
                ],
                output: "\(folder)/dev.log",
                workingDirectory: folder
            )
        )
        Ending.shared.keep(folder, supervisor, servers)
        let demo = try await eventually("the suite is ready: see \(folder)/dev.log", within: readyWithin) {
            () -> DemoFile? in
            if supervisor.exit != nil { throw TestKitError("polyclinic dev ended: see \(folder)/dev.log") }
            return try? DemoFile.read("\(home)/demo.json")
        }
        let suite = RunningSuite(home: home, demo: demo, servers: servers, supervisor: supervisor)
        // What the migrations read does not count.
        try Migrator.execute("select pg_stat_reset()", url: servers.postgres.url())
        try await suite.configureMail(of: demo.clinicId, by: suite.admin())
        return suite
    }

    /// The executables beside the tests' own build.
    private static var binaries: String {
        ProcessInfo.processInfo.environment["POLYCLINIC_BINARIES"]
            ?? "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/.build/debug"
    }

    // MARK: - Processes

    /// The process id of a running service, the gateway or the sandbox.
    func pid(_ name: String) -> Int32? {
        ProcFS.children(of: supervisor.pid).first { ProcFS.program($0) == name }
    }

    /// Ends a process as a crash would; the supervisor starts it again.
    func killProcess(_ name: String) async throws {
        let pid = try await eventually("\(name) runs") { self.pid(name) }
        kill(pid, SIGKILL)
        try await eventually("\(name) is started again") { self.pid(name).map { $0 != pid } ?? false }
    }

    /// Another instance of a process, with the same settings but for those given, and ports of its own; ended by `stopReplicas`.
    ///
    /// It is ready then, so it takes part in what follows.
    ///
    /// - Returns: where a gateway's replica listens.
    @discardableResult
    func startReplica(_ name: String, with settings: [String: String] = [:]) async throws -> String {
        guard let pid = pid(name), var environment = ProcFS.environment(pid) else {
            throw TestKitError("\(name) does not run")
        }
        let (port, healthPort) = (try Ports.free(), try Ports.free())
        environment["POLYCLINIC_HEALTH_PORT"] = "\(healthPort)"
        if name == "gateway" { environment["POLYCLINIC_PORT"] = "\(port)" }
        environment.merge(settings) { $1 }
        let log = "\(home)/logs/\(name)-replica.log"
        let process = try ChildProcess(
            ChildProcess.Command(
                "\(Self.binaries)/\(name)",
                environment: environment,
                output: log,
                workingDirectory: home
            )
        )
        do {
            let health = Client(base: "http://127.0.0.1:\(healthPort)/health")
            try await eventually("the replica of \(name) is ready: see \(log)", within: Self.replicaReadyWithin) {
                if let exit = process.exit { throw TestKitError("the replica of \(name) ended, \(exit): see \(log)") }
                return (try? await health.send("GET", "/ready").status) == 200
            }
        } catch {
            process.stop()
            throw error
        }
        replicas.withLock { $0.append(Replica(process: process, log: log)) }
        return "http://127.0.0.1:\(port)"
    }

    /// Runs an operator's command against the suite, as its home describes it.
    func polyclinic(_ arguments: String...) async throws -> ChildProcess.Exit {
        let command = ChildProcess.Command(
            "\(Self.binaries)/polyclinic",
            arguments,
            environment: [
                "PATH": "/usr/local/bin:/usr/bin:/bin", "POLYCLINIC_HOME": home,
                "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
            ],
            output: "\(home)/logs/operator.log",
            workingDirectory: home
        )
        return try await ChildProcess(command).ended()
    }

    /// Ends the replicas, which must have run until now: what they were to take part in was else done without them.
    func stopReplicas() {
        let replicas = replicas.withLock { replicas in
            defer { replicas = [] }
            return replicas
        }
        for replica in replicas {
            if let exit = replica.process.exit { Issue.record("a replica has ended, \(exit): see \(replica.log)") }
            replica.process.send(SIGTERM)
        }
        for replica in replicas { replica.process.stop() }
    }

    // MARK: - Servers

    var adminURL: Secret { servers.withLock { $0.postgres.url() } }
    var redisURL: String { servers.withLock { $0.redis.url.unredacted } }

    /// Ends Redis as a crash would and starts it again on what it had written.
    func restartRedis() throws {
        try servers.withLock { servers in
            servers.redis.kill()
            servers.redis = try LocalRedis(
                folder: "\(servers.folder)/redis",
                log: "\(servers.folder)/redis.log",
                password: servers.password,
                preferredPort: servers.redis.port
            )
            Ending.shared.keep(servers)
        }
    }

    /// Ends PostgreSQL as a crash would and starts it again.
    func restartPostgres() throws {
        try servers.withLock { servers in
            servers.postgres.kill()
            servers.postgres = try LocalPostgres(
                folder: "\(servers.folder)/postgres",
                log: "\(servers.folder)/postgres.log",
                password: servers.password,
                preferredPort: servers.postgres.port
            )
            Ending.shared.keep(servers)
        }
    }
}

/// Ends everything with the test process.
private final class Ending: Sendable {
    static let shared = Ending()

    private struct State {
        var folder: String?
        var supervisor: ChildProcess?
        var servers: RunningSuite.Servers?
    }

    private let state = Mutex(State())

    func keep(_ folder: String, _ supervisor: ChildProcess, _ servers: RunningSuite.Servers) {
        state.withLock { $0 = State(folder: folder, supervisor: supervisor, servers: servers) }
        atexit { Ending.shared.end() }
    }

    func keep(_ servers: RunningSuite.Servers) { state.withLock { $0.servers = servers } }

    private func end() {
        let state = state.withLock { $0 }
        state.supervisor?.stop(SIGTERM, grace: .seconds(20))
        state.servers?.redis.kill()
        state.servers?.postgres.kill()
        // What a failed run left behind is what explains it.
        let keeps = ProcessInfo.processInfo.environment["POLYCLINIC_KEEP_SYSTEM_TESTS"] == "1"
        if let folder = state.folder, !keeps { try? FileManager.default.removeItem(atPath: folder) }
    }
}

/// What the kernel says of other processes.
enum ProcFS {
    static func children(of parent: Int32) -> [Int32] {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        return pids.filter { pid in
            guard let stat = read("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
            let fields = stat.suffix(from: end).dropFirst().split(separator: " ")
            return fields.count > 1 && fields[0] != "Z" && Int32(fields[1]) == parent
        }
    }

    /// The name of the file a process was started from.
    static func program(_ pid: Int32) -> String? {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"))
            // A program that was replaced since is marked so by the kernel.
            .flatMap { $0.replacing(" (deleted)", with: "").split(separator: "/").last.map(String.init) }
    }

    static func arguments(_ pid: Int32) -> String? { read("/proc/\(pid)/cmdline") }

    static func environment(_ pid: Int32) -> [String: String]? {
        guard let text = read("/proc/\(pid)/environ") else { return nil }
        return text.split(separator: "\0").reduce(into: [:]) { variables, line in
            guard let equals = line.firstIndex(of: "=") else { return }
            variables[String(line.prefix(upTo: equals))] = String(line.suffix(from: equals).dropFirst())
        }
    }

    /// Files under /proc have no size, so they are read until they end.
    private static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
