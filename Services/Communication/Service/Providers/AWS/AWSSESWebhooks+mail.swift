import Contracts
import Core

/// What SES receives for a clinic's domain: a receipt rule publishes it whole to the entry's topic, up to 150 KB.
extension AWSSESWebhooks {
    /// The e-mail of a receipt; `nil` for other events, and where the rule leaves the content out.
    static func mail(_ event: JSONValue) -> InboundMail? {
        guard event["notificationType"]?.string == "Received", let content = event["content"]?.string else {
            return nil
        }
        let receipt = event["receipt"]
        let isBase64 = receipt?["action"]?["encoding"]?.string?.uppercased() == "BASE64"
        let bytes = isBase64 ? TransferEncoding.base64(content.utf8) : Array(content.utf8)
        var mail = InboundMail(bytes, envelopeSender: event["mail"]?["source"]?.string)
        // What is taken for spam or worse is kept to be looked at, and asks for nothing.
        let verdicts = ["spamVerdict", "virusVerdict"].compactMap { receipt?[$0]?["status"]?.string }
        if verdicts.contains("FAIL") { mail.isAutomatic = true }
        if receipt?["virusVerdict"]?["status"]?.string == "FAIL" { mail.withheld = "virus" }
        return mail
    }
}
