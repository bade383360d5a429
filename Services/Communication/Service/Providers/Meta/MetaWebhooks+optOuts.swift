import CommunicationAPI
import Contracts
import Core

/// What Meta tells of people who have stopped a business's offers in WhatsApp, or want them again.
extension MetaWebhooks {
    /// The field of a webhook that tells of it.
    static let preferencesField = "user_preferences"

    /// `nil` for what says nothing of a category that we know, or is nobody's.
    static func optOut(_ value: JSONValue) -> CategoryOptOut? {
        guard value["category"]?.string == "marketing_messages",
            let isWanted = value["value"]?.string.flatMap({ ["stop": false, "resume": true][$0] }),
            let seconds = MetaReply.number(value["timestamp"]), (1...latest).contains(seconds)
        else { return nil }
        let number = value["wa_id"]?.string.flatMap { PhoneNumber("+\($0)") }
        let user = value["user_id"]?.string.flatMap { WhatsAppUserID($0) }
        let who = [number.map { ChannelAddress($0, on: .whatsapp) }, user.map { ChannelAddress($0) }].compactMap { $0 }
        guard !who.isEmpty else { return nil }
        return CategoryOptOut(
            who: who,
            category: .marketing,
            isWanted: isWanted,
            at: Instant(seconds: Int64(seconds))
        )
    }
}
