import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import Synchronization
import Vault

@testable import Communication

/// A provider that the product does not have, to show what one takes: this file, and a line in a list.
///
/// Pigeons carry texts from a loft, and bring back answers and what was tied to them.
struct PigeonProvider: TextProvider {
    static let channel = MessageChannel.sms
    static let name = "pigeon_post"
    static let keys: [CredentialShape.Key] = [
        .secret("ring"), .text("loft"), .secrets(PigeonWebhooks.key).signing,
    ]
    static let usualRate = 7.0
    static let lofts = ["north", "south"]

    /// What was handed over: recipients and texts, by ring.
    static let flown = Mutex<[String: [String]]>([:])

    private let ring: String

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let ring = credentials.text("ring") else { return nil }
        self.ring = ring
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { true }
    static func hears(_ credentials: Credentials) -> Bool { true }
    static func endpoint(_ credentials: Credentials) -> String? { nil }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        lofts.contains(credentials.text("loft") ?? "")
            ? [] : [.init("loft", "must be one of \(lofts.joined(separator: ", "))")]
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { PigeonWebhooks() }
    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)? { PigeonMedia() }

    func send(_ text: TextToSend, deadline: Deadline) async -> ProviderVerdict {
        Self.flown.withLock { $0[ring, default: []].append("\(text.to.address): \(text.text)") }
        return ProviderVerdict(.accepted, messageID: "pigeon-\(text.id)")
    }

    func check(deadline: Deadline) async -> ProviderVerdict { ProviderVerdict(.accepted) }
}

/// What comes back to the loft, marked with a seal that is the secret itself.
struct PigeonWebhooks: WebhookReader {
    static let key = "webhookSecret"
    static let header = "x-pigeon-seal"

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        let seal = Array((call.headers[Self.header] ?? "").utf8)
        let isOurs = entry.webhookSecrets(Self.key, at: now).contains {
            constantTimeEqual(Array($0.unredacted.utf8), seal)
        }
        guard isOurs, let notice = try? JSONValue.webhook(call.body) else { return nil }
        var content = WebhookContent()
        if let id = ProviderVerdict.id(notice["arrived"]) {
            content.reports = [DeliveryReport(id: id, message: nil, providerMessageID: id, event: .delivered)]
        }
        if let text = notice["text"]?.string, let from = notice["from"]?.string.flatMap({ PhoneNumber($0) }),
            let id = ProviderVerdict.id(notice["id"])
        {
            let media = notice["tied"]?.string.map { [InboundText.Media(id: $0, type: "text/plain")] } ?? []
            content.texts = [
                InboundText(channel: .sms, to: "loft", from: from, text: text, media: media, providerMessageID: id)
            ]
        }
        return content
    }
}

/// Hands out what was tied to a pigeon.
struct PigeonMedia: MediaKeeper {
    func fetch(_ media: InboundText.Media, for entry: ProviderEntry, deadline: Deadline) async -> FetchedFile {
        media.id == "letter" ? .kept(bytes: Array("Tied with string.".utf8), type: "text/plain") : .refused("not_there")
    }
}
