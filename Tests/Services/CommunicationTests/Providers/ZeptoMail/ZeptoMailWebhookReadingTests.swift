import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct ZeptoMailWebhookReadingTests {
    private static let body = Array(
        #"{"event_name":["hardbounce"],"event_message":[],"mailagent_key":"ma1","webhook_request_id":"w1"}"#.utf8
    )
    /// When the signatures were made.
    private static let now = Instant(seconds: 1_760_000_000)
    private static let code = "YKrEinooZJQdY4sivhkhOQt/jQJrG7p6t3Q2Q5flV38="

    @Test(arguments: [
        (header: "ts=1760000000000;s=\(PercentCoding.encode(code));s-algorithm=HmacSHA256" as String?, isSigned: true),
        ("ts=1760000000000; s=\(PercentCoding.encode(code)); s-algorithm=HmacSHA256", true),
        ("ts=1760000000000;s=\(code);s-algorithm=HmacSHA256", true),
        ("ts=1760000000000;s=\(PercentCoding.encode(code));s-algorithm=none", false),
        ("ts=1760000000000;s=\(PercentCoding.encode(code))", false),
        ("ts=1;s=AAAA;s-algorithm=HmacSHA256", false), ("s=;s-algorithm=HmacSHA256", false), ("", false), (nil, false),
    ]) func theSignatureIsThatOfTheRawBody(header: String?, isSigned: Bool) {
        let secrets = [Secret("another-key"), Secret("polyclinic-zepto-key")]
        #expect(ZeptoMailWebhooks.isSigned(Self.body, header, secrets: secrets, at: Self.now) == isSigned)
        #expect(!ZeptoMailWebhooks.isSigned(Self.body + [0x20], header, secrets: secrets, at: Self.now))
        #expect(!ZeptoMailWebhooks.isSigned(Self.body, header, secrets: [Secret("another-key")], at: Self.now))
        #expect(!ZeptoMailWebhooks.isSigned(Self.body, header, secrets: [], at: Self.now))
    }

    @Test(arguments: [
        (name: "hardbounce", event: DeliveryEvent.hardBounce as DeliveryEvent?), ("softbounce", .softBounce),
        ("delivered", .delivered), ("email_delivered", .delivered), ("Email_Open", .opened),
        ("email_link_click", .opened),
        ("fbl_compliant", .complained), ("FBL Complaint", .complained), ("feedback_loop", .complained),
    ]) func itsKinds(name: String, event: DeliveryEvent?) throws {
        let id = MessageID()
        let message: JSONValue = ["email_info": ["client_reference": .string("\(id)")], "event_data": []]
        for messages in [message, .array([message])] {
            for names in [JSONValue.string(name), [.string(name)]] {
                let notice: JSONValue = ["event_name": names, "event_message": messages, "webhook_request_id": "w1"]
                let reports = try ZeptoMailWebhooks.reports(try JSONWriter.encode(notice))
                #expect(reports == event.map { [.init(id: "w1:0", message: id, event: $0)] } ?? [])
            }
        }
    }

    /// Not all accounts were seen to sign the same; whatever is signed, the time and the body are.
    @Test(arguments: [
        "0p6veyUT8iKUnzi1el7KfCQ/O49rbp10UGSttCt7RNg=", "KS4ZyW6MsTSW9GJLx2ER/7hsYJjxVuOJQT0HzXGTeyI=",
    ]) func theTimeMayBeSignedToo(code: String) {
        let secrets = [Secret("polyclinic-zepto-key")]
        func isSigned(at time: String, _ body: [UInt8] = Self.body, later: Duration = .zero) -> Bool {
            let header = "ts=\(time);s=\(PercentCoding.encode(code));s-algorithm=HmacSHA256"
            return ZeptoMailWebhooks.isSigned(body, header, secrets: secrets, at: Self.now + later)
        }
        #expect(isSigned(at: "1760000000000"))
        #expect(!isSigned(at: "1760000000001") && !isSigned(at: "") && !isSigned(at: "1760000000000", [0x7B]))
        // What somebody has kept is not told again another day, nor before its time.
        for later in [ZeptoMailWebhooks.oldest, .zero - ZeptoMailWebhooks.earliest] {
            #expect(isSigned(at: "1760000000000", later: later))
        }
        #expect(!isSigned(at: "1760000000000", later: ZeptoMailWebhooks.oldest + .seconds(1)))
        #expect(!isSigned(at: "1760000000000", later: .zero - ZeptoMailWebhooks.earliest - .seconds(1)))
        // What was taken from the body and put before it is another body.
        #expect(!isSigned(at: "176000000000", Array("0".utf8) + Self.body))
    }

    /// `to` names everybody; only who is named with the event is concerned.
    @Test func itIsAboutWhomTheEventNames() throws {
        func recipients(_ details: JSONValue, _ name: String) throws -> [String?] {
            let message: JSONValue = [
                "email_info": ["to": [["email_address": ["address": "innocent@example.com"]]]], "request_id": "r1",
                "event_data": [["object": "email", "details": details]],
            ]
            let notice: JSONValue = ["event_name": [.string(name)], "event_message": [message]]
            let reports = try ZeptoMailWebhooks.reports(try JSONWriter.encode(notice))
            #expect(reports.allSatisfy { $0.providerMessageID == "r1" })
            #expect(Set(reports.map(\.id)).count == reports.count)
            return reports.map(\.recipient)
        }
        #expect(try recipients([["bounced_recipient": "a@example.com"]], "hardbounce") == ["a@example.com"])
        #expect(try recipients(["bounced_recipient": "a@example.com"], "hardbounce") == ["a@example.com"])
        let two: JSONValue = [["bounced_recipient": "a@example.com"], ["bounced_recipient": "b@example.com"]]
        #expect(try recipients(two, "softbounce") == ["a@example.com", "b@example.com"])
        #expect(try recipients([["to": "c@example.com"]], "fbl_compliant") == ["c@example.com"])
        #expect(try recipients([["time": "2026-01-01"]], "delivered") == [nil])
    }

    /// What a server refuses for the sender or the text condemns nobody's address.
    @Test(
        arguments: [
            ("550 5.1.1 No such user", .hardBounce), ("550 No such user", .hardBounce), (nil, .hardBounce),
            ("550 5.7.515 Access denied, sending domain does not meet the required level", .rejected),
            ("550-5.7.26 Your email has been blocked", .rejected), ("554 5.6.0 Message refused", .rejected),
        ] as [(String?, DeliveryEvent)]
    ) func aPolicyIsNoDeadMailbox(said: String?, event: DeliveryEvent) throws {
        var detail: [String: JSONValue] = ["bounced_recipient": "a@example.com"]
        if let said { detail["diagnostic_message"] = .string(said) }
        for (name, event) in [("hardbounce", event), ("softbounce", .softBounce)] {
            let notice: JSONValue = [
                "event_name": [.string(name)],
                "event_message": [["request_id": "r1", "event_data": [["details": [.object(detail)]]]]],
            ]
            let reports = try ZeptoMailWebhooks.reports(try JSONWriter.encode(notice))
            #expect(reports.map(\.event) == [event] && reports.map(\.recipient) == ["a@example.com"])
        }
    }

    /// One reply may stand for many recipients: it is theirs, and they are counted before it is read.
    @Test func aReplyIsThatOfAllItNames() throws {
        func notice(_ details: [JSONValue]) throws -> [UInt8] {
            try JSONWriter.encode(
                [
                    "event_name": ["hardbounce"],
                    "event_message": [["request_id": "r1", "event_data": [["details": .array(details)]]]],
                ] as JSONValue
            )
        }
        func detail(_ recipients: [String], _ said: String) -> JSONValue {
            [
                "bounced_recipient": .array(recipients.map { .string($0) }), "diagnostic_message": .string(said),
            ]
        }
        let (policy, nobody) = ("550 5.7.1 Blocked", "550 5.1.1 No such user")
        let told = try ZeptoMailWebhooks.reports(
            notice([detail(["a@example.com", "b@example.com"], policy), detail(["c@example.com"], nobody)])
        )
        #expect(told.map(\.recipient) == ["a@example.com", "b@example.com", "c@example.com"])
        #expect(told.map(\.event) == [.rejected, .rejected, .hardBounce])
        // No more recipients than a webhook may hold reports, be it in one detail or in several.
        let long = "\(policy) \(String(repeating: "again ", count: 20_000))"
        let most = Array(repeating: "a@example.com", count: WebhookCall.mostReports)
        let whole = try ZeptoMailWebhooks.reports(notice([detail(most, long)]))
        #expect(whole.count == WebhookCall.mostReports && whole.allSatisfy { $0.event == .rejected })
        for details in [[detail(most + ["b"], long)], [detail(most, long), detail(["b"], long)]] as [[JSONValue]] {
            let body = try notice(details)
            #expect(throws: Problem.self) { try ZeptoMailWebhooks.reports(body) }
        }
    }

    @Test func whatIsNoNoticeIsRefused() {
        for text in ["", "[]", "{}", #"{"event_name":[]}"#, #"{"event_name":[1]}"#] {
            #expect(throws: Problem.self) { try ZeptoMailWebhooks.reports(Array(text.utf8)) }
        }
    }
}
