import Core

/// Which of a clinic's WhatsApp numbers may write freely to somebody: each for a day after they wrote to it last.
///
/// Outside that time only a template that the provider has approved begins a conversation.
struct ConversationWindows: Sendable, Equatable {
    /// How long a conversation is open after what was written last.
    static let length: Duration = .seconds(24 * 3_600)
    /// Left at the end, for clocks that differ and for the way to the provider.
    static let margin: Duration = .seconds(300)
    static let none = ConversationWindows(lastInbound: [:])

    /// When they wrote last, by the clinic's number as `number` names it.
    var lastInbound: [String: Instant]

    /// How a clinic's number is called here: ids of different providers do not meet.
    static func number(_ provider: String, _ id: String) -> String { "\(provider):\(id)" }

    /// Whether free text may be sent from a number now.
    func isOpen(from number: String, at now: Instant) -> Bool {
        lastInbound[number].map { now < $0 + Self.length - Self.margin } ?? false
    }
}
