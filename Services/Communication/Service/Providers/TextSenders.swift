import CommunicationAPI
import Core
import ProviderConfig

/// What the numbers that a clinic's texts come from can do.
enum TextSenders {
    /// Whether whatever goes out by SMS and WhatsApp comes from numbers that can be written to, so that it may ask for a word.
    ///
    /// - Parameters:
    ///   - channels: those that the clinic can send through; to the installation's numbers nobody writes.
    ///   - own: the clinic's own entries.
    static func canBeAnswered(
        _ channels: Set<MessageChannel>,
        own: [ProviderEntry],
        by providers: MessageProviders
    ) -> Bool {
        let texting = channels.intersection([.sms, .whatsapp])
        return !texting.isEmpty
            && texting.allSatisfy { channel in
                let entries = own.filter { $0.channel == channel.rawValue }
                return !entries.isEmpty && entries.allSatisfy(providers.hears)
            }
    }
}
