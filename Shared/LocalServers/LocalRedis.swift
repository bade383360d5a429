package import Core
import Glibc

/// A Redis of our own: loopback only, append-only file on, gone when we are.
package final class LocalRedis: Sendable {
    private static let startLimit: Duration = .seconds(30)

    package let port: Int
    private let password: Secret
    private let process: KeptProcess

    /// Starts the server on what the folder holds.
    ///
    /// Blocks until it answers.
    package init(folder: String, log: String, password: Secret, preferredPort: Int? = nil) throws {
        try Files.makeFolder(folder)
        let pidFile = "\(folder)/redis.pid"
        let configuration = "\(folder)/redis.conf"
        try StaleProcess.end(pidFile: pidFile, in: folder, signal: SIGTERM)
        port = try Ports.free(preferred: preferredPort)
        self.password = password
        try Files.writeSecret(Self.configuration(folder, port: port, password: password), to: configuration)
        process = try KeptProcess(
            "Redis",
            ChildProcess.Command(
                "redis-server",
                [configuration],
                environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"],
                output: log,
                workingDirectory: folder
            )
        )
        try Files.writeSecret("\(process.pid)\n", to: pidFile)
        do { try waitUntilReady(log: log) } catch {
            process.stop()
            throw error
        }
    }

    package func stop() { process.stop() }

    /// Ends it at once, whatever is lost.
    package func kill() { process.stop(SIGKILL) }

    /// Starts it again whenever it dies; `announce` hears of it.
    package func keep(_ announce: @escaping @Sendable (String) -> Void) { process.keep(announce) }

    /// The server's process, for tests that kill it.
    package var pid: Int32 { process.pid }
    package var url: Secret { Secret("redis://:\(password.unredacted)@127.0.0.1:\(port)/0") }

    private static func configuration(_ folder: String, port: Int, password: Secret) -> String {
        """
        bind 127.0.0.1
        port \(port)
        protected-mode yes
        requirepass \(password.unredacted)
        dir \(folder)
        daemonize no
        pidfile \(folder)/redis.pid
        appendonly yes
        appendfsync everysec
        save ""
        maxmemory-policy noeviction
        loglevel warning

        """
    }

    private func waitUntilReady(log: String) throws {
        let deadline = ContinuousClock.now + Self.startLimit
        while ContinuousClock.now < deadline {
            if process.exit != nil { throw LocalServersError("Redis ended at once: see \(log)") }
            if answers() { return }
            usleep(5_000)
        }
        throw LocalServersError("Redis did not answer within \(Self.startLimit.components.seconds) s: see \(log)")
    }

    /// AUTH and PING over a socket of our own; while it loads its file Redis answers with an error.
    private func answers() -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0, let number = in_port_t(exactly: port) else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe connect(descriptor, raw, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return false }
        let request = Array("AUTH \(password.unredacted)\r\nPING\r\n".utf8)
        guard unsafe request.withUnsafeBytes({ unsafe write(descriptor, $0.baseAddress, $0.count) }) == request.count
        else { return false }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while answer.count(where: { $0 == UInt8(ascii: "\n") }) < 2 {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return false }
            answer += buffer.prefix(count)
        }
        return String(decoding: answer, as: UTF8.self).contains("+PONG")
    }
}
