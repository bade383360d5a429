import Core
import Outbound
import TestKit
import Testing

/// The transport against a server that follows a script, fault by fault.
@Suite(.timeLimit(.minutes(1))) struct SMTPTransportTests {
    /// At which point the server does what.
    enum Fault: Sendable {
        case none
        case closeAtOnce, refuseSender, refuseRecipient, refuseMessage, closeAfterBody, hangAfterBody, refusePassword
        case closeBeforeBody
        /// Takes addresses in all letters.
        case takesAllLetters
        /// Says nothing, or never ends what it says.
        case silent, endlessGreeting, endlessAnswer
    }

    private func server(
        _ fault: Fault,
        at host: String = "127.0.0.1",
        seen: Collected<String> = Collected()
    ) throws -> ScriptedServer {
        try ScriptedServer(at: host) { line in
            if fault == .closeAtOnce { return }
            if fault == .silent { return line.hang() }
            if fault == .endlessGreeting { while line.goesOn("220-scripted\r\n") {} }
            line.write("220 scripted ESMTP\r\n")
            while let command = line.readLine() {
                seen.add(command)
                switch command.prefix(4).uppercased() {
                case "EHLO" where fault == .endlessAnswer: while line.goesOn("250-scripted\r\n") {}
                case "EHLO" where fault == .takesAllLetters:
                    line.write("250-scripted\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n")
                case "EHLO": line.write("250-scripted\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n")
                case "AUTH": line.write(fault == .refusePassword ? "535 5.7.8 bad credentials\r\n" : "235 2.7.0 ok\r\n")
                case "MAIL": line.write(fault == .refuseSender ? "451 4.7.1 later\r\n" : "250 2.1.0 ok\r\n")
                case "RCPT": line.write(fault == .refuseRecipient ? "550 5.1.1 no such user\r\n" : "250 2.1.5 ok\r\n")
                case "DATA":
                    if fault == .closeBeforeBody { return }
                    line.write("354 go on\r\n")
                    guard let body = line.read(until: "\r\n.\r\n") else { return }
                    seen.add(body)
                    if fault == .closeAfterBody { return }
                    if fault == .hangAfterBody { return line.hang() }
                    line.write(fault == .refuseMessage ? "554 5.6.0 not this\r\n" : "250 2.0.0 queued as 42\r\n")
                case "NOOP": line.write("250 2.0.0 ok\r\n")
                case "QUIT":
                    line.write("221 bye\r\n")
                    return
                default: line.write("500 what\r\n")
                }
            }
        }
    }

    private func send(
        to server: ScriptedServer,
        with transport: SMTPTransport,
        security: SMTPServer.Security = .none,
        password: String? = nil,
        within time: Duration = .seconds(20),
        text: String = "Hello\r\n.dot\r\n",
        to recipient: String = "asha@example.com",
        header: String = "Subject: x",
        for clinic: ClinicID? = nil
    ) async throws -> SMTPResult {
        await transport.send(
            SMTPServer(
                host: server.host,
                port: server.port,
                security: security,
                username: password.map { _ in "clinic" },
                password: password.map { Secret($0) }
            ),
            from: try self.clinic(),
            to: try #require(EmailAddress(recipient)),
            message: Array("\(header)\r\n\r\n\(text)".utf8),
            for: clinic,
            deadline: .after(time)
        )
    }

    /// Nothing of a message is said to a server that does not take its addresses, on a new connection or on one that is kept.
    @Test func otherLettersGoOnlyToWhoTakesThem() async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        let transport = try transport()
        let replyTo = "Reply-To: <用户@example.com>\r\nSubject: x"
        for _ in 0..<2 {
            #expect(try await send(to: server, with: transport, to: "用户@example.com").verdict == .needsSMTPUTF8)
            #expect(try await send(to: server, with: transport, header: replyTo).verdict == .needsSMTPUTF8)
            // What its text says is its own affair.
            let plain = try await send(to: server, with: transport, text: "用户\r\n")
            #expect(plain.verdict == .accepted)
        }
        #expect(
            seen.all.filter { $0.hasPrefix("MAIL") } == [
                "MAIL FROM:<clinic@example.com>", "MAIL FROM:<clinic@example.com>",
            ]
        )
        #expect(!seen.all.contains { $0.contains("用户@") })
    }

    /// Credentials are not shown to a server that is of no use for the message.
    @Test func whoDoesNotTakeThemIsNotSignedInTo() async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        let result = try await send(to: server, with: try transport(), password: "pw", to: "用户@example.com")
        #expect(result.verdict == .needsSMTPUTF8 && result.step == .beginning)
        #expect(!seen.all.contains { $0.hasPrefix("AUTH") })
    }

    @Test func whoTakesThemIsToldOfThem() async throws {
        let seen = Collected<String>()
        let server = try server(.takesAllLetters, seen: seen)
        defer { server.stop() }
        let transport = try transport()
        for _ in 0..<2 {
            #expect(try await send(to: server, with: transport, to: "用户@example.com").verdict == .accepted)
        }
        #expect(try await send(to: server, with: transport).verdict == .accepted)
        let senders = seen.all.filter { $0.hasPrefix("MAIL") }
        #expect(senders.prefix(2).allSatisfy { $0.hasSuffix(" SMTPUTF8") } && senders.last?.hasSuffix("com>") == true)
        #expect(seen.all.contains("RCPT TO:<用户@example.com>"))
    }

    private func clinic() throws -> EmailAddress { try #require(EmailAddress("clinic@example.com")) }

    private func transport() throws -> SMTPTransport { SMTPTransport(policy: try OutboundPolicy(allow: "loopback")) }

    @Test func anAcceptedMessageAndTheConnectionKept() async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        let transport = try transport()
        let messages = 6
        for _ in 0..<messages {
            let result = try await send(to: server, with: transport, password: "pw")
            #expect(result.verdict == .accepted)
            #expect(result.replyCode == 250)
            #expect(result.line.unredacted == "250 2.0.0 queued as 42")
        }
        // Any of a server's threads may take a message, each with a connection that it keeps.
        #expect(server.connections <= SMTPTransport.perServer)
        #expect(seen.all.contains("MAIL FROM:<clinic@example.com>"))
        #expect(seen.all.contains("RCPT TO:<asha@example.com>"))
        #expect(seen.all.filter { $0.contains("Hello\r\n..dot") }.count == messages)
    }

    @Test(
        arguments: [
            (Fault.closeAtOnce, SMTPResult.Verdict.notSent(.connect), 0, nil), (.refuseSender, .refused, 451, "4.7.1"),
            (.refuseRecipient, .refused, 550, "5.1.1"), (.refuseMessage, .refused, 554, "5.6.0"),
            (.refusePassword, .notAuthenticated, 535, "5.7.8"), (.closeBeforeBody, .notSent(.connect), 250, "2.1.5"),
            (.closeAfterBody, .unknown, 354, nil), (.hangAfterBody, .unknown, 354, nil),
        ] as [(Fault, SMTPResult.Verdict, Int, String?)]
    )
    func whatEachFaultMeans(fault: Fault, verdict: SMTPResult.Verdict, code: Int, enhanced: String?) async throws {
        let server = try server(fault)
        defer { server.stop() }
        let result = try await send(
            to: server,
            with: try transport(),
            password: fault == .refusePassword ? "wrong" : nil,
            within: fault == .hangAfterBody ? .seconds(3) : .seconds(20)
        )
        #expect(result.verdict == verdict)
        #expect(result.replyCode == code)
        #expect(result.enhanced == enhanced)
    }

    @Test(arguments: [Fault.silent, .endlessGreeting, .endlessAnswer])
    func whoNeverComesToAnEndIsNotSent(fault: Fault) async throws {
        let server = try server(fault)
        defer { server.stop() }
        let result = try await send(to: server, with: try transport(), within: .milliseconds(700))
        guard case .notSent = result.verdict else {
            Issue.record("\(result.verdict)")
            return
        }
        #expect(result.line.unredacted.utf8.count <= 1_000)
    }

    /// What a server may say when it has the text, and whether it goes on for ever.
    @Test(
        arguments: [
            ("2", false, .unknown), ("250", false, .unknown), ("250-half", false, .unknown),
            ("250-half\r\n", false, .unknown),
            ("550-half\r\n", false, .unknown), ("what\r\n", false, .unknown), ("\u{0}\u{0}\r\n", false, .unknown),
            ("251 elsewhere\r\n", false, .unknown), ("354 go on\r\n", false, .unknown),
            ("999 odd\r\n", false, .unknown),
            ("250-more\r\n", true, .unknown), ("noise\r\n", true, .unknown),
            ("250 " + String(repeating: "a", count: 1_000_000) + "\r\n", false, nil),
            (String(repeating: "550-no\r\n", count: 500) + "550 5.7.1 policy\r\n", false, .refused),
            ("250-a\r\n250 2.0.0 queued\r\n", false, .accepted),
        ] as [(String, Bool, SMTPResult.Verdict?)]
    )
    func afterTheTextOnlyAWholeAnswerCounts(said: String, again: Bool, verdict: SMTPResult.Verdict?) async throws {
        for hangs in again ? [false] : [false, true] {
            let server = try ScriptedServer { line in
                line.write("220 scripted ESMTP\r\n")
                while let command = line.readLine() {
                    guard command == "DATA" else {
                        line.write("250 ok\r\n")
                        continue
                    }
                    line.write("354 go on\r\n")
                    guard line.read(until: "\r\n.\r\n") != nil else { return }
                    line.write(said)
                    while again, line.goesOn(String(repeating: said, count: 100)) {}
                    return hangs ? line.hang() : ()
                }
            }
            defer { server.stop() }
            let result = try await send(to: server, with: try transport(), within: .seconds(1))
            // A line that is too long may be taken or not, but never for one that was not sent.
            if let verdict {
                #expect(result.verdict == verdict)
            } else {
                #expect([.accepted, .unknown].contains(result.verdict))
            }
            if verdict == .refused { #expect(result.enhanced == "5.7.1") }
            #expect(result.line.unredacted.utf8.count <= 1_000)
        }
    }

    @Test func afterAFailureTheConnectionIsNotUsedAgain() async throws {
        let server = try server(.hangAfterBody)
        defer { server.stop() }
        let transport = try transport()
        for count in 1...2 {
            #expect(try await send(to: server, with: transport, within: .seconds(3)).verdict == .unknown)
            #expect(server.connections == count)
        }
    }

    @Test func twoAtATimePerServerAndAStuckOneHoldsNobodyElseUp() async throws {
        let stuck = try server(.hangAfterBody)
        let healthy = try server(.none)
        defer { healthy.stop() }
        let transport = try transport()
        try await withThrowingTaskGroup(of: SMTPResult.Verdict.self) { group in
            for _ in 0..<6 {
                group.addTask { try await send(to: stuck, with: transport).verdict }
            }
            try await eventually { stuck.connections == SMTPTransport.perServer }
            for _ in 0..<10 {
                let verdict = try? await send(to: healthy, with: transport, within: .seconds(20)).verdict
                #expect(verdict == .accepted)
            }
            #expect(stuck.connections <= SMTPTransport.perServer)
            stuck.stop()
        }
    }

    /// One clinic's servers that never answer, on ports of their own, leave threads to the mails of another.
    @Test func oneClinicsServersThatHangHoldUpNoOtherClinicsMail() async throws {
        let stuck = try (0..<SMTPTransport.mostThreads).map { _ in try server(.silent) }
        let healthy = try server(.none)
        defer { healthy.stop() }
        let transport = try transport()
        let (one, other) = (ClinicID(), ClinicID())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in stuck {
                for _ in 0..<4 { group.addTask { _ = try await send(to: server, with: transport, for: one) } }
            }
            let connections = { stuck.reduce(0) { $0 + $1.connections } }
            try await eventually { connections() == SMTPTransport.perClinic }
            for _ in 0..<10 {
                #expect(try await send(to: healthy, with: transport, for: other).verdict == .accepted)
            }
            for server in stuck { server.stop() }
            try await group.waitForAll()
        }
    }

    /// Several clinics whose servers share an address that hangs hold no more than its part.
    @Test func anAddressThatHangsHoldsUpNobodyElsewhere() async throws {
        let stuck = try (0..<SMTPTransport.mostThreads).map { _ in try server(.silent) }
        let healthy = try server(.none, at: "127.0.0.2")
        defer { healthy.stop() }
        let transport = try transport()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in stuck {
                let clinic = ClinicID()
                for _ in 0..<4 { group.addTask { _ = try await send(to: server, with: transport, for: clinic) } }
            }
            let connections = { stuck.reduce(0) { $0 + $1.connections } }
            try await eventually { connections() == SMTPTransport.perAddress }
            for _ in 0..<10 {
                #expect(try await send(to: healthy, with: transport, for: ClinicID()).verdict == .accepted)
            }
            for server in stuck { server.stop() }
            try await group.waitForAll()
        }
    }

    /// What waits for all of its time says that there was no room here, and nothing of its server.
    @Test func whatIsLateInOurQueueIsOurFault() async throws {
        let server = try server(.silent)
        let transport = try transport()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<SMTPTransport.perServer {
                group.addTask { _ = try await send(to: server, with: transport, within: .seconds(60)) }
            }
            try await eventually { server.connections == SMTPTransport.perServer }
            let late = try await send(to: server, with: transport, within: .milliseconds(100))
            #expect(late.verdict == .notSent(.busy))
            #expect(server.connections == SMTPTransport.perServer)
            server.stop()
            try await group.waitForAll()
        }
    }

    /// The installation's public name where it has one, else the sender's domain, and never the machine's name.
    @Test(
        arguments: [
            (nil, "example.com"), ("Clinic.Example", "clinic.example"), ("localhost", "example.com"),
            ("192.0.2.1", "example.com"), ("clinic.example/x", "example.com"),
        ] as [(String?, String)]
    )
    func weIntroduceOurselvesByAWholeName(name: String?, said: String) async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        let transport = SMTPTransport(policy: try OutboundPolicy(allow: "loopback"), name: name)
        #expect(try await send(to: server, with: transport).verdict == .accepted)
        let place = SMTPServer(host: server.host, port: server.port, security: .none)
        #expect(await transport.check(place, from: try clinic(), deadline: .after(.seconds(20))).verdict == .accepted)
        #expect(Set(seen.all.filter { $0.hasPrefix("EHLO") }) == ["EHLO \(said)"])
    }

    @Test func startTLSIsNeverDoneWithout() async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        #expect(try await send(to: server, with: try transport(), security: .starttls).verdict == .notSent(.tls))
        #expect(!seen.all.contains { $0.hasPrefix("MAIL") })
    }

    @Test func aCheckSignsInAndSendsNothing() async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        let place = SMTPServer(
            host: "127.0.0.1",
            port: server.port,
            security: .none,
            username: "u",
            password: Secret("p")
        )
        #expect(
            await (try transport()).check(place, from: try clinic(), deadline: .after(.seconds(20))).verdict
                == .accepted
        )
        #expect(seen.all.contains("NOOP") && seen.all.contains { $0.hasPrefix("AUTH") })
        #expect(!seen.all.contains { $0.hasPrefix("MAIL") })
        let refusing = try self.server(.refusePassword)
        defer { refusing.stop() }
        var other = place
        other.port = refusing.port
        #expect(
            await (try transport()).check(other, from: try clinic(), deadline: .after(.seconds(20))).verdict
                == .notAuthenticated
        )
    }

    @Test func nothingListeningAndNotAllowed() async throws {
        let server = try server(.none)
        server.stop()
        #expect(try await send(to: server, with: try transport()).verdict == .notSent(.connect))
        let strict = SMTPTransport(policy: try OutboundPolicy(allow: nil))
        #expect(try await send(to: server, with: strict).verdict == .notSent(.policy))
        #expect(try await send(to: server, with: try transport(), within: .zero).verdict == .notSent(.busy))
    }

    @Test func aHundredAtOnceAllArriveOnce() async throws {
        let seen = Collected<String>()
        let server = try server(.none, seen: seen)
        defer { server.stop() }
        let transport = try transport()
        try await withThrowingTaskGroup(of: SMTPResult.Verdict.self) { group in
            for number in 0..<100 {
                group.addTask { try await send(to: server, with: transport, text: "number \(number);\r\n").verdict }
            }
            for try await verdict in group { #expect(verdict == .accepted) }
        }
        let bodies = seen.all.filter { $0.hasPrefix("Subject") }
        #expect(bodies.count == 100 && Set(bodies).count == 100)
        #expect(server.connections <= SMTPTransport.perServer)
    }
}
