import Core
import CoreMetrics
import FoundationEssentials
import Glibc
import Logging
import Synchronization
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    private final class Switch: Sendable {
        let isOn = Mutex(false)
    }

    @Test func readinessNamesWhatIsDown() async {
        let report = await HealthReport.make(
            [
                HealthCheck("postgres") { .up }, HealthCheck("redis") { .down("unavailable") },
                HealthCheck("bus") {
                    // Never answers, until it is given up.
                    for await _ in AsyncStream<Void>.makeStream().stream {}
                    return .up
                },
            ],
            patience: .milliseconds(50)
        )
        #expect(!report.isReady)
        #expect(
            report.json
                == "{\"status\":\"unready\",\"checks\":[{\"name\":\"postgres\",\"status\":\"up\"},"
                + "{\"name\":\"redis\",\"status\":\"down\",\"reason\":\"unavailable\"},"
                + "{\"name\":\"bus\",\"status\":\"down\",\"reason\":\"timeout\"}]}"
        )
    }

    @Test func theServerAnswersOnItsPort() async throws {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "seen_total", dimensions: []).increment(by: 7)
        let redis = Switch()
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let server = HealthServer(
            port: 0,
            host: "127.0.0.1",
            checks: [HealthCheck("redis", isUp: { redis.isOn.withLock { $0 } })],
            metrics: registry,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            onListening: { listening.yield($0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            #expect(try await Self.get("/health/live", port).hasPrefix("HTTP/1.1 200"))
            let unready = try await Self.get("/health/ready", port)
            #expect(unready.hasPrefix("HTTP/1.1 503") && unready.contains("\"name\":\"redis\",\"status\":\"down\""))
            redis.isOn.withLock { $0 = true }
            #expect(try await Self.get("/health/ready", port).hasPrefix("HTTP/1.1 200"))
            let metrics = try await Self.get("/metrics", port)
            #expect(metrics.contains("seen_total 7\n") && metrics.contains("process_resident_memory_bytes"))
            #expect(try await Self.get("/elsewhere", port).hasPrefix("HTTP/1.1 404"))
            group.cancelAll()
        }
    }

    /// A whole HTTP exchange over a plain socket, on a thread that may block.
    @concurrent private static func get(_ path: String, _ port: Int) async throws -> String {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(socket, $0, size) }
        }
        try #require(status == 0)
        let request = Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
        _ = unsafe request.withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, 0) }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
            if count <= 0 { break }
            answer += buffer.prefix(count)
        }
        return String(decoding: answer, as: UTF8.self)
    }
}
