import CommunicationAPI
import Contracts
import Core
import ProviderConfig

/// What a topic of the clinic's at Amazon SNS tells: what became of texts and webhooks, and what patients have written.
///
/// SNS calls nobody for a text: what CloudWatch logs of it is passed on to the topic as it stands. A platform application
/// publishes its failures there by itself, and a number of two-way SMS what it receives.
struct AWSSNSWebhooks: WebhookReader {
    let sns: SNSVerifier

    /// Words to a number after which AWS sends it nothing more; it answers them with a confirmation by itself.
    static let endingWords: Set<String> = [
        "ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE",
    ]

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        try await sns.read(call, for: entry, at: now) { envelope in
            var content = Self.content(envelope.message, id: envelope.id)
            // Texts go to a number; a platform application has none.
            if entry.channel != MessageChannel.sms.rawValue { content.texts = [] }
            return content
        }
    }

    /// What a message of the topic tells.
    static func content(_ message: String, id: String) -> WebhookContent {
        guard let said = try? JSONTape(Array(message.utf8)).decode(JSONValue.self) else { return WebhookContent() }
        return WebhookContent(reports: report(said, id: id).map { [$0] } ?? [], texts: text(said).map { [$0] } ?? [])
    }

    /// What is said of a message; numbers are left out of it, for logs may hide their digits and each went to one.
    private static func report(_ said: JSONValue, id: String) -> DeliveryReport? {
        if let sent = ProviderVerdict.id(said["notification"]?["messageId"]), let status = said["status"]?.string {
            let response = said["delivery"]?["providerResponse"]?.string?.lowercased() ?? ""
            return event(status, response).map { event in
                DeliveryReport(
                    id: id,
                    message: nil,
                    providerMessageID: sent,
                    event: event,
                    recipient: nil,
                    fault: event == .rejected ? faults[response] : nil
                )
            }
        }
        guard let kind = said["FailureType"]?.string, let sent = ProviderVerdict.id(said["MessageId"]) else {
            return nil
        }
        let event = deadEndpoints.contains(kind) ? DeliveryEvent.hardBounce : .softBounce
        return DeliveryReport(id: id, message: nil, providerMessageID: sent, event: event, recipient: nil)
    }

    /// What somebody has written to a number of the account; `nil` for everything else.
    private static func text(_ said: JSONValue) -> InboundText? {
        guard let from = said["originationNumber"]?.string.flatMap({ PhoneNumber($0) }),
            let to = ProviderVerdict.id(said["destinationNumber"]),
            let id = ProviderVerdict.id(said["inboundMessageId"])
        else { return nil }
        var text = InboundText(
            channel: .sms,
            to: to,
            from: from,
            text: InboundText.clipped(said["messageBody"]?.string ?? ""),
            media: [],
            providerMessageID: id
        )
        text.isConfirmed = text.isOne(of: endingWords)
        return text
    }

    /// Failures of an app's endpoint that nothing is sent to any more.
    private static let deadEndpoints: Set<String> = ["EndpointDisabled", "InvalidPlatformToken"]

    /// Why a text did not arrive, in their words; what is not listed may pass.
    private static let responses: [String: DeliveryEvent] = [
        "invalid phone number": .hardBounce, "phone number is opted out": .optedOut,
        "phone has blocked sms": .dropped, "phone is on a blocked list": .dropped,
        "destination is on a blocked list": .dropped, "blocked as spam by phone carrier": .rejected,
        "phone carrier has blocked this message": .rejected, "message body is invalid": .rejected,
        "this delivery would exceed max price": .rejected, "no quota left for account": .rejected,
    ]

    /// Those that no text gets past, until somebody has raised what the account may spend.
    private static let faults: [String: AccountFault] = ["no quota left for account": .quota]

    private static func event(_ status: String, _ response: String) -> DeliveryEvent? {
        switch status {
        case "SUCCESS": .delivered
        case "FAILURE": responses[response] ?? .softBounce
        default: nil
        }
    }
}
