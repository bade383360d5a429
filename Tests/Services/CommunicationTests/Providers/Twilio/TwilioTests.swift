import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct TwilioTests {
    private static let account: [String: JSONValue] = [
        "accountSid": .string("AC" + String(repeating: "a", count: 32)), "authToken": "polyclinic-auth-token",
    ]
    private static let template = "HX" + String(repeating: "b", count: 32)

    private static func sms(_ changes: [String: JSONValue] = ["fromNumber": "+15005550006"]) throws -> TwilioSMSProvider
    {
        let credentials = Credentials(account.merging(changes) { $1 })
        return try #require(TwilioSMSProvider(credentials, through: ProviderSamples.transports()))
    }

    private static func whatsApp(_ changes: [String: JSONValue] = [:]) throws -> TwilioWhatsAppProvider {
        let credentials = Credentials(
            account.merging(["whatsappNumber": "whatsapp:+14155238886"]) { $1 }.merging(changes) { $1 }
        )
        return try #require(TwilioWhatsAppProvider(credentials, through: ProviderSamples.transports()))
    }

    @Test func theRequestToTheByte() throws {
        let now = ProviderSamples.time
        let plain = try ProviderSamples.text("Hello")
        let full = try ProviderSamples.text(
            "Ihr Termin – नमस्ते & +1 😀",
            expiresAt: now + .seconds(600),
            statusURL: "https://clinic.example/api/v1/webhooks/communication/twilio/c",
            lastInbound: ["twilio:+14155238886": now]
        )
        let approved = try ProviderSamples.text(
            "Ignored",
            approved: ApprovedTemplate(name: Self.template, language: "en", parameters: ["Asha", "10:30 \"Süd\""])
        )
        let service = "MG" + String(repeating: "c", count: 32)
        let calls = [
            try Self.sms().sending(plain, at: now),
            try Self.sms(["messagingServiceSid": .string(service)]).sending(full, at: now),
            try Self.sms(["fromNumber": "Clinic", "region": "ie1"]).sending(plain, at: now),
            try Self.whatsApp().sending(full, at: now),
            try Self.whatsApp(["whatsappNumber": "+14155238886"]).sending(approved, at: now),
            try Self.sms(["fromNumber": "+15005550006", "discardContent": "true"]).sending(plain, at: now),
            try Self.whatsApp(["discardContent": "true"]).sending(approved, at: now),
        ]
        try Golden.check(
            calls.map { ProviderSamples.text($0) }.joined(separator: "\n\n\n") + "\n",
            "providers/twilio.txt"
        )
        #expect(!String(reflecting: calls[0]).contains("Basic") && !"\(calls[0])".contains("Hello"))
    }

    @Test(arguments: [(-5, 1), (0, 1), (90, 90), (36_000, 36_000), (90_000, 36_000)] as [(Int, Int)])
    func itWaitsNoLongerThanTheMessageHolds(left: Int, asked: Int) throws {
        let now = ProviderSamples.time
        let text = try ProviderSamples.text("Hello", expiresAt: now + .seconds(left))
        let pairs = try #require(FormBody.parse(try Self.sms().sending(text, at: now).body))
        #expect(pairs.first { $0.name == "ValidityPeriod" }?.value == "\(asked)")
    }

    @Test(arguments: [("true", true), ("false", true), ("yes", false)])
    func whetherContentsAreForgottenIsTrueOrFalse(value: String, isTaken: Bool) throws {
        let changes: [String: JSONValue] = ["fromNumber": "+15005550006", "discardContent": .string(value)]
        let faults = TwilioSMSProvider.shape.faults(of: Self.account.merging(changes) { $1 }, at: "")
        #expect(faults.isEmpty == isTaken)
        let call = try Self.sms(changes).sending(ProviderSamples.text("Hello"), at: ProviderSamples.time)
        let pairs = try #require(FormBody.parse(call.body))
        #expect(pairs.contains(where: { $0.name == "ContentRetention" }) == (value == "true"))
        #expect(!pairs.contains(where: { $0.name == "AddressRetention" }))
    }

    @Test func aConversationIsBegunWithATemplateOnly() async throws {
        let now = ProviderSamples.time
        let template = ApprovedTemplate(name: Self.template, language: "en", parameters: [])
        for (lastInbound, expected) in [
            ([:], "ContentSid"), (["twilio:+14155238886": now], "Body"), (["twilio:+14155230000": now], "ContentSid"),
            (["twilio:+14155238886": now - .seconds(86_400)], "ContentSid"),
        ] as [([String: Instant], String)] {
            let text = try ProviderSamples.text("Hello", approved: template, lastInbound: lastInbound)
            let pairs = try #require(FormBody.parse(try Self.whatsApp().sending(text, at: now).body))
            #expect(pairs.map(\.name).contains(expected) && pairs.count == 3)
        }
        let verdict = try await Self.whatsApp(["endpoint": "http://127.0.0.1:9"]).send(
            ProviderSamples.text("Hello"),
            deadline: .after(.seconds(5))
        )
        #expect(verdict == ProviderVerdict.outsideWindow)
    }

    @Test func aTemplateOfAnotherProviderIsNotSent() async throws {
        let text = try ProviderSamples.text(
            "Hello",
            approved: ApprovedTemplate(name: "appointment_reminder", language: "en", parameters: [])
        )
        let verdict = try await Self.whatsApp(["endpoint": "http://127.0.0.1:9"]).send(
            text,
            deadline: .after(.seconds(5))
        )
        #expect(verdict.outcome == .contentRejected && verdict.host == .untried && verdict.code == "content_sid")
    }

    private static let india = DLTIdentity(
        entityID: "1101456070000012345",
        header: "CLINIC",
        templateID: "1107160000000000001"
    )

    /// A messaging service chooses among its own senders.
    @Test(arguments: [
        ("fromNumber", "+15005550006", "From", "CLINIC"),
        (
            "messagingServiceSid", "MGcccccccccccccccccccccccccccccccc", "MessagingServiceSid",
            "MGcccccccccccccccccccccccccccccccc"
        ),
    ])
    func aTextToIndiaComesFromTheRegisteredHeader(key: String, value: String, name: String, sender: String) throws {
        var text = try ProviderSamples.text("Hello")
        text.dlt = Self.india
        let pairs = try #require(
            FormBody.parse(try Self.sms([key: .string(value)]).sending(text, at: ProviderSamples.time).body)
        )
        #expect(pairs.map(\.name) == ["To", name, "Body"] && pairs[1].value == sender)
    }

    /// Nothing listens where it would be sent: what is not refused before has no answer.
    @Test(
        arguments: [
            ("1101456070000099999", true, true), ("1101456070000012345", true, false), (nil, true, false),
            ("1101456070000099999", false, false),
        ] as [(String?, Bool, Bool)]
    )
    func aTextOfAnotherEntityIsNotTried(entity: String?, isToIndia: Bool, isRefused: Bool) async throws {
        var changes: [String: JSONValue] = [
            "fromNumber": "+15005550006", "endpoint": .string(SandboxPlace.nowhere),
        ]
        if let entity { changes["dltEntityId"] = .string(entity) }
        var text = try ProviderSamples.text("Hello")
        if isToIndia { text.dlt = Self.india }
        let verdict = try await Self.sms(changes).send(text, deadline: .after(.seconds(10)))
        #expect((verdict.code == "dlt_entity") == isRefused)
        #expect(verdict.outcome == (isRefused ? .senderNotAuthorised : .transient))
        if isRefused { #expect(verdict.host == .untried && verdict.detail?.contains("dltEntityId") == true) }
    }

    private static func error(_ status: Int, _ code: Int) -> RecordedAnswer {
        RecordedAnswer(
            status,
            [("Content-Type", "application/json")],
            """
            {"code":\(code),"message":"To +4915112345678 is wrong",\
            "more_info":"https://www.twilio.com/docs/errors/\(code)","status":\(status)}
            """
        )
    }

    private static let taken = """
        {"sid":"SM00000000000000000000000000000001","status":"queued","error_code":null,"error_message":null,"to":"+4915112345678"}
        """

    static let answers: [(RecordedAnswer, AttemptOutcome)] =
        [
            (RecordedAnswer(201, [], taken), .accepted), (error(401, 20_003), .credentials),
            (error(403, 20_005), .credentials), (error(404, 20_404), .credentials), (error(429, 20_429), .throttled),
            (error(429, 21_611), .throttled), (error(429, 30_001), .throttled), (error(400, 30_002), .credentials),
            (error(400, 30_029), .credentials),
            (error(400, 30_003), .transient), (error(400, 30_004), .transient), (error(400, 30_008), .transient),
            (error(400, 21_610), .optedOut), (error(400, 21_617), .contentRejected),
            (error(400, 30_007), .contentRejected),
            (error(400, 30_010), .quota), (error(500, 30_500), .transient), (error(400, 63_001), .credentials),
            (error(400, 63_016), .contentRejected), (error(400, 63_018), .quota), (error(400, 63_020), .quota),
            (error(429, 63_038), .quota),
            (error(400, 63_012), .transient), (error(400, 99_999), .contentRejected),
            (RecordedAnswer(503, [], "<html>"), .transient), (RecordedAnswer(500, [], "<html>"), .unknownOutcome),
            (RecordedAnswer(502), .unknownOutcome), (RecordedAnswer(504), .unknownOutcome),
            (RecordedAnswer(401), .credentials), (RecordedAnswer(404), .transient), (RecordedAnswer(429), .throttled),
            (error(403, 20_403), .credentials), (RecordedAnswer(403, [], #"{"code":403}"#), .transient),
            (RecordedAnswer(400, [], "{}"), .contentRejected),
            (
                RecordedAnswer(
                    201,
                    [],
                    taken.replacing(#""queued","error_code":null"#, with: #""failed","error_code":21610"#)
                ),
                .optedOut
            ),
            // What stands there from an earlier try means nothing while the message is on its way.
            (RecordedAnswer(201, [], taken.replacing(#""error_code":null"#, with: #""error_code":30003"#)), .accepted),
        ]
        + [21_211, 21_214, 21_217, 21_614, 21_635, 21_268, 30_005, 30_006, 63_003, 63_024].map {
            (error(400, $0), .badRecipient)
        }
        + [
            21_408, 21_212, 21_606, 21_612, 21_659, 21_660, 21_661, 21_701, 21_703, 21_705, 21_608, 30_024, 30_034,
            63_007,
        ].map {
            (error(400, $0), .senderNotAuthorised)
        }
        + [63_005, 63_013, 63_021, 63_022, 63_027, 63_028, 63_029, 63_032, 63_049].map {
            (error(400, $0), .contentRejected)
        }

    @Test(arguments: answers) func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome) {
        let verdict = TwilioReply.verdict(answer.response)
        #expect(verdict.outcome == outcome)
        #expect((verdict.detail ?? "").contains("+49") == false && (verdict.code ?? "").contains("+") == false)
        if outcome == .throttled { #expect(verdict.retryAfter == TwilioReply.throttlePause) }
        if outcome == .accepted { #expect(verdict.messageID == "SM00000000000000000000000000000001") }
    }

    @Test(arguments: [
        (200, #"{"sid":"AC1","status":"active"}"#, AttemptOutcome.accepted),
        (200, #"{"sid":"AC1","status":"suspended"}"#, .credentials),
        (200, #"{"sid":"AC1","status":"closed"}"#, .credentials),
        (401, #"{"code":20003}"#, .credentials), (503, "", .transient),
    ])
    func theAccountSaysWhetherItMaySend(status: Int, body: String, outcome: AttemptOutcome) {
        #expect(TwilioReply.health(RecordedAnswer(status, [], body).response).outcome == outcome)
    }

    @Test(
        arguments: [
            ("accountSid", "AC1", "accountSid"), ("accountSid", "../Accounts/AC1", "accountSid"),
            ("region", "ie1", nil), ("region", "au1", nil), ("region", "us1", nil), ("region", "de1", "region"),
            ("region", "dublin.ie1", "region"), ("region", "evil.example/", "region"),
            ("fromNumber", "+4915112345678", nil),
            ("fromNumber", "12345", nil), ("fromNumber", "Klinik Sued", nil),
            ("fromNumber", "Klinik-Sued-Ost", "fromNumber"),
            ("fromNumber", "12", "fromNumber"), ("messagingServiceSid", "MG1", "messagingServiceSid"),
            ("endpoint", "https://169.254.169.254", "endpoint"), ("endpoint", "http://127.0.0.1:8090/twilio", nil),
        ] as [(String, String, String?)]
    )
    func credentialsThatLeadElsewhere(key: String, value: String, wrong: String?) throws {
        let policy = try OutboundPolicy(allow: "loopback")
        let credentials = Credentials(Self.account.merging([key: .string(value)]) { $1 })
        #expect(TwilioSMSProvider.faults(credentials, policy: policy).first?.key == wrong)
        let number = Credentials(Self.account.merging(["whatsappNumber": "+1"]) { $1 })
        #expect(TwilioWhatsAppProvider.faults(number, policy: policy).first?.key == "whatsappNumber")
    }

    @Test func itsAddress() {
        func base(_ region: String?) -> String {
            TwilioSMSProvider.base(Credentials(region.map { ["region": .string($0)] } ?? [:]))
        }
        #expect(base(nil) == "https://api.twilio.com" && base("us1") == "https://api.twilio.com")
        #expect(base("ie1") == "https://api.dublin.ie1.twilio.com")
        #expect(base("au1") == "https://api.sydney.au1.twilio.com")
    }
}

@Suite struct TwilioSignatureTests {
    /// What the provider's own validator says.
    @Test func theSameVerdictsAsTheSDK() throws {
        guard case .array(let cases) = try ProviderSamples.recorded("twilio_signatures.json")["cases"] else {
            throw TestKitError("no cases")
        }
        #expect(cases.count == 17)
        for item in cases {
            let name = item["name"]?.string ?? ""
            let url = try #require(item["url"]?.string)
            let token = Secret(try #require(item["token"]?.string))
            let form = try Self.pairs(item["params"])
            let isValid = TwilioSignature.isValid(item["signature"]?.string, url: url, form: form, tokens: [token])
            #expect(.bool(isValid) == item["isValid"], "\(name)")
            let among = [Secret("another"), token]
            #expect(
                TwilioSignature.isValid(item["signature"]?.string, url: url, form: form, tokens: among) == isValid,
                "\(name)"
            )
            #expect(!TwilioSignature.isValid(item["signature"]?.string, url: url, form: form, tokens: []), "\(name)")
            // As it comes over the wire: the same parameters, percent-encoded.
            #expect(FormBody.parse(FormBody.encode(form)).map { $0.map(\.name) } == form.map(\.name), "\(name)")
        }
    }

    /// The vectors that Twilio publishes with its libraries.
    @Test(arguments: [
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        ),
        (
            "https://mycompany.com:1234/myapp.php?foo=1&bar=2",
            "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309",
            "kvajT1Ptam85bY51eRf/AJRuM3w="
        ),
        (
            "http://mycompany.com/myapp.php?foo=1&bar=2",
            "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309",
            "0ZXoZLH/DfblKGATFgpif+LLRf4="
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2", "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234",
            "IK+Dwps556ElfBT0I3Rgjkr1wJU="
        ),
    ])
    func thePublishedVectors(url: String, body: String, signature: String) throws {
        let form = try #require(FormBody.parse(Array(body.utf8)))
        #expect(TwilioSignature.isValid(signature, url: url, form: form, tokens: [Secret("12345")]))
        #expect(!TwilioSignature.isValid(signature, url: url + "#rc=3", form: form, tokens: [Secret("12345")]))
        #expect(!TwilioSignature.isValid(signature, url: url, form: Array(form.dropFirst()), tokens: [Secret("12345")]))
    }

    @Test func aBlankValueCounts() throws {
        let url = "https://hooks.polyclinic.example/t/42/twilio/status?c=a%20b"
        let body =
            "AccountSid=AC00000000000000000000000000000001&Body=&From=whatsapp%3A%2B919876543210&MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered&To=whatsapp%3A%2B14155238886"
        let form = try #require(FormBody.parse(Array(body.utf8)))
        let tokens = [Secret("polyclinic-auth-token")]
        #expect(TwilioSignature.isValid("FdB8riynyyaYpHf2Q+Elw2cXxzg=", url: url, form: form, tokens: tokens))
        #expect(!TwilioSignature.isValid("VzrtMc8nBKlHlNs3WA4MiIDGIAY=", url: url, form: form, tokens: tokens))
        for header in [nil, "", "FdB8riynyyaYpHf2Q+Elw2cXxzg", "????", "AAAA"] {
            #expect(!TwilioSignature.isValid(header, url: url, form: form, tokens: tokens))
        }
    }

    private static func pairs(_ value: JSONValue?) throws -> FormBody.Pairs {
        guard case .array(let items) = value else { throw TestKitError("no parameters") }
        return try items.map { item in
            guard case .array(let halves) = item, halves.count == 2, let name = halves[0].string,
                let value = halves[1].string
            else { throw TestKitError("no pair") }
            return (name, value)
        }
    }
}
