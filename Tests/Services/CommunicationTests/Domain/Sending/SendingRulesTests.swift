import CommunicationAPI
import Core
import Resilience
import Testing

@testable import Communication

@Suite struct SendingRulesTests {
    @Test(arguments: AttemptOutcome.allCases)
    func everyOutcomeHasItsNextStep(outcome: AttemptOutcome) {
        let ends: [AttemptOutcome: MessageStatus] = [
            .accepted: .sent, .unknownOutcome: .unknown,
        ]
        let closing: [AttemptOutcome: MessageReason] = [
            .badRecipient: SendingRules.badRecipient, .skippedSuppressed: SendingRules.suppressed,
            .contentRejected: SendingRules.contentRejected, .optedOut: SendingRules.optedOut,
        ]
        switch SendingRules.next(after: outcome) {
        case .end(let status, let reason):
            #expect(ends[outcome] == status)
            #expect((reason == nil) == (outcome == .accepted))
        case .nextProvider: #expect(ends[outcome] == nil && closing[outcome] == nil)
        case .nextProviderOnly(let reason):
            #expect(outcome == .senderNotAuthorised && reason == SendingRules.senderNotAuthorised)
        case .nextChannel(let reason): #expect(closing[outcome] == reason)
        case .sameProvider: Issue.record("\(outcome) is repeated where nobody knows the message again")
        }
    }

    /// What a refusal leaves of no use to later rounds: the channel, the account alone, or nothing.
    @Test(
        arguments: [
            (.contentRejected, false, .channel(SendingRules.contentRejected)),
            (.contentRejected, true, .entry(SendingRules.contentRejected)),
            (.senderNotAuthorised, false, .entry(SendingRules.senderNotAuthorised)),
            (.badRecipient, false, .channel(SendingRules.badRecipient)),
            (.optedOut, false, .channel(SendingRules.optedOut)), (.transient, true, nil),
            (.skippedSuppressed, false, nil),
            (.unknownOutcome, false, nil), (nil, false, nil),
        ] as [(AttemptOutcome?, Bool, SendingRules.Exclusion?)]
    ) func whatIsNotTriedAgain(outcome: AttemptOutcome?, isOfAccount: Bool, exclusion: SendingRules.Exclusion?) {
        #expect(SendingRules.exclusion(after: outcome, isOfAccount: isOfAccount) == exclusion)
    }

    @Test func whoHasOptedOutGetsNoOffersElsewhere() {
        let end = SendingRules.next(after: .optedOut, category: .marketing)
        #expect(end == .end(.suppressed, SendingRules.optedOut))
        for category in [MessageCategory.care, .billing, .security] {
            #expect(SendingRules.next(after: .optedOut, category: category) == .nextChannel(SendingRules.optedOut))
        }
    }

    @Test func aCodeMayComeTwice() {
        #expect(SendingRules.next(after: .unknownOutcome, category: .security) == .nextProvider)
        #expect(SendingRules.next(after: .unknownOutcome, isRepeatable: true, category: .security) == .sameProvider)
    }

    @Test(
        arguments: [
            ([SendingRules.badRecipient], MessageStatus.failed), ([SendingRules.suppressed], .suppressed),
            ([SendingRules.suppressed, SendingRules.badRecipient], .failed), ([SendingRules.optedOut], .suppressed),
            ([SendingRules.contentRejected], .failed),
        ]
    ) func withoutAChannelThereIsNoOtherRound(closed: [MessageReason], status: MessageStatus) {
        var random = SystemRandomNumberGenerator()
        let end = SendingRules.roundEnd(
            outcomes: [.badRecipient],
            closed: closed,
            rounds: 1,
            openUntil: nil,
            expiresAt: nil,
            now: Instant(seconds: 0),
            using: &random
        )
        guard case .end(status, _) = end else {
            Issue.record("it ends otherwise: \(end)")
            return
        }
    }

    @Test func onlyWhatIsNotKnownIsRepeated() {
        for outcome in AttemptOutcome.allCases {
            let next = SendingRules.next(after: outcome, isRepeatable: true)
            #expect((next == .sameProvider) == (outcome == .unknownOutcome))
        }
    }

    @Test func whatMayHaveArrivedHasNotFailed() {
        var random = SystemRandomNumberGenerator()
        func end(_ isUnresolved: Bool) -> SendingRules.RoundEnd {
            SendingRules.roundEnd(
                outcomes: [.transient],
                rounds: SendingRules.rounds.attempts,
                isUnresolved: isUnresolved,
                openUntil: nil,
                expiresAt: nil,
                now: Instant(seconds: 0),
                using: &random
            )
        }
        guard case .end(.failed, _) = end(false), case .end(.unknown, SendingRules.lost) = end(true) else {
            Issue.record("the last round ends otherwise")
            return
        }
    }

    @Test func whatCountsForTheCircuit() {
        for outcome in AttemptOutcome.allCases {
            let effect = SendingRules.circuit(after: ProviderVerdict(outcome))
            switch outcome {
            case .transient, .unknownOutcome: #expect(effect == .settle(.failure))
            case .credentials: #expect(effect == .latch)
            case .quota: #expect(effect == .park(SendingRules.quotaPause))
            case .skippedCircuitOpen, .skippedQuota, .skippedSuppressed: #expect(effect == .settle(.neutral))
            default: #expect(effect == .settle(.alive))
            }
        }
    }

    /// Whoever asks to be left alone is, unless it is about one recipient: the others have done nothing.
    @Test(arguments: [
        (Duration.seconds(7), false, SendingRules.CircuitEffect.park(.seconds(7))),
        (.seconds(13 * 3_600), false, .park(.seconds(13 * 3_600))),
        (.seconds(7 * 86_400), false, .park(.seconds(86_400))), (.seconds(6), true, .settle(.alive)),
    ])
    func aThrottleIsRespected(pause: Duration, isAboutRecipient: Bool, effect: SendingRules.CircuitEffect) {
        var verdict = ProviderVerdict(.throttled, retryAfter: pause)
        verdict.isAboutRecipient = isAboutRecipient
        #expect(SendingRules.circuit(after: verdict) == effect)
    }

    /// A quota that is used up for the day, or credentials that wait for somebody, fail no message of that day.
    @Test(
        arguments: [
            ([AttemptOutcome.quota], true), ([.skippedQuota], true), ([.throttled], true),
            ([.skippedCircuitOpen], true),
            ([.skippedQuota, .skippedCircuitOpen], true), ([.transient], false), ([.skippedQuota, .transient], false),
            ([], false),
        ]
    )
    func whoHasNoRoomYetIsWaitedFor(outcomes: [AttemptOutcome], waits: Bool) {
        var random = SystemRandomNumberGenerator()
        let now = Instant(seconds: 1_000)
        func end(_ rounds: Int, age: Duration) -> SendingRules.RoundEnd {
            SendingRules.roundEnd(
                outcomes: outcomes,
                rounds: rounds,
                openUntil: nil,
                age: age,
                expiresAt: nil,
                now: now,
                using: &random
            )
        }
        for rounds in [SendingRules.rounds.attempts, 1_000] {
            guard case .wait(_, let until) = end(rounds, age: .seconds(24 * 3_600)) else {
                #expect(!waits)
                continue
            }
            #expect(waits && until > now && until <= now + SendingRules.rounds.cap)
            guard case .end(.failed, _) = end(rounds, age: SendingRules.patience) else {
                Issue.record("it is never given up")
                return
            }
        }
    }

    @Test func aRoundEndsInAPauseUntilThereHaveBeenEnough() {
        var random = SystemRandomNumberGenerator()
        let now = Instant(seconds: 1_000)
        for round in 1..<SendingRules.rounds.attempts {
            let end = SendingRules.roundEnd(
                outcomes: [.transient, .skippedCircuitOpen],
                rounds: round,
                openUntil: now + .seconds(5),
                expiresAt: nil,
                now: now,
                using: &random
            )
            guard case .wait(.retry, let until) = end else {
                Issue.record("round \(round) ended in \(end)")
                return
            }
            #expect(until >= now + .seconds(1) && until <= now + SendingRules.rounds.bound(afterFailures: round))
        }
        let last = SendingRules.roundEnd(
            outcomes: [.transient],
            rounds: SendingRules.rounds.attempts,
            openUntil: nil,
            expiresAt: nil,
            now: now,
            using: &random
        )
        guard case .end(.failed, let reason) = last else {
            Issue.record("the last round ended in \(last)")
            return
        }
        #expect(reason.code == "providers_failed")
    }

    @Test(
        arguments: [
            (
                ProviderVerdict(.transient, retryAfter: .seconds(120)),
                ProviderAvailability.asked(until: start + .seconds(120))
            ),
            (ProviderVerdict(.transient), .anyTime), (ProviderVerdict(.credentials), .never),
            (ProviderVerdict(.senderNotAuthorised), .anyTime),
            (ProviderVerdict(.quota), .asked(until: start + SendingRules.quotaPause)),
            (ProviderVerdict(.throttled, retryAfter: .seconds(7)), .asked(until: start + .seconds(7))),
            // Its circuit knows how long it is; the message looks after it now and then.
            (
                ProviderVerdict(.throttled, retryAfter: .seconds(13 * 3_600)),
                .asked(until: start + SendingRules.rounds.cap)
            ),
        ] as [(ProviderVerdict, ProviderAvailability)]
    )
    func whoAsksForTimeIsGivenIt(_ verdict: ProviderVerdict, _ asking: ProviderAvailability) {
        #expect(ProviderAvailability(after: verdict, at: Self.start) == asking)
    }

    @Test(
        arguments: [
            (CircuitView.State.latched, Duration.seconds(60), ProviderAvailability.asked(until: start + .seconds(60))),
            (.latched, nil, .never), (.open, .seconds(60), .shut(until: start + .seconds(60))),
            (.halfOpen, nil, .anyTime),
        ] as [(CircuitView.State, Duration?, ProviderAvailability)]
    )
    func whatStandsInTheWayEnds(_ state: CircuitView.State, _ time: Duration?, _ asking: ProviderAvailability) {
        let view = CircuitView(state: state, since: Self.start, reason: nil, retryAt: time.map { Self.start + $0 })
        #expect(ProviderAvailability(refusedBy: view, for: time, at: Self.start) == asking)
    }

    private static let start = Instant(seconds: 1_000)
    private static func asked(_ seconds: Int64) -> ProviderAvailability { .asked(until: start + .seconds(seconds)) }
    private static func shut(_ seconds: Int64) -> ProviderAvailability { .shut(until: start + .seconds(seconds)) }

    /// Seconds before nobody is asked.
    @Test(
        arguments: [
            ([asked(120)], 120), ([asked(120), asked(60)], 60), ([asked(120), .never], 120),
            ([asked(120), shut(30)], 30), ([asked(120), .anyTime], nil), ([shut(30)], nil), ([.never], nil), ([], nil),
        ] as [([ProviderAvailability], Int64?)]
    )
    func theRoundComesWhenSomebodyMayBeAsked(_ providers: [ProviderAvailability], _ seconds: Int64?) {
        #expect(ProviderAvailability.earliest(providers) == seconds.map { Self.start + .seconds($0) })
    }

    @Test(arguments: [nil, 60] as [Int64?]) func timeThatWasAskedForIsGivenWithinTheExpiry(_ expiry: Int64?) {
        var random = SystemRandomNumberGenerator()
        let expiresAt = expiry.map { Self.start + .seconds($0) }
        for outcome in [AttemptOutcome.transient, .throttled, .skippedCircuitOpen] {
            let end = SendingRules.roundEnd(
                outcomes: [outcome],
                rounds: 1,
                openUntil: outcome == .skippedCircuitOpen ? Self.start + .seconds(1_200) : nil,
                nobodyUntil: Self.start + .seconds(1_200),
                expiresAt: expiresAt,
                now: Self.start,
                using: &random
            )
            guard case .wait(_, let until) = end else {
                Issue.record("the first round ended in \(end)")
                return
            }
            #expect(until == expiresAt ?? Self.start + .seconds(1_200))
        }
    }

    @Test func whoeverWaitsForCircuitsComesWhenTheyOpenAndNeverAfterExpiry() {
        var random = SystemRandomNumberGenerator()
        let now = Instant(seconds: 1_000)
        let skipped: [AttemptOutcome] = [.skippedCircuitOpen, .skippedQuota]
        let end = SendingRules.roundEnd(
            outcomes: skipped,
            rounds: 1,
            openUntil: now + .seconds(1),
            expiresAt: nil,
            now: now,
            using: &random
        )
        #expect(end == .wait(.circuit, until: now + .seconds(1)))
        let expiring = SendingRules.roundEnd(
            outcomes: [.transient],
            rounds: 12,
            openUntil: nil,
            expiresAt: now + .milliseconds(500),
            now: now,
            using: &random
        )
        #expect(expiring == .wait(.retry, until: now + .milliseconds(500)))
    }
}
