import Core
import Logging
import NIOSSL
import TestKit
import Testing

@testable import Outbound

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

    /// A provider that takes its time over one message must not hold up those beside it.
    @Test func callsToOneHostGoSideBySide() async throws {
        let calls = OutboundHTTP.mostCallsPerHost / 4
        let everybody = Meeting(of: calls)
        let server = try ScriptedServer { line in
            guard line.read(until: "\r\n\r\n{}") != nil, everybody.isThere() else { return }
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<calls { group.addTask { try await post(server).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: calls))
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

    /// A reply that is not whole, or no reply of HTTP at all: nobody knows what became of the request.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"id\":", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 2", "\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"id\":1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "220 mail.example ESMTP\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2",
        "HTTP/1.1 999999 Odd\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
    ])
    func aReplyThatIsNotWholeIsLost(reply: String) async throws {
        let server = try server(reply)
        defer { server.stop() }
        await #expect(throws: OutboundFailure.lost(.closed)) { try await post(server) }
    }

    /// The place of a reply that does not end, and what is written there again and again.
    @Test(arguments: [
        (
            "HTTP/1.1 200 OK\r\n", "X-Header: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
            [OutboundFailure.lost(.closed)]
        ),
        ("HTTP/1.1 200 OK\r\nX-Header: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", [.lost(.closed)]),
        ("HTTP/1.1 200 OK\r\n\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", [.lost(.tooLarge)]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", "aaaaaaaaaaaaaaaaaaaa", [.lost(.tooLarge)]),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\naaaa\r\n", [.lost(.tooLarge)]),
        ("", "HTTP/1.1 100 Continue\r\n\r\n", [.lost(.deadline), .lost(.closed)]),
    ])
    func aReplyWithoutEndHasItsBounds(head: String, again: String, failures: [OutboundFailure]) async throws {
        let ended = Collected<Bool>()
        let server = try ScriptedServer { line in
            _ = line.read(until: "\r\n\r\n")
            line.write(head)
            let piece = String(repeating: again, count: 100)
            while line.goesOn(piece) {}
            ended.add(true)
        }
        defer { server.stop() }
        do {
            // Who is to come to the deadline need not wait long for it, all others need not hurry.
            _ = try await post(server, within: failures.contains(.lost(.deadline)) ? .seconds(3) : .seconds(20))
            Issue.record("it ended")
        } catch {
            #expect(failures.contains(error))
        }
        // Nobody reads on in the background.
        try await eventually("the connection's end") { !ended.all.isEmpty }
    }

    /// Something comes all the time, so that only the whole call's time can end it.
    @Test func aReplyThatDripsIsLostAtTheDeadline() async throws {
        let ended = Collected<Bool>()
        let server = try ScriptedServer { line in
            guard line.read(until: "\r\n\r\n{}") != nil else { return }
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
            line.drip("a")
            ended.add(true)
        }
        defer { server.stop() }
        await #expect(throws: OutboundFailure.lost(.deadline)) { try await post(server, within: .seconds(2)) }
        try await eventually("the connection's end") { !ended.all.isEmpty }
    }

    /// What is packed stays packed: its size is that of what was sent.
    @Test func nothingIsUnpacked() async throws {
        let server = try server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
        defer { server.stop() }
        #expect(try await post(server).body == Array("abc".utf8))
    }

    @Test(arguments: [
        ("HTTP/1.0 200 OK\r\n\r\n{}", 200, "{}"), ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", 304, ""),
        ("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n1", 201, "1"),
    ])
    func odderRepliesAreReadAsTheyAre(reply: String, status: Int, body: String) async throws {
        let server = try server(reply)
        defer { server.stop() }
        let answer = try await post(server)
        #expect(answer.status == status && answer.body == Array(body.utf8))
    }

    @Test(
        arguments: [
            ("-1", .seconds(1)), ("0", .seconds(1)), ("7", .seconds(7)), ("86401", OutboundResponse.longestPause),
            ("9223372036854775807", OutboundResponse.longestPause), ("1000000000000000000000000000000", nil),
            ("1e30", nil),
            ("NaN", nil), ("inf", nil), ("", nil), ("7.5", nil), ("\u{0}7", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", OutboundResponse.longestPause), ("Fri, 31 Dec 99999 23:59:59 GMT", nil),
            ("Sat, 00 Jan 0000 00:00:00 GMT", nil), ("Wed, 01 Jan 0001 00:00:00 GMT", .seconds(1)),
        ] as [(String, Duration?)]
    )
    func retryAfterIsHeldWithinADay(text: String, pause: Duration?) {
        #expect(OutboundResponse(status: 429, headers: [("Retry-After", text)]).retryAfter() == pause)
    }

    /// A connection whose protection breaks afterwards may have carried the request.
    @Test func aBrokenProtectionIsNotSentOnlyBeforeTheRequest() {
        for (hasBegun, hasBody, wanted) in [
            (false, true, OutboundFailure.notSent(.tls)), (false, false, .notSent(.tls)), (true, true, .lost(.closed)),
            (true, false, .lost(.closed)),
        ] {
            let failure = OutboundHTTP.failure(NIOSSLError.uncleanShutdown, hasBegun: hasBegun, hasBody: hasBody)
            #expect(failure == wanted)
        }
    }

    @Test func silenceAfterTheRequestIsLostAtTheDeadline() async throws {
        let server = try ScriptedServer { $0.hang() }
        defer { server.stop() }
        await #expect(throws: OutboundFailure.lost(.deadline)) { try await post(server, within: .seconds(3)) }
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
