import CommunicationAPI
import Core

/// A text to a phone number, by SMS or WhatsApp, as a provider is asked to send it.
struct TextToSend: Sendable {
    /// The longest text of these channels, in characters.
    static let longest = 1_600

    /// Ours; where a provider takes a reference, it is this.
    let id: MessageID
    let to: TextRecipient
    let text: String
    /// What WhatsApp sends instead of the text where a conversation is to be begun.
    let approved: ApprovedTemplate?
    /// Which of the clinic's WhatsApp numbers the recipient has written to lately.
    var windows = ConversationWindows.none
    /// What carriers in India ask of a text by SMS; `nil` elsewhere, and where the clinic has registered nothing.
    var dlt: DLTIdentity?
    /// Not to be delivered after it.
    let expiresAt: Instant?
    let category: MessageCategory
    /// Where the provider may tell what became of it; `nil` where the installation has no public address.
    let statusURL: String?
    /// What WhatsApp offers to press within a conversation.
    var interactive: InteractiveContent?
    /// The file that goes with it by WhatsApp.
    var file: Attachment?
    /// Where a provider may fetch the file for a while; `nil` where the installation has no public address.
    var fileURL: String?

    /// The same as the approved template instead of a free text, for a conversation that the provider says is over; `nil` where
    /// there is none, and where it was handed over as the template already.
    var asTemplate: TextToSend? {
        guard approved != nil, windows != .none else { return nil }
        var template = self
        template.windows = .none
        return template
    }
}

/// Whom a text goes to.
enum TextRecipient: Sendable, Hashable {
    case phone(PhoneNumber)
    /// By WhatsApp alone: somebody who hides their number.
    case whatsAppUser(WhatsAppUserID)

    /// As their channel writes it: a number, or an id of WhatsApp's.
    var address: String {
        switch self {
        case .phone(let phone): phone.number
        case .whatsAppUser(let user): user.id
        }
    }
}

/// As what a text is registered with a DLT platform of India.
struct DLTIdentity: Sendable, Hashable {
    var entityID: String
    /// The sender that recipients see.
    var header: String
    var templateID: String
}

/// A template that the provider of WhatsApp has approved, and what stands in its places.
struct ApprovedTemplate: Codable, Sendable, Hashable {
    var name: String
    /// As the provider spells it, such as `en_US`.
    var language: String
    /// In the order of the template's numbered places.
    var parameters: [String]
    /// What its buttons take.
    var buttons: [Button]?

    /// A button of the template that takes a value.
    struct Button: Codable, Sendable, Hashable {
        var index: Int
        var kind: ApprovedButton.Kind
        var value: String
    }
}

/// A way to send texts to phone numbers.
protocol TextProvider: MessageProvider {
    /// Hands one text over.
    func send(_ text: TextToSend, deadline: Deadline) async -> ProviderVerdict
    /// Whether it takes a free text for its recipient now: WhatsApp's take one only within a conversation.
    func isOpen(_ text: TextToSend, at now: Instant) -> Bool
}

extension TextProvider {
    func isOpen(_ text: TextToSend, at now: Instant) -> Bool { true }

    func send(_ message: OutgoingMessage, deadline: Deadline) async -> ProviderVerdict {
        guard case .text(let text) = message else { return .otherChannel }
        return await send(text, deadline: deadline)
    }
}

extension ProviderVerdict {
    /// A text that is not worth a call: it would be taken, and refused later.
    static let outsideWindow = ProviderVerdict(
        .contentRejected,
        host: .untried,
        code: "outside_window",
        detail: "They have not written for a day: only a template that WhatsApp has approved may begin a conversation."
    )
}
