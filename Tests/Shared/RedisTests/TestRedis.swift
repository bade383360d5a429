import Core
import FoundationEssentials
import LocalServers
import Logging
import Redis
import TestKit
import Testing

/// The server that all tests share, and own ones for tests that kill or stop theirs.
enum TestRedis {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func own() throws -> LocalRedis {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pc-redis-\(RequestID())").path
        return try LocalRedis(
            folder: folder,
            log: "\(folder).log",
            password: Secret("secret \(RequestID())".filter { $0 != " " })
        )
    }

    /// A server that speaks TLS only, with a certificate of its own.
    static func ownWithTLS() throws -> (process: ChildProcess, port: Int, certificate: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pc-tls-\(RequestID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let environment = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
        let made = try ChildProcess(
            ChildProcess.Command(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out",
                    "cert.pem",
                ],
                environment: environment,
                output: "\(folder)/log",
                workingDirectory: folder
            )
        ).stop(0, grace: .seconds(10))
        guard made == .code(0) else { throw TestKitError("openssl made no certificate") }
        let port = try Ports.free(preferred: nil)
        let process = try ChildProcess(
            ChildProcess.Command(
                "redis-server",
                [
                    "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem",
                    "--tls-auth-clients", "no", "--save", "", "--bind", "127.0.0.1",
                ],
                environment: environment,
                output: "\(folder)/log",
                workingDirectory: folder
            )
        )
        return (process, port, "\(folder)/cert.pem")
    }

    static func endpoint(_ url: String) throws -> RedisEndpoint {
        try #require(RedisEndpoint(url: url))
    }

    /// A client that is up, for as long as the body runs.
    @discardableResult
    static func withClient<R: Sendable>(
        of server: LocalRedis? = nil,
        blocking: Bool = false,
        _ body: (RedisClient) async throws -> R
    ) async throws -> R {
        let client = RedisClient(
            try endpoint(server?.url.unredacted ?? TestServers.shared().redisURL),
            name: "test",
            blocking: blocking,
            logger: quiet
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            defer { client.close() }
            try await client.waitUntilUp()
            return try await body(client)
        }
    }
}
