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

    /// Which of the two to start.
    package struct Parts: Sendable {
        package var postgres: Bool
        package var redis: Bool

        package init(postgres: Bool = true, redis: Bool = true) {
            self.postgres = postgres
            self.redis = redis
        }
    }

    package let postgres: LocalPostgres?
    package let redis: LocalRedis?
    private let rolePasswords: [String: Secret]
    private let lock: Int32

    /// Starts them, on the data the home holds.
    ///
    /// Blocks until they answer: about 2 s the first time.
    ///
    /// - Parameters:
    ///   - home: made if it is not there; one process uses it at a time.
    ///   - services: the schemas that get roles.
    ///   - isDurable: false for tests: nothing is synced to the disk.
    package init(home: String, services: [String], parts: Parts = Parts(), isDurable: Bool = true) throws {
        let home = Self.absolute(home)
        // The server's own user must pass through to its folder; what is secret in here is for its owner alone.
        try Files.makeFolder(home, mode: geteuid() == 0 ? 0o711 : 0o700)
        if geteuid() == 0 { _ = unsafe chmod(home, 0o711) }
        try Files.makeFolder("\(home)/logs")
        lock = try Self.lock("\(home)/lock")
        var memory = try Self.recall("\(home)/servers.json")
        for role in ["owner", "inspector"] + services where memory.rolePasswords["polyclinic_\(role)"] == nil {
            memory.rolePasswords["polyclinic_\(role)"] = Files.randomPassword()
        }
        rolePasswords = memory.rolePasswords.mapValues(Secret.init)
        redis = parts.redis ? try Self.redis(home, memory) : nil
        do {
            postgres = parts.postgres ? try Self.postgres(home, memory, isDurable: isDurable) : nil
        } catch {
            redis?.stop()
            throw error
        }
        memory.postgresPort = postgres?.port ?? memory.postgresPort
        memory.redisPort = redis?.port ?? memory.redisPort
        try Files.writeSecret(String(decoding: JSONEncoder().encode(memory), as: UTF8.self), to: "\(home)/servers.json")
        try postgres?.provision(services: services, passwords: rolePasswords)
    }

    private static func redis(_ home: String, _ memory: Memory) throws -> LocalRedis {
        try LocalRedis(
            folder: "\(home)/redis",
            log: "\(home)/logs/redis.log",
            password: Secret(memory.redisPassword),
            preferredPort: memory.redisPort
        )
    }

    private static func postgres(_ home: String, _ memory: Memory, isDurable: Bool) throws -> LocalPostgres {
        try LocalPostgres(
            folder: try postgresFolder(home),
            log: "\(home)/logs/postgres.log",
            password: Secret(memory.postgresPassword),
            preferredPort: memory.postgresPort,
            isDurable: isDurable
        )
    }

    /// Throws away the data of servers that are not running; their passwords stay.
    package static func discard(home: String) throws {
        let home = absolute(home)
        let lock = try lock("\(home)/lock")
        defer { close(lock) }
        for folder in [try postgresFolder(home), "\(home)/redis"]
        where FileManager.default.fileExists(atPath: folder) {
            try FileManager.default.removeItem(atPath: folder)
        }
    }

    /// Starts either again whenever it dies; `announce` hears of it.
    package func keep(_ announce: @escaping @Sendable (String) -> Void) {
        redis?.keep(announce)
        postgres?.keep(announce)
    }

    /// Stops them; the home may be used again.
    package func stop() {
        redis?.stop()
        postgres?.stop()
        close(lock)
    }

    /// Empty without a Redis.
    package var redisURL: Secret { redis?.url ?? Secret("") }
    package var ownerURL: Secret { roleURL("owner") }
    /// A role that sees every row in spite of row-level security.
    package var inspectorURL: Secret { roleURL("inspector") }
    /// The superuser's, for tests.
    package var adminURL: Secret { postgres?.url() ?? Secret("") }
    package func serviceURL(_ service: String) -> Secret { roleURL(service) }

    /// The URL of `polyclinic_<role>`; empty without a PostgreSQL.
    package func roleURL(_ role: String) -> Secret {
        postgres?.url(user: "polyclinic_\(role)", password: rolePasswords["polyclinic_\(role)"]) ?? Secret("")
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
    /// Gives the home up and leaves the servers running, as a crash of this process's keeper would; for tests.
    package func abandon() { close(lock) }

    /// Ends both at once, whatever is lost; for tests.
    package func kill() {
        redis?.kill()
        postgres?.kill()
    }
}
