import CommunicationAPI
import Core

/// That somebody goes by another number or id at WhatsApp from now on.
struct WhatsAppIdentityChange: Sendable, Equatable {
    /// What they were known by, as far as it is told.
    var before: [ChannelAddress]
    /// `nil` where it is not told; the same as before where it has stayed.
    var number: PhoneNumber?
    var user: WhatsAppUserID?

    /// What they are known by now.
    var now: [ChannelAddress] {
        [number.map { ChannelAddress($0, on: .whatsapp) }, user.map { ChannelAddress($0) }].compactMap { $0 }
    }

    /// What they are not known by any more, and what came in its place; a number in another form is the same.
    var replaced: [(gone: ChannelAddress, by: ChannelAddress)] {
        before.compactMap { gone in
            let isUser = WhatsAppUserID(gone.text) != nil
            let heir = now.first { (WhatsAppUserID($0.text) != nil) == isUser }
            guard let heir, heir.normalized != gone.normalized else { return nil }
            return (gone, heir)
        }
    }
}
