/// What becomes of an e-mail after its provider has taken it.
enum MailEvent: String, Sendable, CaseIterable {
    case delivered
    case softBounce = "soft_bounce"
    case hardBounce = "hard_bounce"
    case complaint
    case open
    /// The provider keeps the address on a list of its own.
    case dropped
    /// The provider does not like the message after all.
    case rejected
    case unsubscribe

    /// What becomes of a message by itself: what its recipient's address begins with.
    static func usual(for recipient: String) -> [MailEvent] {
        let name = recipient.lowercased()
        if name.hasPrefix("silent") { return [] }
        if name.hasPrefix("bounce") { return [.hardBounce] }
        if name.hasPrefix("softbounce") { return [.softBounce] }
        if name.hasPrefix("dropped") { return [.dropped] }
        if name.hasPrefix("complaint") { return [.delivered, .complaint] }
        return [.delivered]
    }
}
