package import Core
import FoundationEssentials
import Glibc

/// A private PostgreSQL and Redis in one home folder, with their passwords and the URL of every role.
package final class LocalServers: Sendable {
    /// What a home remembers between starts.
    private struct Memory: Codable {
        var postgresPassword: String
        var redisPassword: String
        var rolePasswords: [String: String]
        var postgresPort: Int?
        var redisPort: Int?
    }

    package let postgres: LocalPostgres
    package let redis: LocalRedis
    private let rolePasswords: [String: Secret]
    private let lock: Int32

    /// Starts both, on the data the home holds.
    ///
    /// Blocks until they answer: about 2 s the first time.
    ///
    /// - Parameters:
    ///   - home: made if it is not there; one process uses it at a time.
    ///   - services: the schemas that get roles.
    ///   - isDurable: false for tests: nothing is synced to the disk.
    package init(home: String, services: [String], isDurable: Bool = true) throws {
        let home = Self.absolute(home)
        // The server's own user must pass through to its folder; what is secret in here is for its owner alone.
        try Files.makeFolder(home, mode: geteuid() == 0 ? 0o711 : 0o700)
        try Files.makeFolder("\(home)/logs")
        lock = try Self.lock("\(home)/lock")
        var memory = try Self.recall("\(home)/servers.json")
        for role in ["owner", "inspector"] + services where memory.rolePasswords["polyclinic_\(role)"] == nil {
            memory.rolePasswords["polyclinic_\(role)"] = Files.randomPassword()
        }
        rolePasswords = memory.rolePasswords.mapValues(Secret.init)
        let redisHome = "\(home)/redis"
        let (redisPassword, redisPort) = (Secret(memory.redisPassword), memory.redisPort)
        redis = try LocalRedis(
            folder: redisHome,
            log: "\(home)/logs/redis.log",
            password: redisPassword,
            preferredPort: redisPort
        )
        do {
            postgres = try LocalPostgres(
                folder: try Self.postgresFolder(home),
                log: "\(home)/logs/postgres.log",
                password: Secret(memory.postgresPassword),
                preferredPort: memory.postgresPort,
                isDurable: isDurable
            )
        } catch {
            redis.stop()
            throw error
        }
        memory.postgresPort = postgres.port
        memory.redisPort = redis.port
        try Files.writeSecret(String(decoding: JSONEncoder().encode(memory), as: UTF8.self), to: "\(home)/servers.json")
        try postgres.provision(services: services, passwords: rolePasswords)
    }

    /// Stops both; the home may be used again.
    package func stop() {
        redis.stop()
        postgres.stop()
        close(lock)
    }

    package var redisURL: Secret { redis.url }
    package var ownerURL: Secret { roleURL("owner") }
    /// A role that sees every row in spite of row-level security.
    package var inspectorURL: Secret { roleURL("inspector") }
    /// The superuser's, for tests.
    package var adminURL: Secret { postgres.url() }
    package func serviceURL(_ service: String) -> Secret { roleURL(service) }

    private func roleURL(_ role: String) -> Secret {
        postgres.url(user: "polyclinic_\(role)", password: rolePasswords["polyclinic_\(role)"])
    }

    private static func recall(_ path: String) throws -> Memory {
        guard let text = Files.read(path) else {
            return Memory(
                postgresPassword: Files.randomPassword(),
                redisPassword: Files.randomPassword(),
                rolePasswords: [:]
            )
        }
        return try JSONDecoder().decode(Memory.self, from: Data(text.utf8))
    }

    private static func lock(_ path: String) throws -> Int32 {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LocalServersError("cannot write \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw LocalServersError("another process uses \(path.dropLast(5)); stop it first")
        }
        return descriptor
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    /// Where the server keeps its data: in the home, unless its user cannot get there (a clone under /root).
    private static func postgresFolder(_ home: String) throws -> String {
        var parent = home
        while geteuid() == 0, parent != "/" && !parent.isEmpty {
            var info = stat()
            guard unsafe stat(parent, &info) == 0 else { break }
            if info.st_mode & 0o001 == 0 {
                let name = home.split(separator: "/").joined(separator: "-")
                try Files.makeFolder("/var/lib/polyclinic", mode: 0o711)
                return "/var/lib/polyclinic/\(name)"
            }
            parent = String(parent[..<(parent.lastIndex(of: "/") ?? parent.startIndex)])
        }
        return "\(home)/postgres"
    }
}

extension LocalServers {
    /// Ends both at once, whatever is lost; for tests.
    package func kill() {
        redis.kill()
        postgres.kill()
    }
}
