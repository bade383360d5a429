import CommunicationAPI
import Contracts
import Core
import ProviderConfig

/// SES's events, which it publishes to a topic of SNS.
struct AWSSESWebhooks: WebhookReader {
    let sns: SNSVerifier

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        try await sns.read(call, for: entry, at: now) { Self.content($0.message, id: $0.id) }
    }

    /// What a message of the topic tells, or brings.
    ///
    /// A topic carries other texts as well, such as SES's word that it may publish there: they tell nothing.
    static func content(_ message: String, id: String) -> WebhookContent {
        guard let event = try? JSONTape(Array(message.utf8)).decode(JSONValue.self) else { return WebhookContent() }
        return WebhookContent(reports: reports(event, id: id), mails: { mail(event).map { [$0] } ?? [] })
    }

    /// What an event says: of a configuration set's publishing, or of an identity's notifications.
    private static func reports(_ event: JSONValue, id: String) -> [DeliveryReport] {
        guard let kind = (event["eventType"] ?? event["notificationType"])?.string, let mail = event["mail"] else {
            return []
        }
        let (what, recipients) = finding(kind, event)
        guard let what else { return [] }
        let reports = DeliveryReport.each(
            recipients,
            id: id,
            message: mail["tags"]?["message_id"]?.list.first?.string.flatMap { MessageID($0) },
            providerMessageID: ProviderVerdict.id(mail["messageId"]),
            what
        )
        let bounced = named(event["bounce"]?["bouncedRecipients"])
        guard kind == "Bounce", bounced.count == reports.count else { return reports }
        return zip(reports, bounced).map { report, bounced in
            var report = report
            report.code = ProviderVerdict.id(bounced["status"])
            // What its lists keep away was asked of no server.
            if what == .hardBounce {
                report.event = MailReport.bounce(status: report.code, said: bounced["diagnosticCode"]?.string)
            }
            return report
        }
    }

    /// What happened, and to whom: never to all that the mail went to.
    private static func finding(_ kind: String, _ event: JSONValue) -> (DeliveryEvent?, [String]) {
        switch kind {
        case "Send": (.sent, [])
        case "Delivery": (.delivered, event["delivery"]?["recipients"]?.list.compactMap(\.string) ?? [])
        case "Bounce": (bounce(event["bounce"] ?? .null), addresses(event["bounce"]?["bouncedRecipients"]))
        case "Complaint":
            (complaint(event["complaint"] ?? .null), addresses(event["complaint"]?["complainedRecipients"]))
        // Who follows a link has the message open.
        case "Open", "Click": (.opened, [])
        case "Reject", "Rendering Failure": (.rejected, [])
        case "Subscription":
            (event["subscription"]?["newTopicPreferences"]?["unsubscribeAll"] == .bool(true) ? .unsubscribed : nil, [])
        default: (nil, [])
        }
    }

    private static func bounce(_ bounce: JSONValue) -> DeliveryEvent {
        switch (bounce["bounceType"]?.string, bounce["bounceSubType"]?.string) {
        case ("Permanent", "Suppressed"), ("Permanent", "OnAccountSuppressionList"): .dropped
        case ("Permanent", "UnsubscribedRecipient"): .optedOut
        case ("Permanent", _): .hardBounce
        default: .softBounce
        }
    }

    private static func complaint(_ complaint: JSONValue) -> DeliveryEvent? {
        // Withdrawn: somebody took the message out of the folder it was filtered into.
        if complaint["complaintFeedbackType"]?.string == "not-spam" { return nil }
        return complaint["complaintSubType"]?.string == "OnAccountSuppressionList" ? .optedOut : .complained
    }

    private static func addresses(_ recipients: JSONValue?) -> [String] {
        named(recipients).compactMap { $0["emailAddress"]?.string }
    }

    private static func named(_ recipients: JSONValue?) -> [JSONValue] {
        (recipients?.list ?? []).filter { $0["emailAddress"]?.string != nil }
    }
}
