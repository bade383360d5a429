import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// What mail servers report of a clinic's own messages.
@Suite(.timeLimit(.minutes(3))) struct MailReportTests {
    private func clinic(_ sandbox: SandboxPlace) async throws -> TestClinic {
        let clinic = try TestClinic()
        var draft = ProviderDraft.smtp(port: sandbox.smtpPort)
        draft.credentials["verifyToken"] = .string(TestClinic.mailToken)
        try await clinic.configure(draft)
        return clinic
    }

    private func report(
        of name: String,
        _ recipient: String,
        _ action: String,
        _ status: String,
        original: String? = nil
    ) -> [UInt8] {
        let lines = [
            "Return-Path: <>", "From: MAILER-DAEMON@mx.example.com", "Message-ID: <\(RequestID())@mx>",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=r", "", "--r", "", "Sorry.", "--r",
            "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.com", "",
            original.map { "Original-Recipient: rfc822;\($0)" } ?? "X-Extra: 1",
            "Final-Recipient: rfc822; \(recipient)",
            "Action: \(action)", "Status: \(status)", "", "--r", "Content-Type: text/rfc822-headers", "",
            "Message-ID: <\(name)@example.com>", "--r--",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    private func sent(_ clinic: TestClinic, to address: String) async throws -> (id: MessageID, name: String) {
        let id = try await clinic.send(to: address)
        let message = try await clinic.settled(id)
        #expect(message.status == .sent)
        return (id, try #require(message.attempts.last?.providerMessageId))
    }

    @Test func aBounceEndsItsMessageAndSuppressesItsAddress() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "asha\(clinic.clinic.low)@example.com"
            let (id, name) = try await sent(clinic, to: address)
            // Not ours, not theirs, not over yet.
            for body in [
                report(of: "\(MessageID())", address, "failed", "5.1.1"),
                report(of: name, "somebody.else@example.com", "failed", "5.1.1"),
                report(of: name, address, "delayed", "4.4.1"), report(of: name, "no address", "failed", "5.1.1"),
            ] { #expect(try await clinic.bring(mail: body) == 200) }
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await clinic.suppressionReasons().isEmpty)
            #expect(try await clinic.bring(mail: report(of: name, address.uppercased(), "failed", "5.1.1")) == 200)
            let failed = try await clinic.message(id)
            #expect(failed.status == .failed && failed.reason?.code == "hard_bounce")
            #expect(try await clinic.suppressionReasons() == ["hard_bounce"])
            // A report is nobody's letter.
            let list = try await clinic.ask(MessageDesk.endpoints.conversations.list, .init())
            #expect(list.output?.items.isEmpty == true)
            let next = try await clinic.send(to: address)
            #expect(try await clinic.settled(next, [.suppressed]).reason?.code == "suppressed_hard_bounce")
        }
    }

    @Test func aPolicyCondemnsNoAddress() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "ben\(clinic.clinic.low)@example.com"
            for (status, reason) in [("5.7.1", "rejected"), ("5.2.2", "soft_bounce"), ("4.4.7", "soft_bounce")] {
                let (id, name) = try await sent(clinic, to: address)
                #expect(try await clinic.bring(mail: report(of: name, address, "failed", status)) == 200)
                let message = try await clinic.message(id)
                #expect(message.reason?.code == reason)
                #expect(message.attempts.map(\.failure?.code) == [reason])
                #expect(message.attempts.map(\.failure?.providerCode) == [status])
            }
            #expect(try await clinic.suppressionReasons().isEmpty)
        }
    }

    /// Whoever cannot read a name in quotes has not looked for it; whoever can says what they say of every address.
    @Test(arguments: [("5.1.3", "rejected", []), ("5.1.1", "hard_bounce", ["hard_bounce"])])
    func aNameInQuotesIsCondemnedOnlyWhereItIsRead(status: String, reason: String, suppressions: [String]) async throws
    {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = #""Eva; \(clinic.clinic.low)"@example.com"#
            let (id, name) = try await sent(clinic, to: address)
            #expect(try await clinic.bring(mail: report(of: name, address, "failed", status)) == 200)
            #expect(try await clinic.message(id).reason?.code == reason)
            #expect(try await clinic.suppressionReasons() == suppressions)
        }
    }

    @Test func aMailboxThatIsSentOnIsKnownByItsFirstAddress() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "cara\(clinic.clinic.low)@example.com"
            let (id, name) = try await sent(clinic, to: address)
            let body = report(of: name, "cara@elsewhere.example", "failed", "5.1.1", original: address)
            #expect(try await clinic.bring(mail: body) == 200)
            #expect(try await clinic.message(id).status == .failed)
            let (delivered, second) = try await sent(clinic, to: "d\(address)")
            #expect(try await clinic.bring(mail: report(of: second, "d\(address)", "delivered", "2.0.0")) == 200)
            #expect(try await clinic.message(delivered).status == .delivered)
        }
    }

    @Test func oneClinicsReportMovesNothingOfAnothers() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try await clinic(sandbox), try await clinic(sandbox))
            let address = "dora\(clinic.clinic.low)@example.com"
            let (id, name) = try await sent(clinic, to: address)
            #expect(try await other.bring(mail: report(of: name, address, "failed", "5.1.1")) == 200)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await other.suppressionReasons().isEmpty)
            #expect(try await clinic.suppressionReasons().isEmpty)
        }
    }

    /// What became of the first try says nothing of the second.
    @Test func aLateReportOfAnEarlierTryMovesNothing() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "eva\(clinic.clinic.low)@example.com"
            let (id, name) = try await sent(clinic, to: address)
            #expect(try await clinic.bring(mail: report(of: name, address, "failed", "5.2.2")) == 200)
            #expect(try await clinic.message(id).status == .failed)
            #expect(try await clinic.ask(MessageDesk.endpoints.messages.retry, MessagePath(id: id)).status == 200)
            let again = try await clinic.settled(id)
            #expect(again.status == .sent)
            let second = try #require(again.attempts.last?.providerMessageId)
            #expect(second != name)
            #expect(try await clinic.bring(mail: report(of: name, address, "failed", "4.4.7")) == 200)
            #expect(try await clinic.bring(mail: report(of: name, address, "failed", "5.7.1")) == 200)
            let present = try await clinic.message(id)
            #expect(present.status == .sent && present.attempts.map(\.failure?.code) == ["rejected", nil])
            #expect(try await clinic.bring(mail: report(of: second, address, "failed", "5.7.1")) == 200)
            let failed = try await clinic.message(id)
            #expect(failed.status == .failed && failed.reason?.code == "rejected")
        }
    }

    @Test func aComplaintIsKeptAsOne() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "fay\(clinic.clinic.low)@example.com"
            let (id, name) = try await sent(clinic, to: address)
            let lines = [
                "From: fbl@provider.example", "Content-Type: multipart/report; report-type=feedback-report; boundary=r",
                "", "--r", "", "A complaint.", "--r", "Content-Type: message/feedback-report", "",
                "Feedback-Type: abuse",
                "", "--r", "Content-Type: message/rfc822", "", "Message-ID: <\(name)@example.com>", "To: \(address)",
                "",
                "x", "--r--",
            ]
            #expect(try await clinic.bring(mail: Array(lines.joined(separator: "\r\n").utf8)) == 200)
            #expect(try await clinic.message(id).status == .delivered)
            #expect(try await clinic.suppressionReasons() == ["complaint"])
        }
    }
}
