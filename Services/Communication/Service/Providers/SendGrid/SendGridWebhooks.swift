import CommunicationAPI
import Contracts
import Core
import Crypto
import ProviderConfig

/// SendGrid's Event Webhook: lists of events, the whole signed with ECDSA.
struct SendGridWebhooks: WebhookReader {
    /// What they are signed with, among the credentials.
    static let key = "webhookPublicKey"
    static let signatureHeader = "x-twilio-email-event-webhook-signature"
    static let timestampHeader = "x-twilio-email-event-webhook-timestamp"
    /// They try again for a day, perhaps under the first signature; each event counts once all the same.
    static let oldest: Duration = .seconds(25 * 3_600)
    static let earliest: Duration = .seconds(300)
    /// Bytes of a list of events; they post up to 768 KiB of them.
    static let longestEvents = 1 << 20

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        let keys = entry.webhookSecrets(Self.key, at: now).compactMap { Self.publicKey($0.unredacted) }
        guard Self.isSigned(call, keys, at: now) else { return nil }
        // A form brings an e-mail, not events.
        return Self.isForm(call)
            ? WebhookContent(mails: { [try Self.mail(call)] }) : WebhookContent(reports: try Self.reports(call.body))
    }

    /// They post e-mails of up to 30 MB with what the form adds.
    var longestBody: Int { DeliveryEndpoints.longestMail }

    func mayBeSigned(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) -> Bool {
        !entry.webhookSecrets(Self.key, at: now).isEmpty && Self.signature(call, at: now) != nil
    }

    /// Whether the signature over the time and the raw body, line break at its end included, is made with one of the keys.
    static func isSigned(_ call: WebhookCall, _ keys: [P256.Signing.PublicKey], at now: Instant) -> Bool {
        guard let (timestamp, signature) = signature(call, at: now) else { return false }
        var content = SHA256()
        content.update(data: Array(timestamp.utf8))
        content.update(data: call.body)
        let digest = content.finalize()
        return keys.contains { $0.isValidSignature(signature, for: digest) }
    }

    /// What the headers say, if it is of these days.
    private static func signature(
        _ call: WebhookCall,
        at now: Instant
    ) -> (timestamp: String, signature: P256.Signing.ECDSASignature)? {
        guard let timestamp = call.headers[timestampHeader], let seconds = Int64(timestamp), seconds >= 0,
            timestamp.utf8.count <= 12, !timestamp.hasPrefix("+"),
            (now - oldest...now + earliest).contains(Instant(seconds: seconds)),
            let bytes = call.headers[signatureHeader].flatMap({ Base64.decode($0) }),
            let signature = try? P256.Signing.ECDSASignature(derRepresentation: bytes)
        else { return nil }
        return (timestamp, signature)
    }

    /// The key as their console shows it: base64 of its DER form, perhaps between the lines of PEM.
    static func publicKey(_ text: String) -> P256.Signing.PublicKey? {
        var text = text.filter { !$0.isWhitespace }
        for line in ["-----BEGINPUBLICKEY-----", "-----ENDPUBLICKEY-----"] { text = text.replacing(line, with: "") }
        return Base64.decode(text).flatMap { try? P256.Signing.PublicKey(derRepresentation: $0) }
    }

    /// What a webhook says; throws 400 for what is none.
    static func reports(_ body: [UInt8]) throws(Problem) -> [DeliveryReport] {
        guard body.count <= longestEvents else { throw .malformed("The webhook is too long for a list of events.") }
        guard case .array(let events) = try JSONValue.webhook(body) else {
            throw .malformed("The webhook is not a list.")
        }
        return events.compactMap { item in
            guard let event = event(item) else { return nil }
            return DeliveryReport(
                id: ProviderVerdict.id(item["sg_event_id"]) ?? digest(item),
                message: item["message_id"]?.string.flatMap { MessageID($0) },
                providerMessageID: messageID(item["sg_message_id"]),
                event: event,
                recipient: item["email"]?.string,
                code: event.isFailure ? ProviderVerdict.id(item["status"]) : nil,
                fault: event == .rejected ? fault(item["reason"]?.string ?? "") : nil
            )
        }
    }

    private static func event(_ item: JSONValue) -> DeliveryEvent? {
        switch item["event"]?.string {
        case "processed": .sent
        case "delivered": .delivered
        // Who follows a link has the message open.
        case "open", "click": .opened
        case "spamreport": .complained
        case "unsubscribe", "group_unsubscribe": .unsubscribed
        // Blocked for what we or they are, not for who the recipient is.
        case "bounce": item["type"]?.string == "blocked" ? .softBounce : .hardBounce
        case "dropped": dropped(item["reason"]?.string ?? "", item["email"]?.string ?? "")
        default: nil
        }
    }

    private static func dropped(_ reason: String, _ recipient: String) -> DeliveryEvent {
        let reason = reason.lowercased()
        if reason.hasPrefix("invalid") && !reason.contains("header") {
            // Found by how it is written: a name in quotes is an address elsewhere.
            return EmailAddress(recipient)?.isQuoted == true ? .rejected : .hardBounce
        }
        return switch reason {
        case "bounced address": .dropped
        case "unsubscribed address", "spam reporting address": .optedOut
        default: .rejected
        }
    }

    /// What is wrong with the account, where they drop its messages for that.
    private static func fault(_ reason: String) -> AccountFault? {
        reason.lowercased() == "recipient list over package quota" ? .quota : nil
    }

    /// What was answered when it was handed over; the rest says which of their machines had it.
    private static func messageID(_ value: JSONValue?) -> String? {
        let first = value?.string?.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).first
        return ProviderVerdict.token(first.map(String.init))
    }

    private static func digest(_ item: JSONValue) -> String {
        Array(SHA256.hash(data: (try? JSONWriter.canonical(item)) ?? [])).hex
    }
}
