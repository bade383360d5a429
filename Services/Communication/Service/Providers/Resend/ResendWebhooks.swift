import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Resend's webhooks, signed as Svix signs.
struct ResendWebhooks: WebhookReader {
    /// What they are signed with, among the credentials.
    static let key = "webhookSecret"

    /// Hands out the e-mails that came to an account.
    let http: OutboundHTTP

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        guard let signature = SvixSignature(call.headers),
            signature.isValid(for: call.body, secrets: entry.webhookSecrets(Self.key, at: now), at: now)
        else { return nil }
        let webhook = try JSONValue.webhook(call.body)
        return WebhookContent(
            reports: try Self.reports(webhook, id: signature.id),
            mails: { try await mails(webhook, for: entry) }
        )
    }

    /// What a webhook says; throws 400 for what is none.
    static func reports(_ webhook: JSONValue, id: String) throws(Problem) -> [DeliveryReport] {
        guard let type = webhook["type"]?.string else { throw .malformed("The webhook names no event.") }
        let data = webhook["data"] ?? .null
        guard let event = event(type, data) else { return [] }
        // It does not say which of several it means; what we send goes to one.
        let recipients = data["to"]?.list.compactMap(\.string) ?? []
        guard recipients.count <= 1 else { return [] }
        return DeliveryReport.each(
            recipients,
            id: id,
            message: message(data["tags"]),
            providerMessageID: ProviderVerdict.id(data["email_id"]),
            event,
            code: ProviderVerdict.id(data["bounce"]?["subType"]),
            fault: event == .rejected ? fault(data["failed"]?["reason"]?.string) : nil
        )
    }

    private static func event(_ type: String, _ data: JSONValue) -> DeliveryEvent? {
        switch type {
        case "email.sent": .sent
        case "email.delivered": .delivered
        // Who follows a link has the message open.
        case "email.opened", "email.clicked": .opened
        case "email.complained": .complained
        case "email.failed": .rejected
        case "email.suppressed": .dropped
        case "email.bounced":
            switch (data["bounce"]?["type"]?.string, data["bounce"]?["subType"]?.string) {
            case ("Permanent", "Suppressed"), ("Permanent", "OnAccountSuppressionList"): .dropped
            case ("Permanent", _): .hardBounce
            default: .softBounce
            }
        default: nil
        }
    }

    /// What is wrong with the account, where messages fail for that.
    private static func fault(_ reason: String?) -> AccountFault? {
        ["reached_daily_quota", "reached_monthly_quota"].contains(reason) ? .quota : nil
    }

    /// Tags come as they were sent, or as an object.
    private static func message(_ tags: JSONValue?) -> MessageID? {
        if let id = tags?["message_id"]?.string { return MessageID(id) }
        let tag = tags?.list.first { $0["name"]?.string == "message_id" }
        return tag?["value"]?.string.flatMap { MessageID($0) }
    }
}
