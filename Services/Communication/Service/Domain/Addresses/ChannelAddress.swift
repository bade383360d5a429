import CommunicationAPI
import Core

/// An address as its channel takes it.
struct ChannelAddress: Hashable, Sendable {
    let channel: MessageChannel
    /// As it was written.
    let text: String
    /// The form by which it is found again.
    let normalized: String

    /// Other forms under which what is stored of it may still be found: until lately an address was found as it was spelled.
    var formerForms: [String] {
        switch channel {
        case .email:
            guard let former = EmailAddress(text)?.normalized else { return [] }
            // By bytes: a text is equal to itself in another form.
            return former.utf8.elementsEqual(normalized.utf8) ? [] : [former]
        case .sms, .whatsapp: return PhoneNumber(text)?.otherForms ?? []
        case .push: return []
        }
    }

    /// `nil` for what the channel does not take.
    init?(_ channel: MessageChannel, _ text: String) {
        switch channel {
        case .email:
            guard let email = EmailAddress(text) else { return nil }
            normalized = email.sought
        case .whatsapp where WhatsAppUserID(text) != nil: normalized = text
        case .sms, .whatsapp:
            guard let phone = PhoneNumber(text) else { return nil }
            normalized = phone.sought
        case .push:
            guard RecipientDraft.pushTokenLengths.contains(text.utf8.count),
                text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { return nil }
            normalized = text
        }
        self.channel = channel
        self.text = text
    }

    /// A number, on a channel that takes numbers.
    init(_ phone: PhoneNumber, on channel: MessageChannel) {
        self.channel = channel
        text = phone.number
        normalized = phone.sought
    }

    /// Somebody who hides their number from whoever they write to by WhatsApp.
    init(_ user: WhatsAppUserID) {
        channel = .whatsapp
        text = user.id
        normalized = user.id
    }

    /// What is wrong with an address that is none.
    static func complaint(_ channel: MessageChannel) -> String {
        switch channel {
        case .email: EmailAddress.complaint
        case .sms: "is not an E.164 number"
        case .whatsapp: "is neither an E.164 number nor a user id of WhatsApp's"
        case .push: "is not a push token of at least \(RecipientDraft.pushTokenLengths.lowerBound) characters"
        }
    }
}

extension Reach {
    /// The address that a channel takes.
    func address(on channel: MessageChannel) -> ChannelAddress? {
        let text: String? =
            switch channel {
            case .email: email?.address
            case .sms: phone?.number
            case .whatsapp: phone?.number ?? whatsAppUser?.id
            case .push: pushToken
            }
        return text.flatMap { ChannelAddress(channel, $0) }
    }
}
