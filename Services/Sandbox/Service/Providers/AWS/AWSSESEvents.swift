import Contracts
import Core

/// SES's events, as a configuration set publishes them to a topic.
extension AWSSES {
    func subscribe(_ url: String, _ secret: String?, _ request: SandboxRequest) -> WebhookSender.Endpoint? {
        topics.noteOrigin(of: request, name)
        return topics.subscribe(url, topic: secret)
    }

    func tell(_ event: MailEvent, of message: ReceivedMessage, to recipients: [String]) -> Bool {
        guard let (kind, member, what) = Self.finding(event, recipients) else { return false }
        let time = JSONValue.string(Instant.now().rfc3339)
        var mail: [String: JSONValue] = [
            "timestamp": .string(message.at.rfc3339), "messageId": .string(message.id), "source": .string(message.from),
            "destination": .array(message.to.map { .string($0) }), "headersTruncated": false,
        ]
        if let reference = message.reference { mail["tags"] = ["message_id": [.string(reference)]] }
        let notice: JSONValue = [
            "eventType": .string(kind), "mail": .object(mail),
            member: .object(what.merging(["timestamp": time]) { old, _ in old }),
        ]
        guard let bytes = try? JSONWriter.encode(notice) else { return false }
        topics.sender.send(.init(id: "\(RequestID())", type: kind, account: "sandbox", clinic: nil, body: bytes))
        return true
    }

    private static func finding(
        _ event: MailEvent,
        _ recipients: [String]
    ) -> (kind: String, member: String, what: [String: JSONValue])? {
        func bounce(_ type: JSONValue, _ subType: JSONValue) -> [String: JSONValue] {
            let people = recipients.map { recipient -> JSONValue in
                ["emailAddress": .string(recipient), "action": "failed", "status": "5.1.1"]
            }
            return [
                "bounceType": type, "bounceSubType": subType, "bouncedRecipients": .array(people),
                "feedbackId": .string("\(RequestID())"),
            ]
        }
        switch event {
        case .delivered:
            return ("Delivery", "delivery", ["recipients": .array(recipients.map { .string($0) })])
        case .hardBounce: return ("Bounce", "bounce", bounce("Permanent", "NoEmail"))
        case .softBounce: return ("Bounce", "bounce", bounce("Transient", "MailboxFull"))
        case .dropped: return ("Bounce", "bounce", bounce("Permanent", "OnAccountSuppressionList"))
        case .complaint:
            let people = recipients.map { JSONValue.object(["emailAddress": .string($0)]) }
            return (
                "Complaint", "complaint",
                ["complainedRecipients": .array(people), "complaintFeedbackType": "abuse"]
            )
        case .open: return ("Open", "open", ["userAgent": "Sandbox"])
        case .rejected: return ("Reject", "reject", ["reason": "Bad content"])
        case .unsubscribe:
            return ("Subscription", "subscription", ["newTopicPreferences": ["unsubscribeAll": true]])
        }
    }
}
