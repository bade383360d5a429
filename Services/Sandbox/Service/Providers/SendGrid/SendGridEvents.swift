import Contracts
import Core
import Crypto

/// SendGrid's Event Webhook: lists of events, signed with a key whose public half its customers have.
extension SendGrid {
    /// What the key of addresses without a seed of their own is made of.
    static let signingSeedDefault = "sendgrid-sandbox-seed"

    /// ECDSA over time and body, the line break at its end included.
    static func sign(_ seed: String, _ body: [UInt8], _ at: Instant) -> [(String, String)] {
        let timestamp = "\(at.seconds)"
        guard let signature = try? key(seed)?.signature(for: Array(timestamp.utf8) + body) else { return [] }
        return [
            ("X-Twilio-Email-Event-Webhook-Signature", Base64.encode(Array(signature.derRepresentation))),
            ("X-Twilio-Email-Event-Webhook-Timestamp", timestamp),
        ]
    }

    /// The public key of a seed, as the console shows it.
    static func publicKey(_ seed: String) -> String? {
        key(seed).map { Base64.encode(Array($0.publicKey.derRepresentation)) }
    }

    private static func key(_ seed: String) -> P256.Signing.PrivateKey? {
        try? P256.Signing.PrivateKey(rawRepresentation: Array(SHA256.hash(data: Array(seed.utf8))))
    }

    func tell(_ event: MailEvent, of message: ReceivedMessage, to recipients: [String]) -> Bool {
        var events: [JSONValue] = []
        for recipient in recipients {
            // Everything is told twice over: that it is on its way, and what became of it.
            for kind in event == .delivered ? ["processed", "delivered"] : [Self.kinds[event] ?? event.rawValue] {
                var members: [String: JSONValue] = [
                    "email": .string(recipient), "timestamp": .integer(Instant.now().seconds), "event": .string(kind),
                    "sg_event_id": .string(RandomText.make(22)), "smtp-id": .string("<\(message.id)@geopod-ismtpd-1>"),
                    "sg_message_id": .string("\(message.id).recvd-5f54b5d587-8hf2g-1-65AB-1.0"),
                ]
                if let reference = message.reference { members["message_id"] = .string(reference) }
                members.merge(Self.details[event] ?? [:]) { _, new in new }
                events.append(.object(members))
            }
        }
        guard let bytes = try? JSONWriter.encode(JSONValue.array(events)) else { return false }
        webhooks?.send(
            .init(
                id: "\(RequestID())",
                type: event.rawValue,
                account: "sandbox",
                clinic: nil,
                body: bytes + Array("\r\n".utf8)
            )
        )
        return true
    }

    private static let kinds: [MailEvent: String] = [
        .softBounce: "bounce", .hardBounce: "bounce", .complaint: "spamreport", .rejected: "dropped",
    ]
    private static let details: [MailEvent: [String: JSONValue]] = [
        .softBounce: ["type": "blocked", "status": "4.2.2", "reason": "452 4.2.2 Mailbox full"],
        .hardBounce: ["type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 No such user"],
        .dropped: ["reason": "Bounced Address"], .rejected: ["reason": "Spam Content"],
    ]
}
