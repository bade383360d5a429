import CommunicationAPI
import Core

/// Which messages a suppression keeps away.
enum SuppressionRules {
    /// Whether a suppression stops a message.
    ///
    /// - Parameters:
    ///   - scope: what the suppression is about; everything when `nil`.
    static func blocks(_ reason: SuppressionReason, of scope: MessageCategory?, _ message: MessageCategory) -> Bool {
        guard scope == nil || scope == message else { return false }
        switch message {
        case .care, .billing, .marketing: return true
        // Who keeps codes from an address has said so.
        case .security: return scope == .security || blocksSecurity(reason)
        }
    }

    /// A code that somebody has just asked for is no message they opted out of; only who cannot be reached, or has ended the
    /// channel itself, gets none.
    private static func blocksSecurity(_ reason: SuppressionReason) -> Bool {
        switch reason {
        case .hardBounce, .stop: true
        case .complaint, .unsubscribe, .manual: false
        }
    }

    /// Whether a message goes although its recipient's address is suppressed: a STOP is confirmed to whoever has just said it.
    static func isPassed(_ reason: SuppressionReason, by confirmed: OptOutConfirmation?) -> Bool {
        confirmed == .stop && reason == .stop
    }

    /// Whether it is the recipient who wants no more; not an address that takes nothing, nor a clinic that sends nothing.
    static func isOptOut(_ reason: SuppressionReason) -> Bool {
        switch reason {
        case .stop, .unsubscribe, .complaint: true
        case .hardBounce, .manual: false
        }
    }

    /// The channels that a message is not passed on to, and why: its recipient has ended messages like it on a channel before
    /// them, and has not said yes to them there.
    ///
    /// Marketing only: what somebody is treated, billed or let in with reaches them by whatever is left.
    ///
    /// - Parameters:
    ///   - channels: the message's, in its order.
    ///   - ended: the channels on which the recipient has opted out of the message.
    ///   - consents: what the recipient is known to have said.
    static func notPassedOn(
        _ category: MessageCategory,
        along channels: [MessageChannel],
        ended: [MessageChannel: SuppressionReason],
        _ consents: [Consent]
    ) -> [MessageChannel: MessageReason] {
        guard category == .marketing, let place = channels.firstIndex(where: { ended[$0] != nil }),
            let reason = ended[channels[place]]
        else { return [:] }
        let granted = consents.filter { $0.category == category && $0.granted }.map(\.channel)
        let detail =
            "The recipient has ended messages like it on another channel, and has not agreed to them on this one."
        let why = MessageReason(code: Self.reason(reason).code, detail: detail)
        let later = channels[(place + 1)...].filter { !granted.contains($0) }
        return Dictionary(later.map { ($0, why) }) { first, _ in first }
    }

    /// What a call says of its address; `nil` for nothing that lasts.
    static func reason(after verdict: ProviderVerdict) -> SuppressionReason? {
        verdict.isTemporary ? nil : reason(after: verdict.outcome)
    }

    /// What an attempt says of its address; `nil` for nothing that lasts.
    static func reason(after outcome: AttemptOutcome) -> SuppressionReason? {
        switch outcome {
        case .badRecipient: .hardBounce
        case .optedOut: .stop
        case .accepted, .contentRejected, .credentials, .senderNotAuthorised, .quota, .throttled, .transient,
            .unknownOutcome, .skippedCircuitOpen, .skippedQuota, .skippedSuppressed:
            nil
        }
    }

    /// Of several in force the one that is told: the lowest.
    static func rank(_ reason: SuppressionReason) -> Int {
        switch reason {
        case .hardBounce: 0
        case .stop: 1
        case .complaint: 2
        case .unsubscribe: 3
        case .manual: 4
        }
    }

    /// Why a message ends that the recipient's own preferences leave no channel.
    static let notWanted = MessageReason(
        code: "suppressed_preference",
        detail: "The recipient does not want messages like this one on these channels."
    )

    /// Why the confirmation of a STOP ends whose recipient has changed their mind.
    static let startedAgain = MessageReason(
        code: "suppressed_started_again",
        detail: "The recipient wanted messages again before the end of them was confirmed."
    )

    /// Whether a message ended because its recipient was not to be called.
    static func isSuppression(_ reason: MessageReason) -> Bool {
        reason.code.hasPrefix("suppressed") || reason == SendingRules.optedOut
    }

    /// Why a message ended.
    static func reason(_ reason: SuppressionReason) -> MessageReason {
        let detail =
            switch reason {
            case .hardBounce: "The address takes no messages."
            case .complaint: "The recipient has called messages unwanted."
            case .manual: "The clinic has suppressed the address."
            case .stop: "The recipient has ended messages on this channel."
            case .unsubscribe: "The recipient has unsubscribed."
            }
        return MessageReason(code: "suppressed_\(reason.rawValue)", detail: detail)
    }
}
