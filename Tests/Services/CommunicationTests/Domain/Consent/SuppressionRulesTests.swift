import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct SuppressionRulesTests {
    struct Case: Sendable {
        let reason: SuppressionReason
        let scope: MessageCategory?
        /// What it keeps away.
        let blocked: Set<MessageCategory>
    }

    @Test(
        arguments: [
            Case(reason: .hardBounce, scope: nil, blocked: [.care, .billing, .marketing, .security]),
            Case(reason: .stop, scope: nil, blocked: [.care, .billing, .marketing, .security]),
            Case(reason: .complaint, scope: nil, blocked: [.care, .billing, .marketing]),
            Case(reason: .manual, scope: nil, blocked: [.care, .billing, .marketing]),
            Case(reason: .unsubscribe, scope: nil, blocked: [.care, .billing, .marketing]),
            Case(reason: .unsubscribe, scope: .marketing, blocked: [.marketing]),
            Case(reason: .complaint, scope: .marketing, blocked: [.marketing]),
            Case(reason: .manual, scope: .billing, blocked: [.billing]),
            Case(reason: .manual, scope: .security, blocked: [.security]),
            Case(reason: .hardBounce, scope: .security, blocked: [.security]),
        ]
    )
    func whatItKeepsAway(_ expected: Case) {
        let blocked = MessageCategory.allCases.filter {
            SuppressionRules.blocks(expected.reason, of: expected.scope, $0)
        }
        #expect(Set(blocked) == expected.blocked)
    }

    struct Passing: Sendable {
        var category = MessageCategory.marketing
        var channels: [MessageChannel] = [.email, .sms, .whatsapp]
        let ended: [MessageChannel: SuppressionReason]
        var granted: [MessageChannel] = []
        /// Where it does not go, beside where it was ended.
        let closed: Set<MessageChannel>
        let code: String?
    }

    @Test(
        arguments: [
            Passing(ended: [.email: .unsubscribe], closed: [.sms, .whatsapp], code: "suppressed_unsubscribe"),
            Passing(ended: [.email: .stop], closed: [.sms, .whatsapp], code: "suppressed_stop"),
            Passing(ended: [.email: .complaint], closed: [.sms, .whatsapp], code: "suppressed_complaint"),
            Passing(
                ended: [.email: .unsubscribe],
                granted: [.whatsapp],
                closed: [.sms],
                code: "suppressed_unsubscribe"
            ),
            Passing(ended: [.email: .unsubscribe], granted: [.sms, .whatsapp], closed: [], code: nil),
            // What comes first was asked for itself.
            Passing(ended: [.sms: .stop], closed: [.whatsapp], code: "suppressed_stop"),
            Passing(ended: [.whatsapp: .stop], closed: [], code: nil), Passing(ended: [:], closed: [], code: nil),
            Passing(channels: [.sms], ended: [.sms: .stop], closed: [], code: nil),
            Passing(category: .care, ended: [.email: .stop], closed: [], code: nil),
            Passing(category: .billing, ended: [.email: .complaint], closed: [], code: nil),
            Passing(category: .security, ended: [.email: .stop], closed: [], code: nil),
        ]
    )
    func whatIsNotPassedOn(_ expected: Passing) {
        // What was refused, and what was said of other messages, is no consent.
        let consents = MessageChannel.allCases.flatMap { channel in
            [
                Consent(
                    category: expected.category,
                    channel: channel,
                    granted: expected.granted.contains(channel),
                    source: "patient",
                    at: .now()
                ), Consent(category: .care, channel: channel, granted: true, source: "patient", at: .now()),
            ]
        }
        let closed = SuppressionRules.notPassedOn(
            expected.category,
            along: expected.channels,
            ended: expected.ended,
            consents
        )
        #expect(Set(closed.keys) == expected.closed)
        #expect(Set(closed.values.map(\.code)) == Set([expected.code].compactMap { $0 }))
        #expect(closed.values.allSatisfy { SuppressionRules.isSuppression($0) })
    }

    @Test func whoHasOptedOut() {
        #expect(SuppressionReason.allCases.filter { !SuppressionRules.isOptOut($0) } == [.hardBounce, .manual])
    }

    @Test func onlyWhatIsAboutTheAddressSuppressesIt() {
        let telling = AttemptOutcome.allCases.filter { SuppressionRules.reason(after: $0) != nil }
        #expect(telling == [.badRecipient, .optedOut])
    }

    @Test func reasonsHaveAnOrderAndASentence() {
        #expect(Set(SuppressionReason.allCases.map(SuppressionRules.rank)).count == SuppressionReason.allCases.count)
        #expect(SuppressionRules.reason(.hardBounce).code == "suppressed_hard_bounce")
    }

    @Test(
        arguments: [
            (.email, "Mira@Example.org", "mira@example.org"), (.email, "no address", nil),
            (.email, "a@b\r\nBcc: c@d.org", nil),
            (.sms, "+491701234567", "+491701234567"), (.sms, "0170 123", nil), (.whatsapp, "mira@example.org", nil),
            (.push, "token-of-a-phone", "token-of-a-phone"), (.push, "token-of-a-phon", nil),
            (.push, "two words of a token", nil), (.push, "", nil),
        ] as [(MessageChannel, String, String?)]
    )
    func addressesAreOfTheirChannel(_ channel: MessageChannel, _ text: String, _ normalized: String?) {
        #expect(ChannelAddress(channel, text)?.normalized == normalized)
    }

    @Test func aSheetIsReadRowByRow() throws {
        let text = """
            address,channel,category,reason,expiresAt
            a@example.org,email,,,
            A@example.org,email,marketing,unsubscribe,2999-01-01T00:00:00Z
            nobody,email,,,
            +491701234567,sms,,stop,
            a@example.org,pigeon,,,
            a@example.org,email,weather,,
            a@example.org,email,,bored,
            a@example.org,email,,,2001-01-01T00:00:00Z
            a@example.org,email
            """
        let lines = try SuppressionSheet.read(Array(text.utf8), at: .now())
        #expect(lines.map(\.number) == Array(2...10))
        let taken = lines.compactMap { try? $0.entry.get() }
        #expect(taken.map(\.reason) == [.manual, .unsubscribe, .stop])
        #expect(taken[1].category == .marketing && taken[1].expiresAt != nil)
        let refused = lines.compactMap { line -> String? in
            if case .failure(let fault) = line.entry { String(fault.detail.prefix { $0 != " " }) } else { nil }
        }
        #expect(refused == ["address", "channel", "category", "reason", "expiresAt", "has"])
    }

    @Test(arguments: [
        "", "channel\n", "channel,address,colour\n", "channel,address,address\n", "channel,address\n\"open",
    ])
    func aSheetHasItsColumns(_ text: String) {
        #expect(throws: Problem.self) { try SuppressionSheet.read(Array(text.utf8), at: .now()) }
    }

    @Test func aSheetHasItsBound() {
        let text =
            "channel,address\n" + String(repeating: "email,a@example.org\n", count: SuppressionImport.mostRows + 1)
        // What stands behind the first row too many is not read: no quote ends there.
        for bytes in [Array(text.utf8), Array((text + "\"open").utf8)] {
            let problem = #expect(throws: Problem.self) { try SuppressionSheet.read(bytes, at: .now()) }
            #expect(problem?.errors.map(\.detail) == ["must have at most \(SuppressionImport.mostRows) rows"])
        }
    }
}
