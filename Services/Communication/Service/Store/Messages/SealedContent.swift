import CommunicationAPI
import Contracts
import Core
import ProviderConfig

/// What of a message is sealed at rest: whom it goes to and what it says.
struct SealedContent: Codable, Sendable, Equatable {
    private static let purpose = "message"

    var email: EmailAddress?
    var phone: PhoneNumber?
    /// Of somebody who hides their number from the clinic.
    var whatsAppUser: WhatsAppUserID?
    var pushToken: String?
    var replyTo: EmailAddress?
    /// Further headers of the e-mail, by name.
    var headers: [String: String]?
    /// The entry that is asked first: it answers what was written to its number.
    var through: ProviderEntryID?
    /// It confirms what the recipient has just said of messages themselves: it goes by `through` or not at all.
    var confirms: OptOutConfirmation?
    /// Whose wishes are looked at again before it is sent; absent where nobody is known to be meant, and for an answer, which goes
    /// to whoever has just written.
    var contact: ContactID?
    /// By push it goes to those of the contact's devices that there are when it is sent.
    var isForDevices: Bool?
    /// The sender has named its channels.
    var isAskedFor: Bool?
    /// When it is not to be sent; absent for what goes at all hours.
    var quiet: QuietPeriods?
    /// The link by which the recipient ends messages like it.
    var unsubscribeLink: String?
    /// What it says on every channel that has no words of its own.
    var subject: String?
    var text: String
    var html: String?
    /// What it offers to press, by WhatsApp.
    var interactive: InteractiveContent?
    /// What it says on channels where a template has other words, by channel.
    var variants: [String: RenderedContent]?
    /// The files that go with it by e-mail and WhatsApp.
    var attachments: [AttachedFile]?
    /// It was refused before it had words: there is nothing to send or to show.
    var isRefused: Bool?

    /// What it says on a channel.
    func content(for channel: MessageChannel) -> RenderedContent {
        variants?[channel.rawValue]
            ?? RenderedContent(subject: subject, text: text, html: html, interactive: interactive)
    }

    /// Whom it goes to.
    var reach: Reach { Reach(email: email, phone: phone, whatsAppUser: whatsAppUser, pushToken: pushToken) }

    func seal(for id: MessageID, with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: id.description)
    }

    static func open(_ sealed: [UInt8], of id: MessageID, with sealer: ClinicSealer) throws -> SealedContent {
        let plain = try sealer.open(sealed, purpose: purpose, record: id.description)
        return try JSONTape(plain).decode(SealedContent.self)
    }
}
