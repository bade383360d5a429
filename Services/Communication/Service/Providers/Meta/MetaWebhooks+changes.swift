import CommunicationAPI
import Contracts
import Core

/// What Meta tells of people whose number, or whose id towards the business, has changed.
extension MetaWebhooks {
    private static let kinds: Set<String> = ["user_changed_number", "customer_changed_number", "user_changed_user_id"]

    /// What a message of the system tells; `nil` for all others.
    static func change(_ value: JSONValue) -> WhatsAppIdentityChange? {
        guard value["type"]?.string == "system", let system = value["system"], let kind = system["type"]?.string,
            kinds.contains(kind)
        else { return nil }
        let user = user(system["user_id"])
        let number = number(system["wa_id"] ?? system["new_wa_id"])
        let named = [value["from_user_id"], system["previous_user_id"]].compactMap { Self.user($0) }
        let former = named.first ?? user.flatMap { formerUser(in: system["body"]?.string ?? "", now: $0) }
        let before = [
            Self.number(value["from"]).map { ChannelAddress($0, on: .whatsapp) }, former.map { ChannelAddress($0) },
        ].compactMap { $0 }
        let change = WhatsAppIdentityChange(before: before, number: number, user: user)
        return before.isEmpty || Set(change.now).isSubset(of: before) ? nil : change
    }

    /// A sentence for people is all that may say who it was: `User <name> changed from <id> to <id>`.
    ///
    /// Names are anybody's to choose, so that only what stands behind the last of these words counts.
    private static func formerUser(in body: String, now user: WhatsAppUserID) -> WhatsAppUserID? {
        let words = body.split(separator: " ")
        guard words.count >= 4, words[words.count - 1] == user.id, words[words.count - 2] == "to",
            words[words.count - 4] == "from"
        else { return nil }
        return WhatsAppUserID(words[words.count - 3])
    }

    private static func number(_ value: JSONValue?) -> PhoneNumber? { value?.string.flatMap { PhoneNumber("+\($0)") } }
    private static func user(_ value: JSONValue?) -> WhatsAppUserID? { value?.string.flatMap { WhatsAppUserID($0) } }
}
