import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

/// What the providers' webhooks say, as their documentation shows them.
@Suite struct NoticeTests {
    private static let id = MessageID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001)

    // MARK: - SES

    private func ses(_ kind: String, _ members: [String: JSONValue], key: String = "eventType") throws
        -> [DeliveryReport]
    {
        let mail: JSONValue = [
            "timestamp": "2026-10-20T07:00:00.123Z", "messageId": "0100018f-0001", "source": "clinic@example.com",
            "destination": ["a@example.com", "b@example.com", "c@example.com"],
            "tags": ["ses:configuration-set": ["events"], "message_id": [.string("\(Self.id)")]],
        ]
        let event = JSONValue.object(members.merging([key: .string(kind), "mail": mail]) { old, _ in old })
        return AWSSESWebhooks.content(String(decoding: try JSONWriter.encode(event), as: UTF8.self), id: "n").reports
    }

    private func bounce(_ type: String, _ subType: String) -> [String: JSONValue] {
        [
            "bounce": [
                "bounceType": .string(type), "bounceSubType": .string(subType),
                "bouncedRecipients": [["emailAddress": "b@example.com", "status": "5.1.1"]],
            ]
        ]
    }

    @Test(arguments: [
        ("Permanent", "General", DeliveryEvent.hardBounce), ("Permanent", "NoEmail", .hardBounce),
        ("Permanent", "Suppressed", .dropped), ("Permanent", "OnAccountSuppressionList", .dropped),
        ("Permanent", "UnsubscribedRecipient", .optedOut), ("Transient", "General", .softBounce),
        ("Transient", "MailboxFull", .softBounce), ("Transient", "ContentRejected", .softBounce),
        ("Undetermined", "Undetermined", .softBounce), ("Another", "Another", .softBounce),
    ]) func bouncesOfSES(type: String, subType: String, event: DeliveryEvent) throws {
        for key in ["eventType", "notificationType"] {
            let report = DeliveryReport(
                id: "n",
                message: Self.id,
                providerMessageID: "0100018f-0001",
                event: event,
                recipient: "b@example.com",
                code: "5.1.1"
            )
            #expect(try ses("Bounce", bounce(type, subType), key: key) == [report])
        }
    }

    /// SES calls each refusal of a server one for good; only a mailbox that is not there is one that nobody writes to again.
    @Test(
        arguments: [
            ("5.1.1", "smtp; 550 5.1.1 <b@example.com>... User unknown", DeliveryEvent.hardBounce),
            (nil, nil, .hardBounce), (nil, "smtp; 550 No such user", .hardBounce), ("5.4.4", nil, .hardBounce),
            ("5.7.1", nil, .rejected), ("5.7.1", "smtp; 550 5.7.1 Message blocked", .rejected),
            ("5.0.0", "smtp; 550 5.7.515 Access denied, sending domain example.com", .rejected),
            ("5.3.0", "smtp; 550-5.7.26 Your email has been blocked", .rejected),
            (nil, "smtp; 554 5.6.0 Message contains a virus", .rejected), ("5.6.1", nil, .rejected),
            ("5.1.0", "smtp; 550 5.1.0 Sender address rejected", .rejected),
        ] as [(String?, String?, DeliveryEvent)]
    ) func aPolicyIsNoDeadMailbox(status: String?, said: String?, event: DeliveryEvent) throws {
        var refused: [String: JSONValue] = ["emailAddress": "b@example.com", "action": "failed"]
        if let status { refused["status"] = .string(status) }
        if let said { refused["diagnosticCode"] = .string(said) }
        let gone: JSONValue = ["emailAddress": "a@example.com", "status": "5.1.1"]
        func events(_ type: String, _ subType: String) throws -> [DeliveryEvent] {
            let bounce: JSONValue = [
                "bounceType": .string(type), "bounceSubType": .string(subType),
                "bouncedRecipients": [.object(refused), gone],
            ]
            let reports = try ses("Bounce", ["bounce": bounce])
            #expect(reports.map(\.recipient) == ["b@example.com", "a@example.com"])
            #expect(reports.map(\.code) == [status, "5.1.1"])
            return reports.map(\.event)
        }
        #expect(try events("Permanent", "General") == [event, .hardBounce])
        #expect(try events("Transient", "General") == [.softBounce, .softBounce])
        #expect(try events("Permanent", "OnAccountSuppressionList") == [.dropped, .dropped])
    }

    /// Never the whole of `destination`, only those who are named.
    @Test func eachOfSeveralRecipientsIsAReportOfItsOwn() throws {
        let two: [String: JSONValue] = [
            "bounce": [
                "bounceType": "Permanent", "bounceSubType": "General",
                "bouncedRecipients": [["emailAddress": "c@example.com"], ["emailAddress": "a@example.com"]],
            ]
        ]
        let reports = try ses("Bounce", two)
        #expect(reports.map(\.recipient) == ["c@example.com", "a@example.com"] && reports.map(\.id) == ["n", "n:1"])
        let delivered = try ses("Delivery", ["delivery": ["recipients": ["a@example.com", "b@example.com"]]])
        #expect(delivered.map(\.recipient) == ["a@example.com", "b@example.com"])
        #expect(delivered.map(\.event) == [.delivered, .delivered])
    }

    @Test(
        arguments: [
            ("abuse", nil, DeliveryEvent.complained as DeliveryEvent?), ("fraud", nil, .complained),
            (nil, nil, .complained),
            ("not-spam", nil, nil), ("abuse", "OnAccountSuppressionList", .optedOut),
        ] as [(String?, String?, DeliveryEvent?)]
    ) func complaintsAtSES(type: String?, subType: String?, event: DeliveryEvent?) throws {
        var complaint: [String: JSONValue] = ["complainedRecipients": [["emailAddress": "a@example.com"]]]
        if let type { complaint["complaintFeedbackType"] = .string(type) }
        if let subType { complaint["complaintSubType"] = .string(subType) }
        let reports = try ses("Complaint", ["complaint": .object(complaint)])
        #expect(reports.map(\.event) == (event.map { [$0] } ?? []))
        #expect(reports.allSatisfy { $0.recipient == "a@example.com" })
    }

    @Test func otherEventsOfSES() throws {
        #expect(try ses("Open", ["open": ["ipAddress": "192.0.2.1"]]).map(\.event) == [.opened])
        #expect(try ses("Reject", ["reject": ["reason": "Bad content"]]).map(\.event) == [.rejected])
        #expect(try ses("Rendering Failure", [:]).map(\.event) == [.rejected])
        let gone: [String: JSONValue] = ["subscription": ["newTopicPreferences": ["unsubscribeAll": true]]]
        #expect(try ses("Subscription", gone).map(\.event) == [.unsubscribed])
        #expect(try ses("Click", ["click": ["link": "https://example.org"]]).map(\.event) == [.opened])
        #expect(try ses("Send", [:]).map(\.event) == [.sent] && ses("Send", [:]).map(\.recipient) == [nil])
        for kind in ["DeliveryDelay", "Subscription", "Another"] {
            #expect(try ses(kind, [:]).isEmpty, "\(kind)")
        }
        for text in [
            "Successfully validated SNS topic for Amazon SES event publishing.", "", "[]", "{}", "null",
            #"{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have subscribed."}"#,
        ] {
            #expect(AWSSESWebhooks.content(text, id: "n").reports.isEmpty, "\(text)")
        }
    }

    // MARK: - SendGrid

    private func sendgrid(_ members: [String: JSONValue]) throws -> [DeliveryReport] {
        let usual: [String: JSONValue] = [
            "email": "asha@example.com", "timestamp": 1_792_566_000, "sg_event_id": "e1",
            "sg_message_id": "abc.recvd-5f54-1.0", "message_id": .string("\(Self.id)"),
        ]
        let event = JSONValue.object(usual.merging(members) { _, new in new })
        return try SendGridWebhooks.reports(try JSONWriter.encode(JSONValue.array([event])))
    }

    @Test(
        arguments: [
            (["event": "delivered"], DeliveryEvent.delivered as DeliveryEvent?), (["event": "open"], .opened),
            (["event": "spamreport"], .complained), (["event": "unsubscribe"], .unsubscribed),
            (["event": "group_unsubscribe"], .unsubscribed), (["event": "bounce", "type": "bounce"], .hardBounce),
            (["event": "bounce", "type": "blocked"], .softBounce),
            (["event": "dropped", "reason": "Bounced Address"], .dropped),
            (["event": "dropped", "reason": "Unsubscribed Address"], .optedOut),
            (["event": "dropped", "reason": "Spam Reporting Address"], .optedOut),
            (["event": "dropped", "reason": "Invalid"], .hardBounce),
            (["event": "dropped", "reason": "Invalid", "email": #""a b"@example.com"#], .rejected),
            (["event": "dropped", "reason": "Invalid SMTPAPI header"], .rejected),
            (["event": "dropped", "reason": "Spam Content (if spam checker app enabled)"], .rejected),
            (["event": "dropped", "reason": "Recipient List over Package Quota"], .rejected),
            (["event": "dropped"], .rejected), (["event": "processed"], .sent), (["event": "deferred"], nil),
            (["event": "click"], .opened), (["event": "group_resubscribe"], nil), (["event": "new_kind"], nil),
            ([:], nil),
        ] as [([String: String], DeliveryEvent?)]
    ) func eventsOfSendGrid(
        members: [String: String],
        event: DeliveryEvent?
    ) throws {
        let report = event.map {
            DeliveryReport(
                id: "e1",
                message: Self.id,
                providerMessageID: "abc",
                event: $0,
                recipient: members["email"] ?? "asha@example.com",
                // The plan's, which every message after it meets as well.
                fault: members["reason"] == "Recipient List over Package Quota" ? .quota : nil
            )
        }
        #expect(try sendgrid(members.mapValues { .string($0) }) == report.map { [$0] } ?? [])
    }

    @Test func whatSendGridSaysOfABounce() throws {
        #expect(try sendgrid(["event": "bounce", "type": "bounce", "status": "5.1.1"]).map(\.code) == ["5.1.1"])
        #expect(try sendgrid(["event": "bounce", "status": "no such mailbox"]).map(\.code) == [nil])
        #expect(try sendgrid(["event": "delivered", "status": "2.0.0"]).map(\.code) == [nil])
    }

    @Test func whatSendGridLeavesOut() throws {
        let plain = try sendgrid(["event": "delivered", "message_id": .null, "sg_message_id": "plain"])
        #expect(plain.map(\.message) == [nil] && plain.map(\.providerMessageID) == ["plain"])
        let first = try sendgrid(["event": "delivered", "sg_event_id": .null])
        let second = try sendgrid(["event": "open", "sg_event_id": .null])
        #expect(try sendgrid(["event": "delivered", "sg_event_id": .null]) == first)
        #expect(first.map(\.id) != second.map(\.id) && first.first?.id.count == 64)
        for text in ["", "{}", "null", "[", #"{"event":"delivered"}"#] {
            #expect(throws: Problem.self) { try SendGridWebhooks.reports(Array(text.utf8)) }
        }
        #expect(try SendGridWebhooks.reports(Array("[]\r\n".utf8)).isEmpty)
    }

    // MARK: - Resend

    private func resend(_ type: String, _ members: [String: JSONValue] = [:]) throws -> [DeliveryReport] {
        let usual: [String: JSONValue] = [
            "email_id": "56761188-7520", "from": "clinic@example.com", "to": ["asha@example.com"],
            "tags": ["message_id": .string("\(Self.id)")],
        ]
        let notice: JSONValue = ["type": .string(type), "data": .object(usual.merging(members) { _, new in new })]
        return try ResendWebhooks.reports(notice, id: "msg_1")
    }

    @Test(arguments: [
        ("email.delivered", DeliveryEvent.delivered as DeliveryEvent?), ("email.opened", .opened),
        ("email.complained", .complained), ("email.failed", .rejected), ("email.suppressed", .dropped),
        ("email.sent", .sent), ("email.scheduled", nil), ("email.delivery_delayed", nil), ("email.clicked", .opened),
        ("email.received", nil), ("domain.updated", nil), ("another", nil),
    ]) func eventsOfResend(type: String, event: DeliveryEvent?) throws {
        let report = event.map {
            DeliveryReport(
                id: "msg_1",
                message: Self.id,
                providerMessageID: "56761188-7520",
                event: $0,
                recipient: "asha@example.com"
            )
        }
        #expect(try resend(type) == report.map { [$0] } ?? [])
        let listed: JSONValue = [["name": "message_id", "value": .string("\(Self.id)")]]
        #expect(try resend(type, ["tags": listed]) == report.map { [$0] } ?? [])
        // It does not say which of them it means.
        #expect(try resend(type, ["to": ["a@example.com", "b@example.com"]]).isEmpty)
    }

    @Test(arguments: [
        ("reached_daily_quota", AccountFault.quota as AccountFault?), ("reached_monthly_quota", .quota),
        ("another", nil),
    ]) func failuresAtResend(reason: String, fault: AccountFault?) throws {
        let reports = try resend("email.failed", ["failed": ["reason": .string(reason)]])
        #expect(reports.map(\.event) == [.rejected] && reports.map(\.fault) == [fault])
    }

    @Test(arguments: [
        ("Permanent", "General", DeliveryEvent.hardBounce), ("Permanent", "Suppressed", .dropped),
        ("Permanent", "OnAccountSuppressionList", .dropped), ("Transient", "MailboxFull", .softBounce),
        ("Undetermined", "Undetermined", .softBounce), ("Temporary", "General", .softBounce),
    ]) func bouncesAtResend(type: String, subType: String, event: DeliveryEvent) throws {
        let bounce: JSONValue = ["type": .string(type), "subType": .string(subType), "message": "550 5.1.1"]
        let reports = try resend("email.bounced", ["bounce": bounce])
        #expect(reports.map(\.event) == [event] && reports.map(\.code) == [subType])
        for text in ["", "[]", "{}", "null"] {
            #expect(throws: Problem.self) { try ResendWebhooks.reports(.webhook(Array(text.utf8)), id: "m") }
        }
    }
}
