import Core
import Logging
import Outbound
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPTests {
    private let http: OutboundHTTP

    init() throws {
        http = OutboundHTTP(
            policy: try OutboundPolicy(allow: "loopback"),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    private func server(_ reply: String, seen: Collected<String> = Collected()) throws -> ScriptedServer {
        try ScriptedServer { line in
            guard let head = line.read(until: "\r\n\r\n") else { return }
            let length = head.split(separator: "\r\n").compactMap { field -> Int? in
                field.lowercased().hasPrefix("content-length: ") ? Int(field.dropFirst(16)) : nil
            }
            let body = line.read(count: length.first ?? 0) ?? []
            seen.add(head + "\n" + String(decoding: body, as: UTF8.self))
            line.write(reply)
        }
    }

    private func post(
        _ server: ScriptedServer,
        body: String = "{}",
        within time: Duration = .seconds(20),
        maxResponse: Int = 1_000
    ) async throws(OutboundFailure) -> OutboundResponse {
        try await http.send(
            method: "POST",
            url: "http://127.0.0.1:\(server.port)/v1",
            headers: [("X-Key", "k")],
            body: Array(body.utf8),
            deadline: .after(time),
            maxResponse: maxResponse
        )
    }

    @Test func aRequestAndItsAnswer() async throws {
        let seen = Collected<String>()
        let server = try server("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno", seen: seen)
        defer { server.stop() }
        let response = try await post(server, body: "{\"a\":1}")
        #expect(response.status == 429)
        #expect(response.retryAfter() == .seconds(7))
        #expect(response.body == Array("no".utf8))
        let head = try #require(seen.all.first)
        #expect(
            head.hasPrefix("POST /v1 HTTP/1.1") && head.lowercased().contains("x-key: k") && head.hasSuffix("{\"a\":1}")
        )
    }

    @Test func redirectsAreNotFollowed() async throws {
        let server = try server("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
        defer { server.stop() }
        #expect(try await post(server).status == 302)
        #expect(server.connections == 1)
    }

    @Test func anAnswerLargerThanAskedForIsLost() async throws {
        let large = String(repeating: "x", count: 5_000)
        let server = try server("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n\(large)")
        defer { server.stop() }
        await #expect(throws: OutboundFailure.lost(.tooLarge)) { try await post(server) }
    }

    @Test func aConnectionClosedAfterTheRequestIsLost() async throws {
        let server = try server("")
        defer { server.stop() }
        await #expect(throws: OutboundFailure.lost(.closed)) { try await post(server) }
    }

    @Test func silenceAfterTheRequestIsLostAtTheDeadline() async throws {
        let server = try ScriptedServer { $0.hang() }
        defer { server.stop() }
        await #expect(throws: OutboundFailure.lost(.deadline)) { try await post(server, within: .milliseconds(300)) }
    }

    @Test func nothingListeningIsNotSent() async throws {
        let server = try ScriptedServer { _ in }
        server.stop()
        await #expect(throws: OutboundFailure.notSent(.connect)) { try await post(server) }
    }

    @Test func aPassedDeadlineIsNotSent() async throws {
        let server = try ScriptedServer { $0.hang() }
        defer { server.stop() }
        await #expect(throws: OutboundFailure.notSent(.deadline)) { try await post(server, within: .zero) }
        #expect(server.connections == 0)
    }

    @Test func thePolicyIsAskedFirst() async throws {
        let strict = OutboundHTTP(
            policy: try OutboundPolicy(allow: nil),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let server = try ScriptedServer { $0.hang() }
        defer { server.stop() }
        for url in ["http://127.0.0.1:\(server.port)", "https://localhost:\(server.port)", "gopher://127.0.0.1"] {
            await #expect(throws: OutboundFailure.notSent(.policy)) {
                try await strict.send(method: "POST", url: url, body: [1], deadline: .after(.seconds(5)))
            }
        }
        #expect(server.connections == 0)
    }

    @Test func aServerWithoutTLSIsNotSent() async throws {
        let server = try ScriptedServer { $0.write("HTTP/1.1 200 OK\r\n\r\n") }
        defer { server.stop() }
        await #expect(throws: OutboundFailure.notSent(.tls)) {
            try await http.send(
                method: "POST",
                url: "https://127.0.0.1:\(server.port)",
                body: [1],
                deadline: .after(.seconds(10))
            )
        }
    }
}
