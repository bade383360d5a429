import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Our mail as a server takes it that others have written.
@Suite(.serialized, .enabled(if: MailServer.isInstalled, "\(MailServer.absence)"), .timeLimit(.minutes(3)))
struct MailServerTests {
    enum Security: String, CaseIterable { case starttls, tls }

    private func credentials(
        _ server: MailServer,
        _ security: String = "starttls",
        _ changes: [String: JSONValue] = [:]
    ) -> [String: JSONValue] {
        let usual: [String: JSONValue] = [
            "host": "localhost", "port": .integer(Int64(security == "tls" ? server.tlsPort : server.port)),
            "security": .string(security), "username": .string(MailServer.username),
            "password": .string(MailServer.password),
            "fromEmail": "clinic@example.com", "fromName": "Klinik \"Süd\", Ost",
        ]
        return usual.merging(changes) { _, new in new }
    }

    private func provider(
        _ server: MailServer,
        _ security: String = "starttls",
        trusting roots: String?,
        _ changes: [String: JSONValue] = [:]
    ) throws -> SMTPProvider {
        let transports = try ProviderSamples.transports(trustRoots: roots)
        return try #require(SMTPProvider(Credentials(credentials(server, security, changes)), through: transports))
    }

    private func email(_ text: String = "Hello", to address: String = "asha@example.com", key: String = "0192-1") throws
        -> EmailToSend
    {
        EmailToSend(
            id: MessageID(),
            to: try #require(EmailAddress(address)),
            replyTo: nil,
            subject: "Hello",
            text: text,
            html: nil,
            attachments: [],
            date: ProviderSamples.time,
            key: key
        )
    }

    private func send(_ email: EmailToSend, by provider: SMTPProvider) async -> ProviderVerdict {
        await provider.send(OutgoingMessage.email(email), deadline: .after(.seconds(20)))
    }

    private func arrived(_ count: Int = 1, for name: String = "asha", at server: MailServer) async throws -> [[UInt8]] {
        try await eventually("\(count) mails arrived") {
            let mails = server.mails(of: name)
            return mails.count >= count ? mails : nil
        }
    }

    // MARK: - What arrives

    @Test(arguments: Security.allCases) func whatArrivesIsWhatWasHandedOver(security: Security) async throws {
        let awkward =
            ".\n..\n.at the start\nFrom here\n" + String(repeating: "long ", count: 400) + "\nends without a line end"
        try await MailServer.with { server in
            let provider = try provider(server, security.rawValue, trusting: server.certificate)
            for email in [try ProviderSamples.emailWithFiles(), try email(awkward), try email(".")] {
                let before = server.mails(of: "asha").count
                let verdict = await send(email, by: provider)
                #expect(verdict.outcome == .accepted && verdict.messageID == email.key, "\(verdict)")
                let mails = try await arrived(before + 1, at: server)
                let wanted = String(decoding: try provider.writing(email).bytes(), as: UTF8.self)
                    .replacing("\r\n", with: "\n")
                // Servers write above it whom they have it from, and touch nothing else.
                let kept = mails.map { String(decoding: $0, as: UTF8.self) }.filter { $0.hasSuffix("\n\(wanted)") }
                try #require(kept.count == 1)
                let above = kept[0].dropLast(wanted.count).split(separator: "\n").filter {
                    $0.first?.isWhitespace == false
                }
                #expect(above.count == 1 && above[0].hasPrefix("Received: "))
                #expect(kept[0].contains("with esmtpsa") && kept[0].contains("helo=example.com"))
            }
        }
    }

    @Test(arguments: Security.allCases) func namesInOtherScriptsAreTaken(security: Security) async throws {
        try await MailServer.with { server in
            let provider = try provider(server, security.rawValue, trusting: server.certificate)
            for (address, box) in [("आशा@example.com", "आशा"), ("zoë@klinik-süd.example", "zoë")] {
                #expect(await send(try email(to: address), by: provider).outcome == .accepted)
                let mail = try #require(try await arrived(for: box, at: server).first)
                // How it came says that it was announced.
                #expect(String(decoding: mail, as: UTF8.self).contains("with utf8esmtpsa"))
            }
        }
    }

    @Test func namesInQuotesAreTaken() async throws {
        try await MailServer.with { server in
            let provider = try provider(
                server,
                trusting: server.certificate,
                ["fromEmail": #""the clinic"@example.com"#]
            )
            for box in MailServer.quotedBoxes {
                let address = "\"\(box.replacing("\"", with: "\\\""))\"@example.com"
                #expect(await send(try email(to: address), by: provider).outcome == .accepted, "\(address)")
                let mail = String(decoding: try #require(try await arrived(for: box, at: server).first), as: UTF8.self)
                #expect(mail.contains("To: <\(address)>") && mail.contains(#"<"the clinic"@example.com>"#), "\(mail)")
            }
        }
    }

    /// Who cannot read a name in quotes has not looked for it; the next provider may.
    @Test(
        arguments: [
            ("501 5.1.3 Bad recipient address syntax", .senderNotAuthorised, .contentRejected),
            ("501 Invalid local part", .senderNotAuthorised, .contentRejected),
            ("553 5.1.3 The address is not valid", .senderNotAuthorised, .badRecipient),
            ("550 5.1.1 No such user", .badRecipient, .badRecipient),
        ] as [(String, AttemptOutcome, AttemptOutcome)]
    ) func aNameInQuotesIsCondemnedOnlyWhereItIsRead(
        reply: String,
        quoted: AttemptOutcome,
        plain: AttemptOutcome
    ) async throws {
        try await MailServer.with(MailServer.Setup(replies: [.rcpt: reply])) { server in
            let provider = try provider(server, trusting: server.certificate)
            let verdict = await send(try email(to: #""a b"@example.com"#), by: provider)
            #expect(verdict.outcome == quoted && verdict.host == .answered, "\(verdict)")
            #expect((verdict.detail == ProviderVerdict.quotesDetail) == (quoted == .senderNotAuthorised))
            #expect(await send(try email(), by: provider).outcome == plain)
        }
    }

    @Test(arguments: Security.allCases) func whoDoesNotTakeThemIsNotToldOfThem(security: Security) async throws {
        try await MailServer.with(MailServer.Setup(takesAllLetters: false)) { server in
            let provider = try provider(server, security.rawValue, trusting: server.certificate)
            for _ in 0..<2 {
                let verdict = await send(try email(to: "आशा@example.com"), by: provider)
                #expect(verdict == .asciiOnly(host: .answered))
                // A domain in other letters travels in ASCII.
                let other = try email(to: "asha@klinik-süd.example")
                #expect(await send(other, by: provider).outcome == .accepted)
            }
            let mails = try await arrived(2, at: server).map { String(decoding: $0, as: UTF8.self) }
            #expect(mails.allSatisfy { $0.contains("To: <asha@xn--klinik-sd-x9a.example>") }, "\(mails)")
            #expect(!server.log.contains("आशा"))
        }
    }

    // MARK: - Who is let in

    @Test(arguments: ["PLAIN", "LOGIN", "CRAM-MD5"]) func whoKnowsThePasswordIsLetIn(mechanism: String) async throws {
        try await MailServer.with(MailServer.Setup(mechanisms: [mechanism])) { server in
            let known = try provider(server, trusting: server.certificate)
            #expect(await known.check(deadline: .after(.seconds(20))).outcome == .accepted)
            #expect(server.mails(of: "asha").isEmpty)
            #expect(await send(try email(), by: known).outcome == .accepted)
            _ = try await arrived(at: server)
            let stranger = try provider(server, trusting: server.certificate, ["password": "another"])
            #expect(await stranger.check(deadline: .after(.seconds(20))).outcome == .credentials)
            let refused = await send(try email(), by: stranger)
            #expect(refused.outcome == .credentials && refused.code == "535")
            let nobody = try provider(server, trusting: server.certificate, ["username": .null, "password": .null])
            #expect(await send(try email(), by: nobody).outcome == .senderNotAuthorised)
            #expect(server.mails(of: "asha").count == 1)
        }
    }

    @Test func theContractHolds() async throws {
        try await MailServer.with { server in
            for security in ["starttls", "tls"] {
                let contract = ProviderContract(
                    place: ProviderContract.Place(channel: .email, provider: SMTPProvider.name),
                    credentials: credentials(server, security),
                    allowed: "loopback",
                    trustRoots: server.certificate
                )
                try await contract.letsUsIn()
                try await contract.keepsOthersOut()
                try await contract.takesAMessage(to: "\(security)@example.com")
                _ = try await arrived(for: security, at: server)
            }
        }
    }

    @Test(arguments: Security.allCases) func whoCannotBeTrustedIsToldNothing(security: Security) async throws {
        try await MailServer.with { server in
            let unknown = try provider(server, security.rawValue, trusting: nil)
            let misnamed = try provider(
                server,
                security.rawValue,
                trusting: server.certificate,
                ["host": "127.0.0.1"]
            )
            for provider in [unknown, misnamed] {
                let verdict = await send(try email(), by: provider)
                #expect(verdict.outcome == .transient && verdict.host == .unreachable, "\(verdict)")
                #expect(verdict.detail == "No trusted connection to the provider.")
            }
            #expect(!server.log.contains("<="))
        }
    }

    /// It is the server there that shows who it is.
    @Test(arguments: Security.allCases) func anEndpointIsTrustedByItsOwnName(security: Security) async throws {
        try await MailServer.with { server in
            let (scheme, port) = security == .tls ? ("smtps", server.tlsPort) : ("smtp", server.port)
            func provider(at host: String, beside other: JSONValue) throws -> SMTPProvider {
                let changes: [String: JSONValue] = ["host": other, "endpoint": .string("\(scheme)://\(host):\(port)")]
                return try self.provider(server, security.rawValue, trusting: server.certificate, changes)
            }
            #expect(
                await send(try email(), by: try provider(at: "localhost", beside: "mail.example")).outcome == .accepted
            )
            let misnamed = await send(try email(), by: try provider(at: "127.0.0.1", beside: "localhost"))
            #expect(misnamed.outcome == .transient && misnamed.detail == "No trusted connection to the provider.")
        }
    }

    @Test func withoutEncryptionNobodySignsIn() async throws {
        try await MailServer.with(MailServer.Setup(settings: ["tls_advertise_hosts ="])) { server in
            let verdict = await send(try email(), by: try provider(server, trusting: server.certificate))
            #expect(verdict.outcome == .transient && verdict.host == .unreachable, "\(verdict)")
            #expect(!server.log.contains("<="))
        }
    }

    // MARK: - What is refused

    @Test(
        arguments: [
            (.connect, "421 4.3.2 Not now", AttemptOutcome.transient),
            (.connect, "554 5.7.1 Not you", .senderNotAuthorised),
            (.connect, "550 Administrative prohibition", .senderNotAuthorised),
            (.helo, "550 Who are you?", .senderNotAuthorised),
            (.mail, "451 4.3.0 Later", .transient), (.mail, "550 Administrative prohibition", .senderNotAuthorised),
            (.mail, "550 5.1.0 Address rejected", .senderNotAuthorised),
            (.mail, "552 5.3.4 Too large", .contentRejected),
            (.rcpt, "451 4.7.1 Greylisted", .transient), (.rcpt, "452 4.2.2 Full", .transient),
            (.rcpt, "552 5.2.2 Full", .badRecipient), (.data, "552 5.2.2 Full", .badRecipient),
            (.rcpt, "550 5.1.1 No such user", .badRecipient), (.rcpt, "550 No such user", .badRecipient),
            (.rcpt, "550 5.7.1 Relaying denied", .senderNotAuthorised), (.predata, "451 4.3.0 Later", .transient),
            (.predata, "554 5.5.1 No", .contentRejected), (.data, "451 4.6.0 Later", .transient),
            (.data, "554 5.6.0 Not this", .contentRejected), (.data, "550 5.7.1 Looks like spam", .senderNotAuthorised),
        ] as [(MailServer.Stage, String, AttemptOutcome)]
    ) func whatEachRefusalMeans(stage: MailServer.Stage, reply: String, outcome: AttemptOutcome) async throws {
        try await MailServer.with(MailServer.Setup(replies: [stage: reply], isOpen: true)) { server in
            let open: [String: JSONValue] = ["username": .null, "password": .null, "host": "127.0.0.1"]
            let provider = try provider(server, "none", trusting: nil, open)
            let verdict = await send(try email(), by: provider)
            #expect(verdict.outcome == outcome && verdict.host == .answered, "\(verdict)")
            #expect(verdict.code?.hasPrefix(reply.prefix(3)) == true, "\(verdict)")
            #expect(server.mails(of: "asha").isEmpty)
        }
    }

    @Test func whatIsTooLargeIsNotHandedOver() async throws {
        try await MailServer.with(MailServer.Setup(settings: ["message_size_limit = 20K"])) { server in
            let provider = try provider(server, trusting: server.certificate)
            let verdict = await send(try email(String(repeating: "0123456789", count: 3_000)), by: provider)
            #expect(verdict.outcome == .contentRejected && verdict.code?.hasPrefix("552") == true, "\(verdict)")
            #expect(server.log.contains("rejected MAIL"))
            #expect(await send(try email(), by: provider).outcome == .accepted)
        }
    }

    // MARK: - Connections

    @Test func connectionsAreKeptAndEachMessageArrivesOnce() async throws {
        let count = 40
        try await MailServer.with { server in
            let provider = try provider(server, trusting: server.certificate)
            await withTaskGroup(of: AttemptOutcome?.self) { group in
                for number in 0..<count {
                    group.addTask {
                        guard let email = try? email("number \(number);", key: "k\(number)") else { return nil }
                        return await send(email, by: provider).outcome
                    }
                }
                for await outcome in group { #expect(outcome == .accepted) }
            }
            let texts = try await arrived(count, at: server).map { String(decoding: $0, as: UTF8.self) }
            for number in 0..<count { #expect(texts.filter { $0.contains("number \(number);") }.count == 1) }
            #expect(server.connections <= SMTPTransport.perServer, "\(server.connections)")
        }
    }

    @Test(arguments: ["smtp_accept_max_per_connection = 2", "smtp_receive_timeout = 1s"])
    func aConnectionThatTheServerEndsCostsNoMessage(setting: String) async throws {
        try await MailServer.with(MailServer.Setup(settings: [setting])) { server in
            let provider = try provider(server, trusting: server.certificate)
            for number in 1...5 {
                let verdict = await send(try email(key: "k\(number)"), by: provider)
                #expect(verdict.outcome == .accepted, "\(number): \(verdict)")
                if setting.contains("timeout") {
                    try await eventually("the server has no more patience") {
                        server.log.split(separator: "\n").filter { $0.contains("command timeout") }.count >= number
                    }
                }
            }
            #expect(try await arrived(5, at: server).count == 5)
            #expect(server.connections > 1)
        }
    }
}
