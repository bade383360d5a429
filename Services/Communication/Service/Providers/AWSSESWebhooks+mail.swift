import Contracts
import Core
import ProviderConfig

/// What SES receives for a clinic's domain: a receipt rule publishes it whole to the entry's topic, up to 150 KB.
extension AWSSESWebhooks {
    func mails(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> [InboundMail] {
        // News of the subscription have been dealt with, and have no e-mail.
        guard SNSEnvelope(call.body)?.kind == .notification else { return [] }
        guard case .notification(let envelope) = try await sns.read(call, for: entry, at: now) else { return [] }
        return Self.mail(envelope.message).map { [$0] } ?? []
    }

    /// The e-mail of a receipt; `nil` for other webhooks, and where the rule leaves the content out.
    static func mail(_ message: String) -> InboundMail? {
        guard let webhook = try? JSONTape(Array(message.utf8)).decode(JSONValue.self),
            webhook["notificationType"]?.string == "Received", let content = webhook["content"]?.string
        else { return nil }
        let receipt = webhook["receipt"]
        let isBase64 = receipt?["action"]?["encoding"]?.string?.uppercased() == "BASE64"
        let bytes = isBase64 ? TransferEncoding.base64(content.utf8) : Array(content.utf8)
        var mail = InboundMail(bytes, envelopeSender: webhook["mail"]?["source"]?.string)
        // What is taken for spam or worse is kept to be looked at, and asks for nothing.
        let verdicts = ["spamVerdict", "virusVerdict"].compactMap { receipt?[$0]?["status"]?.string }
        if verdicts.contains("FAIL") { mail.isAutomatic = true }
        if receipt?["virusVerdict"]?["status"]?.string == "FAIL" { mail.withheld = "virus" }
        return mail
    }
}
