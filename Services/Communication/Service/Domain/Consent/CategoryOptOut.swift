import CommunicationAPI
import Core

/// An opt-out or opt-in for one category of messages that somebody gave to the provider itself.
struct CategoryOptOut: Sendable, Equatable {
    /// What they are known by, as far as it is told.
    var who: [ChannelAddress]
    var category: MessageCategory
    var isWanted: Bool
    /// When they said so.
    var at: Instant
}
