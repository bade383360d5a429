import CommunicationAPI
import Contracts
import Core
import Resilience

/// What follows from an outcome: for the message, and for the provider's circuit.
enum SendingRules {
    /// How a message goes on after an attempt.
    enum Next: Sendable, Equatable {
        /// It is over: with this status, and why if it ended badly.
        case end(MessageStatus, MessageReason?)
        /// The next provider of the chain is tried at once.
        case nextProvider
        /// The same, and this one is not asked again: with the same account it would say the same.
        case nextProviderOnly(MessageReason)
        /// The address or the text is of no use there: the next channel has another one.
        case nextChannel(MessageReason)
        /// Whether it was taken is asked of the same provider again, by the message's key; nobody else gets it meanwhile.
        case sameProvider
    }

    /// What an attempt does to its circuit.
    enum CircuitEffect: Sendable, Equatable {
        case settle(CircuitStateMachine.Outcome)
        /// Kept open until the credential changes.
        case latch
        /// Left alone until the provider's quota is renewed, or for as long as it asks.
        case park(Duration)
    }

    /// How long a provider that says its quota is used up is left alone when it does not say until when.
    static let quotaPause: Duration = .seconds(3_600)
    /// A provider to which messages come too fast is left alone as long as it asks, but no longer.
    static let longestThrottle: Duration = .seconds(86_400)
    /// So long a message waits for providers that cannot take it yet, beyond its rounds: a daily quota is renewed by then.
    static let patience: Duration = .seconds(25 * 3_600)
    /// The chain is gone through again after a pause, so many times at most.
    static let rounds = RetryPolicy(attempts: 16, base: .seconds(10), cap: .seconds(3_600), floor: .seconds(1))

    /// So often an entry is handed a code whose replies are lost: twice is better than not at all, and enough.
    static let mostLostReplies = 2

    /// - Parameters:
    ///   - isOfAccount: a refusal of what the message says is about the provider's account: another one may take it.
    ///   - isRepeatable: the provider takes the same message once only, however often it is handed over.
    ///   - category: a code that comes twice is better than none; whatever else is said twice frightens or misleads.
    static func next(
        after outcome: AttemptOutcome,
        isOfAccount: Bool = false,
        isRepeatable: Bool = false,
        category: MessageCategory = .care
    ) -> Next {
        switch outcome {
        case .accepted: .end(.sent, nil)
        case .badRecipient: .nextChannel(badRecipient)
        // Who has ended messages gets no offers in another way; of their treatment they are told by whatever is left.
        case .optedOut where category == .marketing: .end(.suppressed, optedOut)
        case .optedOut: .nextChannel(optedOut)
        case .contentRejected where isOfAccount: .nextProviderOnly(contentRejected)
        case .contentRejected: .nextChannel(contentRejected)
        case .senderNotAuthorised: .nextProviderOnly(senderNotAuthorised)
        case .unknownOutcome where isRepeatable: .sameProvider
        case .unknownOutcome where category == .security: .nextProvider
        // The message may have arrived: another provider would make two of it.
        case .unknownOutcome: .end(.unknown, lost)
        case .skippedSuppressed: .nextChannel(suppressed)
        case .credentials, .quota, .throttled, .transient, .skippedCircuitOpen, .skippedQuota: .nextProvider
        }
    }

    static func circuit(after verdict: ProviderVerdict) -> CircuitEffect {
        switch verdict.outcome {
        // A queue that is full here is no fault of whoever it leads to.
        case .transient where verdict.isOurOwn, .unknownOutcome where verdict.isOurOwn: .settle(.neutral)
        // A mailbox that is busy or full says nothing of the server in front of it.
        case .transient where verdict.isAboutRecipient: .settle(.alive)
        case .transient, .unknownOutcome: .settle(.failure)
        case .credentials: .latch
        case .quota: .park(verdict.retryAfter ?? quotaPause)
        // Whoever asks to be left alone is, by all messages: each that came all the same would prolong it.
        case .throttled where verdict.retryAfter != nil && !verdict.isAboutRecipient:
            .park(min(verdict.retryAfter ?? .zero, longestThrottle))
        // What was not worth a call says nothing of the provider.
        case .contentRejected where verdict.host == .untried, .badRecipient where verdict.host == .untried,
            .senderNotAuthorised where verdict.host == .untried:
            .settle(.neutral)
        // Whoever answers is there, whatever he says.
        case .accepted, .badRecipient, .optedOut, .contentRejected, .senderNotAuthorised, .throttled: .settle(.alive)
        case .skippedCircuitOpen, .skippedQuota, .skippedSuppressed: .settle(.neutral)
        }
    }

    /// Why an address is of no use.
    static let badRecipient = reason("bad_recipient", "The address does not take messages.")
    /// Why a text is of no use on a channel: another of its providers would not take it either.
    static let contentRejected = reason("content_rejected", "The provider refused what the message says.")
    /// Why an entry is of no use to a message: its provider does not send for the clinic from this sender, or to this country.
    static let senderNotAuthorised = reason(
        "sender_not_authorised",
        "No provider sends it for this sender, or to this country."
    )
    /// Why somebody is not called on a channel whose provider knows that they have opted out.
    static let optedOut = reason("opted_out", "The recipient does not want messages.")
    /// Why a recipient is not called, where nothing more is known.
    static let suppressed = reason("suppressed", "The recipient is not to be sent messages like this one.")

    /// What an attempt of before leaves of no use to a message.
    enum Exclusion: Equatable {
        case channel(MessageReason)
        /// The entry alone, with the account that it had.
        case entry(MessageReason)
    }

    /// - Parameter isOfAccount: a refusal of what the message says is about the provider's account.
    static func exclusion(after outcome: AttemptOutcome?, isOfAccount: Bool) -> Exclusion? {
        switch outcome.map({ next(after: $0, isOfAccount: isOfAccount) }) {
        case .nextChannel(let reason) where outcome != .skippedSuppressed: .channel(reason)
        case .nextProviderOnly(let reason): .entry(reason)
        case .end, .nextProvider, .nextChannel, .sameProvider, nil: nil
        }
    }

    /// The setting that says after how many seconds without a receipt the next channel has its turn.
    static let fallbackKey = "fallbackAfter"

    /// After how long without a receipt a message goes on to its next channel; `nil` for not at all.
    static func fallbackTime(_ settings: [String: JSONValue]) -> Duration? {
        guard case .integer(let seconds) = settings[fallbackKey] else { return nil }
        return .seconds(seconds)
    }

    /// Why nothing is known of a message.
    static let lost = reason("unknown_outcome", "The provider's reply was lost; it is not sent again.")

    /// Why a message is not put off to an hour at which it may be sent.
    static let expiredAtNight = reason("expired", "It expires before the hours begin at which it may be sent.")

    /// What a call does to the circuit of the host, which other clinics share: only whether it could be reached counts.
    static func endpoint(after verdict: ProviderVerdict) -> CircuitStateMachine.Outcome {
        switch verdict.host {
        case .answered: .alive
        case .unreachable: .failure
        case .untried: .neutral
        }
    }

    /// What a message is left with when no provider took it in this round.
    enum RoundEnd: Sendable, Equatable {
        case wait(MessageWait, until: Instant)
        case end(MessageStatus, MessageReason)
    }

    /// - Parameters:
    ///   - closed: why each entry is of no use to the message, when that is so of all of them.
    ///   - rounds: rounds gone through, this one included.
    ///   - isUnresolved: a provider may have taken it before: it cannot be said to have failed.
    ///   - openUntil: the earliest moment at which a circuit may be tried, where nothing but circuits stood in the way.
    ///   - nobodyUntil: before when everybody who could take it wants to be left alone.
    ///   - age: since it was accepted, or was to be sent.
    static func roundEnd(
        outcomes: [AttemptOutcome],
        closed: [MessageReason] = [],
        rounds: Int,
        isUnresolved: Bool = false,
        openUntil: Instant?,
        nobodyUntil: Instant? = nil,
        age: Duration = patience,
        expiresAt: Instant?,
        now: Instant,
        using random: inout some RandomNumberGenerator
    ) -> RoundEnd {
        if let reason = closed.first(where: { !SuppressionRules.isSuppression($0) }) ?? closed.first {
            if isUnresolved { return .end(.unknown, lost) }
            return .end(SuppressionRules.isSuppression(reason) ? .suppressed : .failed, reason)
        }
        let isPatient = age < patience && outcomes.contains(where: isWaitedOut) && outcomes.allSatisfy(isWaitedOut)
        let counted = isPatient ? min(rounds, Self.rounds.attempts - 1) : rounds
        guard let pause = Self.rounds.delay(afterFailures: counted, using: &random) else {
            if isUnresolved { return .end(.unknown, lost) }
            return .end(.failed, reason("providers_failed", "No provider took the message; the last try was in vain."))
        }
        let ofNoUse: Set<AttemptOutcome> = [.badRecipient, .contentRejected, .skippedSuppressed]
        let isOnlySkipped = outcomes.allSatisfy {
            $0 == .skippedCircuitOpen || $0 == .skippedQuota || ofNoUse.contains($0)
        }
        var until = now + pause
        if isOnlySkipped, let openUntil { until = max(min(openUntil, until + pause), now + Self.rounds.floor) }
        if let nobodyUntil { until = max(until, nobodyUntil) }
        if let expiresAt, until >= expiresAt { until = expiresAt }
        return .wait(isOnlySkipped ? .circuit : .retry, until: until)
    }

    /// Whether an outcome says that a provider is there and has no room yet, or nothing at all.
    private static func isWaitedOut(_ outcome: AttemptOutcome) -> Bool {
        [.quota, .throttled, .skippedQuota, .skippedCircuitOpen, .skippedSuppressed].contains(outcome)
    }

    static func reason(_ code: String, _ detail: String) -> MessageReason { MessageReason(code: code, detail: detail) }
}
