import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What a mail server that others have written reports of a clinic's messages, brought to us as it wrote it.
@Suite(.serialized, .enabled(if: MailServer.isInstalled, "\(MailServer.absence)"), .timeLimit(.minutes(3)))
struct MailServerReportTests {
    @Test(
        arguments: [
            ("absent@others.example", "hard_bounce", true), ("bare@others.example", "hard_bounce", true),
            ("policy@others.example", "rejected", false), ("unverified@others.example", "soft_bounce", false),
            ("full@others.example", "soft_bounce", false),
            // Exim says no more of its own mailboxes than that it failed.
            ("nobody@example.com", "soft_bounce", false),
        ]
    ) func aReportEndsItsMessage(address: String, reason: String, isCondemned: Bool) async throws {
        try await MailServer.with(MailServer.Setup(isOpen: true)) { server in
            let clinic = try TestClinic()
            var draft = ProviderDraft.smtp(port: server.port)
            draft.credentials["verifyToken"] = .string(TestClinic.mailToken)
            try await clinic.configure(draft)
            let id = try await clinic.send(to: address)
            #expect(try await clinic.settled(id).status == .sent)
            let report = try await eventually("the report") { server.mails(of: "clinic").first }
            #expect(String(decoding: report, as: UTF8.self).contains("message/delivery-status"))
            #expect(try await clinic.bring(mail: report) == 200)
            let failed = try await clinic.message(id)
            #expect(failed.status == .failed && failed.reason?.code == reason, "\(String(describing: failed.reason))")
            #expect(try await clinic.suppressionReasons() == (isCondemned ? ["hard_bounce"] : []))
            // Nobody's letter, and the same when it is told again.
            #expect(try await clinic.bring(mail: report) == 200)
            let list = try await clinic.ask(MessageDesk.endpoints.conversations.list, .init())
            #expect(list.output?.items.isEmpty == true)
            let next = try await clinic.settled(try await clinic.send(to: address), [.suppressed, .sent])
            #expect(next.status == (isCondemned ? .suppressed : .sent))
        }
    }

    @Test func whatArrivesIsReportedByNobody() async throws {
        try await MailServer.with(MailServer.Setup(isOpen: true)) { server in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: server.port))
            let id = try await clinic.send(to: "asha@others.example")
            #expect(try await clinic.settled(id).status == .sent)
            let mail = try await eventually("the mail went on") { server.mails(of: "asha").first }
            #expect(InboundMail(mail).text.contains("Your results are in."))
            #expect(server.mails(of: "clinic").isEmpty)
        }
    }
}
