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
    /// The attempt by which the message is sent all the same, unless its provider has told meanwhile that it did not arrive.
    var taken: StoredAttempt?

    init(
        _ status: MessageStatus,
        _ reason: MessageReason?,
        channel: String? = nil,
        provider: String? = nil,
        at: Instant,
        taken: StoredAttempt? = nil
    ) {
        self.status = status
        self.reason = reason
        self.channel = channel
        self.provider = provider
        self.at = at
        self.taken = taken
    }
}
