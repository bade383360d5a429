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

    init(
        _ status: MessageStatus,
        _ reason: MessageReason?,
        channel: String? = nil,
        provider: String? = nil,
        at: Instant
    ) {
        self.status = status
        self.reason = reason
        self.channel = channel
        self.provider = provider
        self.at = at
    }
}
