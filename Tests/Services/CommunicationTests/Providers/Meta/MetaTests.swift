import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import Resilience
import TestKit
import Testing

@testable import Communication

@Suite struct MetaTests {
    private static let number = "106540352242922"

    private static func credentials(_ changes: [String: JSONValue] = [:]) -> Credentials {
        let usual: [String: JSONValue] = [
            "accessToken": "EAAG-secret-token", "phoneNumberId": .string(number), "appSecret": "app-secret",
            "verifyToken": "verify-me",
        ]
        return Credentials(usual.merging(changes) { _, new in new })
    }

    private func provider(_ changes: [String: JSONValue] = [:]) throws -> MetaWhatsAppProvider {
        try #require(MetaWhatsAppProvider(Self.credentials(changes), through: ProviderSamples.transports()))
    }

    private static let approved = ApprovedTemplate(
        name: "visit_reminder_2",
        language: "hi_IN",
        parameters: ["Asha \"A\"", "Mon 3 Nov,\n  9:00"]
    )

    @Test func theRequestToTheByte() throws {
        let free = try provider().sending(
            try ProviderSamples.text(lastInbound: ["meta:\(Self.number)": ProviderSamples.time - .seconds(60)]),
            at: ProviderSamples.time
        )
        let template = try provider().sending(
            try ProviderSamples.text(approved: Self.approved),
            at: ProviderSamples.time
        )
        let bare = try provider(["endpoint": "https://proxy.example.com/graph/v27.0/"]).sending(
            try ProviderSamples.text(
                approved: ApprovedTemplate(name: "hello_world", language: "en_US", parameters: [])
            ),
            at: ProviderSamples.time
        )
        var file = try ProviderSamples.text(lastInbound: ["meta:\(Self.number)": ProviderSamples.time - .seconds(60)])
        file.file = Attachment(
            file: AttachedFile(filename: "Brief \"A\".pdf", contentType: "application/pdf", size: 8),
            bytes: Array("%PDF-1.7".utf8)
        )
        let left = try provider().uploading(try #require(file.file), form: MultipartForm(boundary: "polyclinic-1"))
        let named = try provider().sending(file, media: "4711", at: ProviderSamples.time)
        var pressed = file
        pressed.interactive = InteractiveContent(
            type: .buttons,
            buttons: [.init(id: "CONFIRM", title: "Confirm")],
            footer: "Lindenhof"
        )
        let buttons = try provider().sending(pressed, media: "4711", at: ProviderSamples.time)
        pressed.interactive = InteractiveContent(
            type: .list,
            button: "Choose",
            sections: [.init(title: "Mon", rows: [.init(id: "a", title: "9:00", description: "Dr. Rao")])]
        )
        let list = try provider().sending(pressed, at: ProviderSamples.time)
        let code = try provider().sending(
            try ProviderSamples.text(
                approved: ApprovedTemplate(
                    name: "auth_code_1",
                    language: "en",
                    parameters: ["481516"],
                    buttons: [.init(index: 0, kind: .url, value: "481516")]
                )
            ),
            at: ProviderSamples.time
        )
        let calls = try [free, template, bare, left, named, buttons, list, code].map {
            ProviderSamples.text(try #require($0))
        }
        try Golden.check(calls.joined(separator: "\n\n\n") + "\n", "providers/meta.txt")
        #expect(!String(reflecting: free).contains("EAAG") && !String(reflecting: free).contains("9198"))
    }

    @Test(
        arguments: [
            ([:], nil, nil), (["meta:106540352242922": -60], nil, "text"),
            (["meta:106540352242922": -60], approved, "text"),
            (["meta:106540352242922": -86_099], nil, "text"), (["meta:106540352242922": -86_100], nil, nil),
            (["meta:106540352242922": -86_400], approved, "template"), ([:], approved, "template"),
            // Another of the clinic's numbers, or another provider's number, is not this conversation.
            (["meta:106540352242923": -60], nil, nil), (["twilio:106540352242922": -60], nil, nil),
            (["meta:106540352242923": -60], approved, "template"),
        ] as [([String: Int64], ApprovedTemplate?, String?)]
    ) func freeTextOnlyWhileTheConversationIsOpen(
        last: [String: Int64],
        approved: ApprovedTemplate?,
        type: String?
    ) throws {
        let text = try ProviderSamples.text(
            approved: approved,
            lastInbound: last.mapValues { ProviderSamples.time + .seconds($0) }
        )
        let call = try provider().sending(text, at: ProviderSamples.time)
        let body = try call.map { try JSONTape($0.body).decode(JSONValue.self) }
        #expect(body?["type"]?.string == type)
    }

    @Test func outsideItNobodyIsCalled() async throws {
        let verdict = try await provider(["endpoint": "http://127.0.0.1:9"]).send(
            try ProviderSamples.text(),
            deadline: .after(.seconds(5))
        )
        #expect(verdict.outcome == .contentRejected && verdict.code == "outside_window" && verdict.host == .untried)
        #expect(SendingRules.circuit(after: verdict) == .settle(.neutral))
        #expect(SendingRules.next(after: verdict.outcome) == .nextChannel(SendingRules.contentRejected))
    }

    private static func error(_ status: Int, _ code: Int, _ rest: String = "") -> RecordedAnswer {
        RecordedAnswer(
            status,
            [("Content-Type", "application/json")],
            "{\"error\":{\"message\":\"(#\(code)) words to +919876543210\",\"type\":\"OAuthException\",\"code\":\(code)\(rest),"
                + "\"fbtrace_id\":\"AI5Ob2z72R0JAUB5zOF-nao\"}}"
        )
    }

    static let answers: [(RecordedAnswer, AttemptOutcome)] = [
        (
            RecordedAnswer(
                200,
                [],
                #"{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.HBgL"}]}"#
            ), .accepted
        ),
        (error(401, 0), .credentials), (error(401, 190, #","error_subcode":463"#), .credentials),
        (error(401, 104), .credentials), (error(403, 131_005), .credentials), (error(403, 10), .credentials),
        (error(403, 3), .credentials), (error(403, 200), .credentials), (error(403, 299), .credentials),
        (error(400, 4), .throttled), (error(429, 80_007), .throttled), (error(429, 130_429), .throttled),
        (error(400, 131_056), .throttled), (error(400, 132_069), .throttled), (error(400, 131_048), .quota),
        (error(400, 131_064), .quota), (error(400, 133_016), .quota), (error(400, 131_042), .quota),
        (error(500, 131_057), .transient), (error(500, 1), .transient), (error(503, 2), .transient),
        (error(500, 131_000), .transient), (error(500, 131_016), .transient), (error(500, 133_004), .transient),
        (error(400, 131_026), .badRecipient), (error(400, 131_021), .badRecipient),
        (error(400, 131_030), .senderNotAuthorised), (error(500, 131_045), .senderNotAuthorised),
        (error(400, 133_010), .senderNotAuthorised), (error(400, 131_037), .senderNotAuthorised),
        (error(403, 131_031), .credentials), (error(403, 368), .credentials),
        (error(403, 130_497), .senderNotAuthorised), (error(400, 131_063), .senderNotAuthorised),
        (error(400, 131_047), .contentRejected), (error(400, 131_049), .contentRejected),
        (error(400, 130_472), .contentRejected), (error(400, 131_050), .optedOut),
        (error(400, 131_051), .contentRejected), (error(400, 131_052), .contentRejected),
        (error(400, 131_053), .contentRejected), (error(400, 100), .contentRejected),
        (error(400, 100, #","error_subcode":33"#), .senderNotAuthorised),
        (error(400, 100, #","error_subcode":2494010"#), .contentRejected), (error(400, 131_008), .contentRejected),
        (error(400, 131_009), .contentRejected), (error(400, 33), .contentRejected),
        (error(400, 132_000), .contentRejected), (error(404, 132_001), .contentRejected),
        (error(400, 132_005), .contentRejected), (error(400, 132_007), .contentRejected),
        (error(400, 132_008), .contentRejected), (error(400, 132_012), .contentRejected),
        (error(400, 132_015), .contentRejected), (error(400, 132_016), .contentRejected),
        (error(400, 135_000), .contentRejected), (error(400, 132_068), .contentRejected),
        (error(400, 131_062), .contentRejected), (error(400, 137_000), .contentRejected),
        // What no table knows is read by its status, or by what it says of itself.
        (error(400, 999_999), .contentRejected), (error(400, 999_999, #","is_transient":true"#), .transient),
        (error(500, 999_999), .transient), (RecordedAnswer(401), .credentials), (RecordedAnswer(429), .throttled),
        (RecordedAnswer(502, [], "<html>"), .unknownOutcome), (RecordedAnswer(504), .unknownOutcome),
        (RecordedAnswer(503, [], "<html>"), .transient), (RecordedAnswer(500, [], "[]"), .transient),
    ]

    @Test(arguments: answers) func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome) {
        let verdict = MetaReply.verdict(answer.response)
        #expect(verdict.outcome == outcome)
        #expect(outcome == .accepted || verdict.code != nil)
        #expect("\(verdict)".contains("9198") == false)
        if verdict.outcome == .throttled { #expect(verdict.retryAfter != nil) }
    }

    @Test(
        arguments: [(131_056, [], 6), (130_429, [], 5), (4, [], 60), (130_429, [("Retry-After", "17")], 17)]
            as [(Int, [(String, String)], Int)]
    )
    func threeWaitsForThreeLimits(code: Int, headers: [(String, String)], seconds: Int) {
        let answer = RecordedAnswer(
            429,
            headers.map { (name: $0.0, value: $0.1) },
            "{\"error\":{\"code\":\(code),\"message\":\"m\"}}"
        )
        #expect(MetaReply.verdict(answer.response).retryAfter == .seconds(seconds))
    }

    @Test func theMessageID() {
        #expect(MetaReply.verdict(Self.answers[0].0.response) == ProviderVerdict(.accepted, messageID: "wamid.HBgL"))
    }

    @Test func whatANumberSaysOfItself() {
        let well = RecordedAnswer(
            200,
            [],
            """
            {"health_status":{"can_send_message":"AVAILABLE","entities":[]},"quality_rating":"GREEN",
            "throughput":{"level":"STANDARD"},"messaging_limit_tier":"TIER_1K","id":"1"}
            """
        )
        #expect(
            MetaReply.health(well.response)
                == ProviderVerdict(
                    .accepted,
                    detail: "The number's state: sending AVAILABLE, quality GREEN, throughput STANDARD, limit TIER_1K."
                )
        )
        let blocked = RecordedAnswer(
            200,
            [],
            """
            {"health_status":{"can_send_message":"BLOCKED","entities":[{"can_send_message":"AVAILABLE"},
            {"can_send_message":"BLOCKED","errors":[{"error_code":141006}]}]},"quality_rating":"RED","id":"1"}
            """
        )
        let verdict = MetaReply.health(blocked.response)
        #expect(verdict.outcome == .senderNotAuthorised && verdict.code == "141006")
        #expect(MetaReply.health(Self.error(401, 190).response).outcome == .credentials)
    }

    @Test(
        arguments: [
            ("phoneNumberId", "106", nil), ("phoneNumberId", "me/../1", "phoneNumberId"),
            ("phoneNumberId", "", "phoneNumberId"), ("businessAccountId", "x", "businessAccountId"),
            ("accessToken", "EAAG\r\nX: y", "accessToken"), ("endpoint", "https://169.254.169.254", "endpoint"),
            ("endpoint", "http://127.0.0.1:9", nil),
        ] as [(String, String, String?)]
    )
    func credentialsThatLeadElsewhere(key: String, value: String, wrong: String?) throws {
        let credentials = Self.credentials([key: .string(value)])
        #expect(
            MetaWhatsAppProvider.faults(credentials, policy: try OutboundPolicy(allow: "loopback")).first?.key == wrong
        )
    }
}
