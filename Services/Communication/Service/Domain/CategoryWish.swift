import CommunicationAPI
import Core

/// What somebody has told the provider itself of messages of one category: that they want none, or want them again.
struct CategoryWish: Sendable, Equatable {
    /// What they are known by, as far as it is told.
    var who: [ChannelAddress]
    var category: MessageCategory
    var isWanted: Bool
    /// When they said so.
    var at: Instant
}
