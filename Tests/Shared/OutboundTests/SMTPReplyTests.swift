import Core
import Testing

@testable import Outbound

@Suite struct SMTPReplyTests {
    @Test(arguments: [
        (0, 250, SMTPResult.Verdict.accepted), (55, 550, .refused), (55, 450, .refused), (8, 554, .refused),
        (8, 451, .refused),
        (67, 535, .notAuthenticated), (67, 454, .notAuthenticated), (60, 0, .notSent(.tls)), (64, 220, .notSent(.tls)),
        (7, 0, .notSent(.connect)), (6, 0, .notSent(.dns)), (28, 0, .notSent(.deadline)),
        (28, 250, .notSent(.deadline)),
        (56, 250, .notSent(.connect)), (56, 354, .unknown), (28, 354, .unknown), (55, 354, .unknown),
        (8, 0, .notSent(.connect)),
        (8, 421, .refused),
    ])
    func verdicts(curl: Int, reply: Int, verdict: SMTPResult.Verdict) {
        #expect(SMTPReply.verdict(curl: curl, reply: reply) == verdict)
    }

    /// Once the text is on its way only a refusal says that it was not taken.
    @Test(arguments: [
        (0, 250, SMTPResult.Verdict.accepted), (8, 554, .refused), (56, 421, .refused), (28, 354, .unknown),
        (28, 0, .unknown), (56, 0, .unknown), (8, 251, .unknown), (8, 999, .unknown), (60, 250, .unknown),
        (67, 0, .unknown),
    ])
    func verdictsAfterTheText(curl: Int, reply: Int, verdict: SMTPResult.Verdict) {
        #expect(SMTPReply.verdict(curl: curl, reply: reply, hasBegun: true) == verdict)
    }

    @Test(arguments: [
        ("250-SMTPUTF8", true), ("250 SMTPUTF8", true), ("250-8BITMIME", false), ("250-X-SMTPUTF8", false),
        ("250", false),
    ])
    func whetherAllLettersAreTaken(line: String, isOffered: Bool) {
        #expect(SMTPReply.offersSMTPUTF8(line) == isOffered)
    }

    /// A line of a password could begin as a command does, but has no blank.
    @Test(arguments: [
        ("EHLO clinic.example\r\n", true), ("HELO x", true), ("EHLOabc=", false), ("MAIL FROM:<a@b>", false),
    ])
    func whichCommandIsAnIntroduction(command: String, isOne: Bool) {
        #expect(SMTPReply.isIntroduction(command) == isOne)
    }

    @Test func theLineIsTheOneOfTheReply() {
        let result = SMTPReply.result(
            curl: 55,
            reply: 550,
            lines: ["220 hello", "250 ok", "550 5.1.1 no such user", "221 bye"]
        )
        #expect(result.enhanced == "5.1.1")
        #expect(result.line.unredacted == "550 5.1.1 no such user")
        #expect("\(result.line)" == "••••")
    }

    @Test(arguments: [
        ("550 5.1.1 x", "5.1.1"), ("452-4.2.2 full", "4.2.2"), ("550 no", nil), ("550", nil), ("250 2.0.0.1 x", nil),
        ("550 9.1.1 x", nil), ("550 5.1.\u{663} x", nil), ("550 5.1\u{301}.1 x", nil), ("550 5.1.1000 x", nil),
    ])
    func enhancedCodes(line: String, code: String?) { #expect(SMTPReply.enhanced(line) == code) }

    @Test(
        arguments: [
            ("MAIL FROM:<a@b.c> SIZE=3", SMTPResult.Step.sender), ("RCPT TO:<a@b.c>", .recipient), ("DATA\r\n", .text),
            ("EHLO mail", nil), ("AUTH PLAIN", nil), ("AGNsaW5pYwBw", nil), ("QUIT", nil), ("", nil),
        ] as [(String, SMTPResult.Step?)]
    )
    func whatACommandIsAbout(command: String, step: SMTPResult.Step?) { #expect(SMTPReply.step(command) == step) }

    @Test(arguments: [
        (SMTPResult(verdict: .refused, step: .sender, replyCode: 421), true),
        (SMTPResult(verdict: .refused, step: .text, replyCode: 421), false),
        (SMTPResult(verdict: .refused, step: .sender, replyCode: 451), false),
        (SMTPResult(verdict: .notSent(.connect)), true), (SMTPResult(verdict: .notSent(.tls)), false),
        (SMTPResult(verdict: .unknown, step: .text, replyCode: 354), false),
        (SMTPResult(verdict: .accepted, step: .text, replyCode: 250), false),
    ])
    func whatAConnectionsEndIs(result: SMTPResult, isOverdue: Bool) {
        #expect(SMTPReply.isOverdue(result) == isOverdue)
    }

    @Test(arguments: ["a@b.c\r\nRCPT TO:<x@y.z>", "a@b.c\n", "<a@b.c>", "a b@c.d", "", "a@b.c\u{0}"])
    func addressesThatWouldBeCommands(text: String) { #expect(!SMTPTransport.isSafe(text)) }

    @Test(arguments: [
        ("a@b.example", true), (#""a b"@c.example"#, true), (#""a> <b"@c.example"#, true), (#""a@b"@c.example"#, true),
        (#""ü b"@c.example"#, true), (#""ü@b"@c.example"#, true), (#""a@ü"@c.example"#, false),
    ])
    func whatLibcurlSaysAsItIs(text: String, isSafe: Bool) throws {
        #expect(SMTPTransport.isSafe(try #require(EmailAddress(text))) == isSafe)
    }
}
