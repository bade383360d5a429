import CommunicationAPI
import Outbound
import Testing

@testable import Communication

@Suite struct SMTPClassificationTests {
    @Test(
        arguments: [
            (421, nil, AttemptOutcome.transient), (450, "4.2.0", .transient), (451, "4.7.1", .transient),
            (452, "4.2.2", .transient),
            (454, "4.7.0", .transient), (530, "5.7.0", .credentials), (534, "5.7.9", .credentials),
            (535, "5.7.8", .credentials),
            (538, nil, .credentials), (550, "5.1.1", .badRecipient), (551, "5.1.1", .badRecipient),
            (553, "5.1.3", .badRecipient),
            (550, "5.1.2", .badRecipient), (550, "5.1.10", .badRecipient), (550, nil, .badRecipient),
            (552, "5.2.2", .transient),
            (552, "5.3.4", .contentRejected), (552, "5.2.3", .contentRejected), (552, nil, .contentRejected),
            (550, "5.7.1", .senderNotAuthorised), (554, "5.7.26", .senderNotAuthorised),
            (554, "5.7.1", .senderNotAuthorised),
            (553, nil, .senderNotAuthorised), (554, nil, .contentRejected), (554, "5.6.0", .contentRejected),
            (500, nil, .contentRejected),
        ] as [(Int, String?, AttemptOutcome)]
    )
    func everyReply(code: Int, enhanced: String?, outcome: AttemptOutcome) {
        let result = SMTPResult(
            verdict: .refused,
            step: .recipient,
            replyCode: code,
            enhanced: enhanced,
            line: "\(code) words"
        )
        let verdict = SMTPClassification.verdict(result)
        #expect(verdict.outcome == outcome)
        #expect(verdict.code == [String(code), enhanced].compactMap { $0 }.joined(separator: "/"))
        #expect(verdict.detail?.contains("words") == false)
    }

    @Test func aPolicyNeverBlamesTheRecipient() {
        for code in 550...554 {
            for enhanced in ["5.7.0", "5.7.1", "5.7.23", "5.7.26", "5.7.509"] {
                let result = SMTPResult(verdict: .refused, step: .recipient, replyCode: code, enhanced: enhanced)
                #expect(SMTPClassification.verdict(result).outcome != .badRecipient)
            }
        }
    }

    @Test(
        arguments: [
            (500, nil), (501, "5.1.7"), (521, nil), (550, nil), (550, "5.1.1"), (550, "5.1.2"), (551, nil),
            (553, "5.1.3"),
            (554, nil), (554, "5.6.0"),
        ] as [(Int, String?)]
    )
    func whoeverRefusesBeforeTheRecipientRefusesUs(code: Int, enhanced: String?) {
        for step in [SMTPResult.Step.beginning, .sender] {
            let result = SMTPResult(verdict: .refused, step: step, replyCode: code, enhanced: enhanced, line: "\(code)")
            #expect(SMTPClassification.verdict(result).outcome == .senderNotAuthorised)
        }
        let large = SMTPResult(verdict: .refused, step: .sender, replyCode: 552)
        #expect(SMTPClassification.verdict(large).outcome == .contentRejected)
    }

    @Test(
        arguments: [
            ("550 Message rejected as spam by Content Filtering.", AttemptOutcome.senderNotAuthorised),
            ("550 SC-001 Part of their network is on our block list.", .senderNotAuthorised),
            ("550 Relaying denied", .senderNotAuthorised), ("550 DMARC check failed", .senderNotAuthorised),
            ("550 No such user here", .badRecipient),
            ("550 Requested action not taken: mailbox unavailable", .badRecipient),
        ]
    )
    func aBareRefusalIsReadByItsWords(line: String, outcome: AttemptOutcome) {
        let result = SMTPResult(verdict: .refused, step: .recipient, replyCode: 550, line: line)
        #expect(SMTPClassification.verdict(result).outcome == outcome)
    }

    @Test(arguments: [
        (SMTPResult.Verdict.accepted, 250, AttemptOutcome.accepted), (.unknown, 354, .unknownOutcome),
        (.notSent(.connect), 0, .transient), (.notSent(.tls), 0, .transient), (.notSent(.policy), 0, .credentials),
        (.notSent(.busy), 0, .transient), (.notAuthenticated, 535, .credentials), (.notAuthenticated, 454, .transient),
    ])
    func withoutAReplyToTheMessage(verdict: SMTPResult.Verdict, code: Int, outcome: AttemptOutcome) {
        #expect(SMTPClassification.verdict(SMTPResult(verdict: verdict, replyCode: code)).outcome == outcome)
    }

    @Test func aQuotaThatSaysLater() {
        let result = SMTPResult(verdict: .refused, replyCode: 451, line: "451 Maximum credits exceeded")
        #expect(SMTPClassification.verdict(result).outcome == .quota)
    }
}
