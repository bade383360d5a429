import CommunicationAPI
import Core

/// A report as it is kept: whom it is about by keyed hash.
struct KeptReport: Sendable, Equatable {
    var id: String
    var message: MessageID?
    var providerMessageID: String?
    var event: DeliveryEvent
    var recipient: [UInt8]?
    /// The provider's code for what went wrong.
    var code: String?
    /// What is wrong with the account, where it was `rejected` for that.
    var fault: AccountFault?
    /// The address itself; not kept with the rest.
    var address: ChannelAddress?
}

/// An attempt that a report can be about.
struct ReportedAttempt: Sendable {
    var message: MessageID
    /// Which of the message's it is.
    var number: Int
    var providerMessageID: String?
    var channel: String
    var provider: String
    /// What the entry's credentials were.
    var fingerprint: String
    var startedAt: Instant
    /// The provider's answer has not been written down yet.
    var isOpen: Bool
    /// It never came: nobody knows whether the provider took the message.
    var isLost = false
    /// The entry is the installation's.
    var isDefault = false
}
