import CommunicationAPI
import Outbound
import Resilience
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
            (550, "5.1.2", .badRecipient), (550, "5.1.10", .badRecipient), (551, "5.1.6", .badRecipient),
            (552, "5.2.2", .badRecipient),
            (552, "5.3.4", .contentRejected), (552, "5.2.3", .contentRejected), (552, nil, .contentRejected),
            (550, "5.7.1", .senderNotAuthorised), (554, "5.7.26", .senderNotAuthorised),
            (554, "5.7.1", .senderNotAuthorised),
            (553, nil, .senderNotAuthorised), (554, nil, .contentRejected), (554, "5.6.0", .contentRejected),
            (500, nil, .contentRejected),
            // What is known of nobody's mailbox blames nobody.
            (550, nil, .contentRejected), (551, nil, .contentRejected), (550, "5.0.0", .contentRejected),
            (550, "5.1.0", .contentRejected), (550, "5.2.1", .badRecipient), (550, "5.5.0", .contentRejected),
            (550, "5.1.7", .senderNotAuthorised), (550, "5.1.8", .senderNotAuthorised),
            (501, "5.1.8", .senderNotAuthorised), (554, "5.2.252", .senderNotAuthorised),
            (550, "5.4.5", .quota), (554, "5.3.4", .contentRejected), (550, "5.2.3", .contentRejected),
            (550, "5.6.0", .contentRejected), (556, "5.1.10", .badRecipient),
            // Letters that the server, or one behind it, does not take: another one may.
            (550, "5.6.7", .senderNotAuthorised), (553, "5.6.7", .senderNotAuthorised),
            (554, "5.6.9", .senderNotAuthorised),
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
        let tooLarge = SMTPResult(verdict: .refused, step: .sender, replyCode: 554, enhanced: "5.3.4")
        #expect(SMTPClassification.verdict(tooLarge).outcome == .contentRejected)
    }

    @Test(
        arguments: [
            ("550 Message rejected as spam by Content Filtering.", AttemptOutcome.senderNotAuthorised),
            ("550 SC-001 Part of their network is on our block list.", .senderNotAuthorised),
            ("550 Relaying denied", .senderNotAuthorised), ("550 DMARC check failed", .senderNotAuthorised),
            ("550 No such user here", .badRecipient),
            (#"550 <"no such user"@example.com> is not welcome"#, .contentRejected),
            ("550 Requested action not taken: mailbox unavailable", .contentRejected),
            ("550 <blockmann@spam.example>: user unknown", .badRecipient),
            ("550 unknown user: your sender address is unknown here", .senderNotAuthorised),
            ("550 Sender verify failed", .senderNotAuthorised),
            ("550 5.1.0 <clinic@example.com> sender rejected", .senderNotAuthorised),
            ("550 5.1.0 <sender@example.com> rejected", .contentRejected),
            ("553 5.1.0 Return-Path not accepted", .senderNotAuthorised),
            ("554 Message rejected: Email address is not verified.", .senderNotAuthorised),
            ("554 Relay access denied", .senderNotAuthorised), ("554 relay denied", .senderNotAuthorised),
            ("554 Transaction failed", .contentRejected), ("552 message size exceeds policy", .contentRejected),
            ("504 5.5.2 <db1f2a>: Helo command rejected: need fully-qualified hostname", .senderNotAuthorised),
            ("504 5.5.2 <asha>: Recipient address rejected: need fully-qualified address", .contentRejected),
            ("550 Access denied - Invalid HELO name", .senderNotAuthorised),
            ("454 Throttling failure: Daily message quota exceeded.", .quota),
            ("454 Throttling failure: Maximum sending rate exceeded.", .throttled),
            ("454 Temporary authentication failure", .transient), ("554 Hourly limit exceeded", .quota),
            ("550 5.7.1 Daily sending quota exceeded", .quota), ("421 4.7.0 Too many connections", .throttled),
            ("450 4.7.1 Rate limit exceeded", .throttled), ("452 4.2.2 storage limit exceeded", .transient),
            ("550 5.2.2 mailbox limit exceeded", .badRecipient), ("554 message size limit exceeded", .contentRejected),
        ]
    )
    func aRefusalIsReadByItsWords(line: String, outcome: AttemptOutcome) throws {
        let result = SMTPResult(
            verdict: .refused,
            step: .recipient,
            replyCode: try #require(Int(line.prefix(3))),
            enhanced: SMTPReply.enhanced(line),
            line: line
        )
        #expect(SMTPClassification.verdict(result).outcome == outcome)
    }

    /// Once the server has the text, its answer is about the message: the recipient was taken before.
    @Test(arguments: ["550 5.1.1 no such user", "550 No such user here", "550 no", "553 5.1.3 bad address"])
    func onlyWhoWasAskedAboutTheRecipientBlamesThem(line: String) throws {
        for step in [SMTPResult.Step.beginning, .sender, .text] {
            let result = SMTPResult(
                verdict: .refused,
                step: step,
                replyCode: try #require(Int(line.prefix(3))),
                enhanced: SMTPReply.enhanced(line),
                line: line
            )
            #expect(SMTPClassification.verdict(result).outcome != .badRecipient)
        }
    }

    private func verdict(_ line: String, at step: SMTPResult.Step = .recipient) throws -> ProviderVerdict {
        SMTPClassification.verdict(
            SMTPResult(
                verdict: .refused,
                step: step,
                replyCode: try #require(Int(line.prefix(3))),
                enhanced: SMTPReply.enhanced(line),
                line: line
            )
        )
    }

    @Test(arguments: [
        ("452 4.2.2 The mailbox is full", true), ("450 4.2.0 Mailbox busy", true),
        ("450 4.2.1 The user is receiving mail at a rate that prevents additional messages", true),
        ("450 4.1.1 Unverified address: unverifiable", true), ("451 4.1.2 Domain not found for now", true),
        // What is wrong with us, with everybody, or with nobody who was named.
        ("450 4.1.8 Sender address rejected: Domain not found", false), ("451 4.1.7 Sender unverified", false),
        ("451 4.1.0 Sender address rejected", false), ("451 4.7.1 Greylisted", false), ("451 4.3.0 Local error", false),
        ("421 4.2.1 Closing", false), ("452 4.3.1 No space", false), ("450 mailbox unavailable", false),
    ])
    func oneMailboxIsNotTheWholeServer(line: String, isAboutRecipient: Bool) throws {
        let verdict = try verdict(line)
        #expect(verdict.outcome == .transient && verdict.isAboutRecipient == isAboutRecipient)
        #expect(SendingRules.circuit(after: verdict) == .settle(isAboutRecipient ? .alive : .failure))
        for step in [SMTPResult.Step.beginning, .sender, .text] {
            #expect(try !self.verdict(line, at: step).isAboutRecipient)
        }
    }

    /// It is no use trying sixteen times, and no reason never to write to the address again.
    @Test(arguments: ["552 5.2.2 The mailbox is full", "550 5.2.2 over quota"])
    func aFullMailboxEndsTheChannelAndCondemnsNobody(line: String) throws {
        for step in [SMTPResult.Step.recipient, .text] {
            let verdict = try verdict(line, at: step)
            #expect(SendingRules.next(after: verdict.outcome) == .nextChannel(SendingRules.badRecipient))
            #expect(SuppressionRules.reason(after: verdict) == nil)
            #expect(SendingRules.circuit(after: verdict) == .settle(.alive))
        }
        #expect(SuppressionRules.reason(after: try verdict("550 5.1.1 No such user")) == .hardBounce)
        #expect(try verdict(line, at: .sender).outcome == .transient)
    }

    /// By whichever way a server says it, the address is as good or as bad.
    @Test(
        arguments: [
            ("550 5.2.1 The email account that you tried to reach is disabled.", SuppressionReason.hardBounce),
            ("550-5.2.1 The email account that you tried to reach is inactive", .hardBounce),
            ("550 5.2.1 Mailbox deactivated", .hardBounce), ("554 5.2.1 The mailbox takes nothing", nil),
            ("550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents others", nil),
            ("550 5.2.1 Sender disabled", nil), ("550 5.2.1 <disabled@example.com> no messages", nil),
        ] as [(String, SuppressionReason?)]
    )
    func aMailboxThatTakesNothingIsDeadWhereItIsSaidToBe(line: String, reason: SuppressionReason?) throws {
        #expect(SuppressionRules.reason(after: try verdict(line)) == reason)
        // Handed over, it is the message that is refused so.
        #expect(try verdict(line, at: .text).outcome == .contentRejected)
        let told = MailReport.event(action: "failed", status: "5.2.1", said: "smtp; \(line)")
        #expect(told == (reason == nil ? .softBounce : .hardBounce))
        #expect(told == MailReport.bounce(status: "5.2.1", said: "smtp; \(line)"))
    }

    @Test(
        arguments: [
            ("450 4.2.0 Greylisted, please try again in 300 seconds", 300), ("451 try again in 5 minutes", 300),
            ("450 4.2.0 Greylisted for 2 minutes.", 120), ("451 Please retry after 1 second", 1),
            ("451 try again in 99999999 minutes", 3_600), ("451 try again in 7200 seconds", 3_600),
            ("451 try again in 0 seconds", nil), ("451 try again in -5 minutes", nil), ("451 try again in", nil),
            ("451 try again later", nil), ("451 you sent 90 messages in 60 seconds", nil),
            ("450 4.7.1 Too many messages, try again in 9 seconds", 9), ("450 4.7.1 rate limit", 1),
            ("454 Daily message quota exceeded, try again in 30 minutes", 1_800),
            ("454 Daily message quota exceeded", nil),
        ] as [(String, Int?)]
    )
    func howLongItWantsToBeLeftAlone(line: String, seconds: Int?) throws {
        let result = SMTPResult(
            verdict: .refused,
            step: .recipient,
            replyCode: try #require(Int(line.prefix(3))),
            enhanced: SMTPReply.enhanced(line),
            line: line
        )
        #expect(SMTPClassification.verdict(result).retryAfter == seconds.map { .seconds($0) })
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
