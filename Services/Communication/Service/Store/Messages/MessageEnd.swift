import CommunicationAPI
import Core

/// How a message comes to its end.
struct MessageEnd: Sendable {
    var status: MessageStatus
    var reason: MessageReason?
    /// Of the provider that took it, if one has.
    var channel: String?
    var provider: String?
    var at: Instant
    /// The attempts by which the message may have arrived before, as far as whoever ends it knows.
    var standing: [StoredAttempt]

    init(
        _ status: MessageStatus,
        _ reason: MessageReason?,
        channel: String? = nil,
        provider: String? = nil,
        at: Instant,
        standing: [StoredAttempt] = []
    ) {
        self.status = status
        self.reason = reason
        self.channel = channel
        self.provider = provider
        self.at = at
        self.standing = standing
    }

    /// Whether it says that the message does not arrive.
    var isBad: Bool { [.failed, .suppressed, .expired].contains(status) }

    /// How the message ends by what is known of its attempts: as said, unless a provider has taken it and may still say that it
    /// arrived, or may have taken it.
    func decided(by standing: [StoredAttempt]) -> MessageEnd {
        guard isBad, let last = standing.last else { return self }
        if let taken = standing.last(where: { $0.outcome == .accepted }) {
            return MessageEnd(.sent, nil, channel: taken.channel, provider: taken.provider, at: at)
        }
        return MessageEnd(.unknown, SendingRules.lost, channel: last.channel, provider: last.provider, at: at)
    }
}
