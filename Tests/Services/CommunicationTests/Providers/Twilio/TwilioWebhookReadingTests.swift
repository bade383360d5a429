import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct TwilioWebhookReadingTests {
    @Test(
        arguments: [
            ([("Body", "வேண்டாம்"), ("ButtonText", "வேண்டாம்"), ("ButtonPayload", "CANCEL")], "வேண்டாம்", "CANCEL"),
            ([("Body", ""), ("ButtonText", "Confirm")], "Confirm", nil),
            ([("ListTitle", "9:00"), ("ListId", "a")], "9:00", "a"), ([("Body", "")], "", nil),
        ] as [([(String, String)], String, String?)]
    ) func whatIsPressedIsWhatIsSaid(pairs: [(String, String)], said: String, payload: String?) {
        let head = [("MessageSid", "SM1"), ("From", "whatsapp:+4915112345678"), ("To", "whatsapp:+14155238886")]
        let text = TwilioWebhooks.text((head + pairs).map { (name: $0.0, value: $0.1) })
        #expect(text?.text == said && text?.payload == payload)
    }

    /// Twilio takes nothing but the word alone, and heeds none by itself by WhatsApp or at a short code.
    @Test(
        arguments: [
            ("STOP", "+15005550006", true), (" Stop\n", "+15005550006", true), ("unstop", "+15005550006", true),
            ("OptOut", "+15005550006", true), ("STOP!", "+15005550006", false), ("Stop please", "+15005550006", false),
            ("STOPP", "+15005550006", false), ("ARRÊT", "+15005550006", false), ("YES", "+15005550006", false),
            ("", "+15005550006", false), ("STOP", "12345", false), ("STOP", "whatsapp:+14155238886", false),
        ] as [(String, String, Bool)]
    )
    func whatItConfirmsItself(said: String, to: String, isConfirmed: Bool) {
        let from = to.hasPrefix("whatsapp:") ? "whatsapp:+4915112345678" : "+4915112345678"
        let text = TwilioWebhooks.text([("MessageSid", "SM1"), ("From", from), ("To", to), ("Body", said)])
        #expect(text?.isConfirmed == isConfirmed && text?.optOut == nil)
    }

    @Test func whatIsAnsweredIsNamed() {
        func answers(_ pairs: FormBody.Pairs) -> [String]? {
            let head: FormBody.Pairs = [
                ("MessageSid", "SM2"), ("From", "whatsapp:+4915112345678"), ("To", "whatsapp:+14155238886"),
                ("ButtonPayload", "CONFIRM"),
            ]
            return TwilioWebhooks.text(head + pairs)?.answers
        }
        #expect(answers([("OriginalRepliedMessageSid", Self.sid)]) == [Self.sid])
        #expect(answers([]) == [])
    }

    private static let sid = "SM00000000000000000000000000000001"

    private static func status(_ status: String, _ more: FormBody.Pairs = []) -> FormBody.Pairs {
        [
            ("MessageSid", sid), ("SmsSid", sid), ("MessageStatus", status), ("SmsStatus", status),
            ("To", "whatsapp:+4915112345678"), ("From", "whatsapp:+14155238886"), ("AccountSid", "AC1"),
            ("ApiVersion", "2010-04-01"),
        ] + more
    }

    @Test(
        arguments: [
            ("delivered", nil, .delivered), ("read", nil, .opened), ("undelivered", "30003", .softBounce),
            ("undelivered", "30005", .hardBounce), ("failed", "30006", .hardBounce), ("failed", "63003", .hardBounce),
            ("failed", "21610", .optedOut),
            ("undelivered", "30007", .rejected), ("undelivered", "30034", .rejected),
            ("failed", "63016", .outsideWindow),
            ("undelivered", "30004", .softBounce), ("undelivered", "30008", .softBounce), ("failed", nil, .softBounce),
            ("failed", "nonsense", .softBounce),
            // What is left of an earlier try is not what became of it.
            ("delivered", "30005", .delivered), ("sent", "30005", .sent), ("queued", nil, .sent),
            ("sending", nil, .sent), ("accepted", nil, .sent), ("canceled", nil, nil), ("teleported", nil, nil),
        ] as [(String, String?, DeliveryEvent?)]
    )
    func whatBecameOfAMessage(status: String, code: String?, event: DeliveryEvent?) {
        let id = MessageID()
        let form = Self.status(status, code.map { [("ErrorCode", $0)] } ?? [])
        let reports = TwilioWebhooks.reports(form, message: id)
        #expect(reports.map(\.event) == (event.map { [$0] } ?? []))
        if let report = reports.first {
            #expect(report.id == "\(Self.sid):\(status)" && report.message == id)
            #expect(report.providerMessageID == Self.sid && report.recipient == "+4915112345678")
            #expect(report.code == (report.event.isFailure ? code : nil))
        }
        #expect(TwilioWebhooks.text(form) == nil)
    }

    /// What is the account's to mend, and not the message's.
    @Test(
        arguments: [
            ("30002", .credentials), ("20005", .credentials), ("63001", .credentials),
            ("30024", .senderNotAuthorised), ("30034", .senderNotAuthorised), ("21408", .senderNotAuthorised),
            ("63007", .senderNotAuthorised), ("63018", .quota), ("63020", .quota), ("63038", .quota), ("30010", nil),
            ("30007", nil), ("63013", nil), ("63016", nil), ("21610", nil), ("30003", nil), ("30005", nil),
            ("30001", nil), ("99999", nil), (nil, nil),
        ] as [(String?, AccountFault?)]
    )
    func whatIsWrongWithTheAccount(code: String?, fault: AccountFault?) {
        func report(_ status: String) -> DeliveryReport? {
            TwilioWebhooks.reports(Self.status(status, code.map { [("ErrorCode", $0)] } ?? []), message: nil).first
        }
        for status in ["undelivered", "failed"] {
            #expect(report(status)?.fault == fault)
            #expect(fault == nil || report(status)?.event == .rejected && report(status)?.code == code)
        }
        // What is left of an earlier try says nothing.
        #expect(report("delivered")?.event == .delivered && report("delivered")?.fault == nil)
    }

    @Test(
        arguments: [
            ([("OptOutType", "STOP")], .stop), ([("OptOutType", "Help")], .help), ([("OptOutType", "?")], nil),
            ([], nil),
        ] as [([(String, String)], InboundText.OptOut?)]
    )
    func whatAPatientWrote(more: [(String, String)], optOut: InboundText.OptOut?) throws {
        let form: FormBody.Pairs =
            [
                ("ToCountry", "DE"), ("SmsMessageSid", Self.sid), ("NumMedia", "2"), ("SmsStatus", "received"),
                ("Body", "Hallo 😀"), ("To", "+15005550006"), ("MessageSid", Self.sid), ("AccountSid", "AC1"),
                ("From", "+4915112345678"), ("MediaUrl0", "https://api.twilio.com/m/0"),
                ("MediaContentType0", "image/jpeg"),
                ("MediaUrl1", "https://api.twilio.com/m/1"),
            ] + more.map { (name: $0.0, value: $0.1) }
        #expect(TwilioWebhooks.reports(form, message: nil).isEmpty)
        let text = try #require(TwilioWebhooks.text(form))
        #expect(text.channel == .sms && text.to == "+15005550006" && text.from.text == "+4915112345678")
        #expect(text.text == "Hallo 😀" && text.providerMessageID == Self.sid && text.optOut == optOut)
        #expect(text.media.map(\.url) == ["https://api.twilio.com/m/0", "https://api.twilio.com/m/1"])
        #expect(text.media.map(\.type) == ["image/jpeg", nil])
    }

    @Test func whatComesFromNobodysNumberIsPassedOver() {
        for from in ["12345", "Twilio", ""] {
            let form: FormBody.Pairs = [
                ("Body", "Your code"), ("From", from), ("To", "+15005550006"), ("MessageSid", Self.sid),
                ("NumMedia", "-3"),
            ]
            #expect(TwilioWebhooks.text(form) == nil)
        }
        let whatsApp: FormBody.Pairs = [
            ("From", "whatsapp:+4915112345678"), ("To", "whatsapp:+14155238886"), ("MessageSid", Self.sid),
            ("NumMedia", "99"),
        ]
        let text = TwilioWebhooks.text(whatsApp)
        #expect(text?.channel == .whatsapp && text?.to == "+14155238886" && text?.text == "" && text?.media == [])
    }
}
