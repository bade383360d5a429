import Core
import Logging
import NIOCore
import NIOEmbedded
import NIOSSL
import Synchronization
import TestKit
import Testing

@testable import Outbound

/// Names that lead to one address when they are checked and to another one when they are connected to.
@Suite(.timeLimit(.minutes(1))) struct RebindingTests {
    private static let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private static let name = "files.example.test"

    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    /// Answers each question with the next of these, and the last one for good.
    private static func answers(_ answers: [String]..., asked: Counted = Counted()) throws
        -> @Sendable (String)
        -> [IPAddress]
    {
        let answers = try answers.map { try $0.map { try address($0) } }
        return { _ in answers[min(asked.next(), answers.count - 1)] }
    }

    /// A name that was allowed leads to this machine by the time of the connection: nothing is written to it.
    @Test func aConnectionThatLeadsElsewhereIsWrittenNothing() async throws {
        let seen = Collected<String>()
        let closed = Collected<Bool>()
        let server = try ScriptedServer { line in
            if line.read(count: 1) != nil, let head = line.read(until: "\r\n\r\n") {
                seen.add(head)
                line.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
            closed.add(true)
        }
        defer { server.stop() }
        let policy = try OutboundPolicy(allow: "10.0.0.0/8", lookup: try Self.answers(["10.1.2.3"]))
        let http = OutboundHTTP(policy: policy, logger: Self.log, places: [Self.name: "127.0.0.1"])
        await #expect(throws: OutboundFailure.notSent(.policy)) {
            try await http.send(
                method: "POST",
                url: "http://\(Self.name):\(server.port)/v1",
                headers: [("Authorization", "Bearer secret-token")],
                body: Array("health data".utf8),
                deadline: .after(.seconds(10))
            )
        }
        try await eventually("the connection is closed") { !closed.all.isEmpty }
        #expect(server.connections == 1 && seen.all.isEmpty)
        // The same name where it may lead: what was refused is the address.
        let open = try OutboundPolicy(allow: "10.0.0.0/8,127.0.0.0/8", lookup: try Self.answers(["10.1.2.3"]))
        let other = OutboundHTTP(policy: open, logger: Self.log, places: [Self.name: "127.0.0.1"])
        let answer = try await other.send(
            method: "GET",
            url: "http://\(Self.name):\(server.port)/v1",
            deadline: .after(.seconds(10))
        )
        #expect(answer.status == 200 && seen.all.count == 1)
    }

    /// What a name leads to is looked up for each request, not once for all.
    @Test func aNameThatTurnsInwardsIsRefusedBeforeAnyConnection() async throws {
        let server = try ScriptedServer { line in
            _ = line.read(until: "\r\n\r\n")
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        for inward in ["169.254.169.254", "::1", "::ffff:169.254.169.254", "fd00:ec2::254"] {
            let lookup = try Self.answers(["127.0.0.1"], ["127.0.0.1", inward])
            let policy = try OutboundPolicy(allow: "127.0.0.0/8", lookup: lookup)
            let http = OutboundHTTP(policy: policy, logger: Self.log, places: [Self.name: "127.0.0.1"])
            let before = server.connections
            let url = "http://\(Self.name):\(server.port)/"
            let first = try await http.send(method: "GET", url: url, deadline: .after(.seconds(10)))
            #expect(first.status == 200)
            await #expect(throws: OutboundFailure.notSent(.policy)) {
                try await http.send(method: "GET", url: url, deadline: .after(.seconds(10)))
            }
            #expect(server.connections == before + 1)
        }
    }

    /// Which peers are written to, by address, with and without TLS.
    @Test(
        arguments: [
            ("public", "127.0.0.1", true, false), ("public", "169.254.169.254", true, false),
            ("public", "fd00:ec2::254", true, false), ("public", "::ffff:127.0.0.1", true, false),
            ("public", "10.1.2.3", true, false), ("public", "8.8.8.8", true, true), ("public", "8.8.8.8", false, false),
            ("10.0.0.0/8", "10.1.2.3", false, true), ("10.0.0.0/8", "127.0.0.1", false, false),
            ("public,10.0.0.0/8", "8.8.8.8", false, false), ("loopback", "127.0.0.1", false, true),
            ("loopback", "169.254.169.254", false, false),
        ]
    )
    func thePeerDecides(rules: String, peer: String, encrypted: Bool, allowed: Bool) throws {
        let channel = EmbeddedChannel()
        if encrypted {
            let context = try NIOSSLContext(configuration: .makeClientConfiguration())
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: "a.b"))
        }
        try channel.connect(to: SocketAddress(ipAddress: peer, port: 443)).wait()
        let decision = OutboundHTTP.checkPeer(of: channel, try OutboundPolicy(allow: rules))
        if allowed {
            try decision.wait()
            #expect(channel.isActive)
        } else {
            #expect(throws: OutboundError.self) { try decision.wait() }
            channel.embeddedEventLoop.run()
            #expect(!channel.isActive)
        }
    }

    /// A mail server's name is looked up once, and the connection goes to what was checked: nobody else is asked for it.
    @Test func mailGoesToTheAddressThatWasChecked() async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { line in
            line.write("220 scripted ESMTP\r\n")
            while let command = line.readLine() {
                seen.add(command)
                switch command.prefix(4).uppercased() {
                case "DATA":
                    line.write("354 go on\r\n")
                    _ = line.read(until: "\r\n.\r\n")
                    line.write("250 2.0.0 queued\r\n")
                case "QUIT": return line.write("221 bye\r\n")
                default: line.write("250 ok\r\n")
                }
            }
        }
        defer { server.stop() }
        let asked = Counted()
        // No resolver knows the name; then it turns to where credentials of machines lie.
        let lookup = try Self.answers(["127.0.0.1"], ["169.254.169.254"], asked: asked)
        let transport = SMTPTransport(policy: try OutboundPolicy(allow: "127.0.0.0/8", lookup: lookup))
        func send() async throws -> SMTPResult.Verdict {
            await transport.send(
                SMTPServer(host: Self.name, port: server.port, security: .none),
                from: try #require(EmailAddress("clinic@example.com")),
                to: try #require(EmailAddress("asha@example.com")),
                message: Array("Subject: x\r\n\r\nHello\r\n".utf8),
                deadline: .after(.seconds(20))
            ).verdict
        }
        #expect(try await send() == .accepted)
        #expect(asked.count == 1)
        // The connection is kept, and not used for a name that leads elsewhere now.
        #expect(try await send() == .notSent(.policy))
        #expect(asked.count == 2 && server.connections == 1)
        #expect(seen.all.count { $0.hasPrefix("DATA") } == 1)
    }

    /// Where one of a name's addresses is not allowed, none is.
    @Test func mailIsNotSentToANameWithOneBadAddress() async throws {
        let server = try ScriptedServer { $0.hang() }
        defer { server.stop() }
        let lookup = try Self.answers(["127.0.0.1", "10.0.0.1"])
        let transport = SMTPTransport(policy: try OutboundPolicy(allow: "127.0.0.0/8", lookup: lookup))
        let clinic = try #require(EmailAddress("clinic@example.com"))
        let mail = SMTPServer(host: Self.name, port: server.port, security: .none, username: "u", password: Secret("p"))
        #expect(await transport.check(mail, from: clinic, deadline: .after(.seconds(10))).verdict == .notSent(.policy))
        #expect(server.connections == 0)
    }
}

/// Counts questions.
private final class Counted: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }
    /// How many there were before this one.
    func next() -> Int {
        value.withLock { count in
            defer { count += 1 }
            return count
        }
    }
}
