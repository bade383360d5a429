import Core
import FoundationEssentials
import Glibc
import LocalServers
import Synchronization

/// The PostgreSQL and Redis of a test process: given by the environment, else its own, brought up when first asked for.
///
/// `POLYCLINIC_TEST_SERVERS` holds `{"adminURL": "postgresql://…", "redisURL": "redis://…"}` when somebody else keeps
/// servers for the run. Our own live in a temporary folder and end with the process.
package struct TestServers: Sendable, Codable {
    /// A superuser's URL; tests make databases and roles with it.
    package let adminURL: String
    package let redisURL: String

    package init(adminURL: String, redisURL: String) {
        self.adminURL = adminURL
        self.redisURL = redisURL
    }

    package static let variable = "POLYCLINIC_TEST_SERVERS"

    /// The run's servers.
    ///
    /// The first call may take about two seconds.
    package static func shared() throws -> TestServers {
        try Keeper.shared.state.withLock { state in
            if let servers = state { return servers }
            let servers = try fromEnvironment() ?? Keeper.start()
            state = servers
            return servers
        }
    }

    private static func fromEnvironment() throws -> TestServers? {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
        return try JSONDecoder().decode(TestServers.self, from: Data(text.utf8))
    }
}

/// Keeps our own servers until the process exits.
private final class Keeper: Sendable {
    static let shared = Keeper()
    let state = Mutex<TestServers?>(nil)
    private static let running = Mutex<(servers: LocalServers, home: String)?>(nil)

    static func start() throws -> TestServers {
        let home = FileManager.default.temporaryDirectory.path() + "polyclinic-tests-\(getpid())"
        let servers = try LocalServers(home: home, services: [], isDurable: false)
        running.withLock { $0 = (servers, home) }
        atexit { Keeper.stop() }
        return TestServers(adminURL: servers.adminURL.unredacted, redisURL: servers.redisURL.unredacted)
    }

    private static func stop() {
        running.withLock { running in
            guard let (servers, home) = running else { return }
            servers.kill()
            try? FileManager.default.removeItem(atPath: home)
            running = nil
        }
    }
}
