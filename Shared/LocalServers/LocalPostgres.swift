package import Core
import Glibc
import Postgres

/// A PostgreSQL of our own: loopback only, its data in a folder, gone when we are.
package final class LocalPostgres: Sendable {
    package static let database = "polyclinic"
    private static let superuser = "postgres"
    private static let startLimit: Duration = .seconds(60)

    package let port: Int
    private let password: Secret
    private let process: KeptProcess

    /// Starts the server, making its data folder if there is none yet.
    ///
    /// Blocks until it answers.
    ///
    /// - Parameters:
    ///   - folder: absolute; belongs to the user `postgres` when we are root, since the server refuses to run as root.
    ///   - password: the superuser's.
    ///   - isDurable: false for tests only: a crash of the machine loses the data.
    package init(folder: String, log: String, password: Secret, preferredPort: Int? = nil, isDurable: Bool = true)
        throws
    {
        let binaries = try Self.binaries()
        let user = geteuid() == 0 ? "postgres" : nil
        try Self.prepare(folder, for: user)
        let data = "\(folder)/data"
        try StaleProcess.end(pidFile: "\(data)/postmaster.pid", in: data, signal: SIGINT)
        if Files.read("\(folder)/data/PG_VERSION") == nil {
            try Self.initialise(data, password, binaries: binaries, user: user, log: log)
        }
        port = try Ports.free(preferred: preferredPort)
        self.password = password
        process = try KeptProcess(
            "PostgreSQL",
            ChildProcess.Command(
                "\(binaries)/postgres",
                ["-D", data] + Self.settings(port: port, isDurable: isDurable),
                environment: ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"],
                output: log,
                workingDirectory: folder,
                user: user,
                deathSignal: isDurable ? "INT" : "QUIT"
            )
        )
        do { try waitUntilReady(log: log) } catch {
            process.stop(SIGQUIT)
            throw error
        }
    }

    /// Stops it: the rolled-back connections get an error, what was committed stays.
    package func stop() { process.stop(SIGINT) }

    /// Ends it at once, as a crash would.
    package func kill() { process.stop(SIGQUIT) }

    /// Starts it again whenever it dies; `announce` hears of it.
    package func keep(_ announce: @escaping @Sendable (String) -> Void) { process.keep(announce) }

    /// The server's process, for tests that kill it.
    package var pid: Int32 { process.pid }

    package func url(
        user: String = LocalPostgres.superuser,
        password: Secret? = nil,
        database: String = LocalPostgres.database
    ) -> Secret {
        Secret("postgresql://\(user):\((password ?? self.password).unredacted)@127.0.0.1:\(port)/\(database)")
    }

    /// Makes Polyclinic's database, its roles for these services, and sets their passwords.
    package func provision(services: [String], passwords: [String: Secret]) throws {
        let admin = url(database: "postgres")
        // CREATE DATABASE has no "if not exists", and its failure because it exists is fine.
        try? Migrator.execute("create database \(Self.database)", url: admin)
        try Roles.create(services: services, passwords: passwords, adminURL: url())
    }

    private static func settings(port: Int, isDurable: Bool) -> [String] {
        var settings = [
            "port=\(port)", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300",
            "shared_buffers=128MB", "wal_level=minimal", "max_wal_senders=0", "jit=off", "timezone=UTC",
            "password_encryption=scram-sha-256", "max_locks_per_transaction=256",
            // What a statement or an error holds may be somebody's data.
            "log_min_error_statement=panic", "log_error_verbosity=terse", "log_min_messages=fatal",
            "log_statement=none", "log_parameter_max_length=0", "log_parameter_max_length_on_error=0",
        ]
        if !isDurable { settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] }
        return settings.flatMap { ["-c", $0] }
    }

    private static func initialise(_ data: String, _ password: Secret, binaries: String, user: String?, log: String)
        throws
    {
        let file = "\(data).password"
        try Files.writeSecret(password.unredacted, to: file)
        defer { _ = unsafe unlink(file) }
        if let user { try own(file, by: user) }
        let initdb = try ChildProcess(
            ChildProcess.Command(
                "\(binaries)/initdb",
                [
                    "-D", data, "-U", superuser, "--pwfile=\(file)", "-A", "scram-sha-256", "-E", "UTF8",
                    "--locale=C.UTF-8",
                    "--no-sync",
                ],
                environment: ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"],
                output: log,
                user: user
            )
        )
        while initdb.exit == nil { usleep(5_000) }
        guard initdb.exit == .code(0) else { throw LocalServersError("initdb failed: see \(log)") }
    }

    private func waitUntilReady(log: String) throws {
        let deadline = ContinuousClock.now + Self.startLimit
        while ContinuousClock.now < deadline {
            if process.exit != nil { throw LocalServersError("PostgreSQL ended at once: see \(log)") }
            do {
                try Migrator.execute("select 1", url: url(database: "postgres"))
                return
            } catch { usleep(10_000) }
        }
        throw LocalServersError("PostgreSQL did not answer within \(Self.startLimit.components.seconds) s: see \(log)")
    }

    private static func prepare(_ folder: String, for user: String?) throws {
        try Files.makeFolder(folder)
        if let user { try own(folder, by: user) }
    }

    private static func own(_ path: String, by user: String) throws {
        guard let entry = unsafe getpwnam(user) else { throw LocalServersError("there is no user \(user)") }
        let (uid, gid) = unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid)
        guard unsafe chown(path, uid, gid) == 0 else { throw LocalServersError("cannot give \(path) to \(user)") }
    }

    /// The path of one of the server's programs, such as `pg_dump`.
    package static func program(_ name: String) throws -> String { "\(try binaries())/\(name)" }

    /// The newest installed version's programs.
    private static func binaries() throws -> String {
        let versions = (9...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        let places = versions + ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"]
        guard let place = places.first(where: { unsafe access("\($0)/initdb", X_OK) == 0 }) else {
            throw LocalServersError("PostgreSQL is not installed: apt-get install postgresql")
        }
        return place
    }
}

/// The roles of roles.sql and their passwords.
package enum Roles {
    /// Creates what is missing and sets the passwords given, by role name.
    ///
    /// Blocks.
    package static func create(services: [String], passwords: [String: Secret], adminURL: Secret) throws {
        precondition(services.allSatisfy { SchemaName($0) != nil }, "Cannot make roles for \(services)")
        var script = "set polyclinic.services = '\(services.joined(separator: ","))';\n"
        script += String(decoding: PackageResources.roles_sql, as: UTF8.self)
        script += "\nselect pg_advisory_lock(7305804401912351);\n"
        for (role, password) in passwords.sorted(by: { $0.key < $1.key }) {
            precondition(password.unredacted.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
            script += "alter role \(role) password '\(password.unredacted)';\n"
        }
        try Migrator.execute(script, url: adminURL)
    }
}
