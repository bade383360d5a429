import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig

/// A message to be sent, opened and ready.
struct PreparedMessage: Sendable {
    let message: StoredMessage
    var content: SealedContent
    /// Loaded by `SendingParts.files` when their turn has come.
    var attachments: [Attachment] = []
    /// Where a provider may fetch the first of them.
    var fileURL: String?
    /// The number of the next attempt.
    var nextAttempt: Int
    /// The first attempt of which nobody knows yet whether the provider took the message; it alone may be repeated.
    let unresolved: StoredAttempt?
    /// The attempts by which it may have arrived.
    let standing: [StoredAttempt]
    /// How many replies of each entry were lost.
    let lostReplies: [ProviderEntryID: Int]
    /// Channels that are of no use for this message, and why.
    var unusable: [String: MessageReason]
    /// Entries that are of no use for this message with the account that they had, and why.
    let unusableEntries: [ProviderEntryID: (fingerprint: String, reason: MessageReason)]
    /// Those among the channels that are unusable because the recipient is not to be called there, and that no attempt tells of yet.
    let suppressed: [String: MessageReason]
    /// Which of the clinic's WhatsApp numbers the recipient has written to lately.
    let windows: ConversationWindows
    /// The contact's devices that a push notice may go to, the one that is called first; empty where a token was named.
    private(set) var devices: [PushDevice]
    /// What the recipient wants now; `nil` where it was looked at a moment ago.
    let choice: CurrentPreferences?
    let configuration: CurrentVersions
    let circuits: [ProviderEntryID: PublishedCircuit]

    /// Has the recipient's present preferences stand in for those of when it was accepted; gives the channels that they leave.
    mutating func applyCurrentPreferences(quietOfClinic: QuietTime?) -> [String] {
        guard let choice else { return message.channels }
        let preferences = choice.preferences(
            template: message.template,
            message.category,
            isPatient: message.patientID != nil,
            quietOfClinic: quietOfClinic
        )
        let canWait = RecipientPreferences.canWait(message.priority, message.category)
        let calling = content.quiet?.periods.filter { $0.channel != nil } ?? []
        content.quiet = QuietPeriods((canWait ? preferences.quietPeriods : []) + calling)
        let channels = message.channels.compactMap { MessageChannel(rawValue: $0) }
        return preferences.channels(channels, message.category, isAskedFor: content.isAskedFor ?? false).map(\.rawValue)
    }

    /// Turns to the contact's next device, as the app on this one is gone; whether there is one.
    mutating func leaveDevice() -> Bool {
        guard !devices.isEmpty else { return false }
        devices.removeFirst()
        content.pushToken = devices.first?.token.unredacted
        return !devices.isEmpty
    }

    /// Why nobody can be given it.
    var reasonWithoutProvider: MessageReason {
        let isForNobody = content.isForDevices == true && !content.reach.has(.push)
        return isForNobody
            ? SendingRules.badRecipient
            : SendingRules.reason(
                "channel_not_configured",
                content.confirms == nil
                    ? "The clinic has no provider for the channel."
                    : "The provider whose number was written to is not configured any more."
            )
    }

    /// How it ends, unless it may have arrived before: what its providers tell until it is written decides.
    ///
    /// - Parameter entry: whose attempt ends it; `nil` where nobody is called.
    func end(_ status: MessageStatus, _ reason: MessageReason?, by entry: ProviderEntry? = nil) -> MessageEnd {
        MessageEnd(
            status,
            reason,
            channel: entry?.channel,
            provider: entry?.provider,
            at: .now(),
            standing: standing
        )
    }
}
