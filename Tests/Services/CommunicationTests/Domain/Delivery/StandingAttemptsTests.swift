import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import Testing

@testable import Communication

/// By which of its attempts a message may have arrived, and how it ends by them.
@Suite struct StandingAttemptsTests {
    private static let entries = [ProviderEntryID(), ProviderEntryID()]

    /// - Parameter entry: which of two it was made with.
    private static func attempt(
        _ number: Int,
        _ outcome: AttemptOutcome?,
        _ event: DeliveryEvent? = nil,
        with entry: Int = 0
    ) -> StoredAttempt {
        StoredAttempt(
            number: number,
            channel: entry == 0 ? "whatsapp" : "sms",
            provider: entry == 0 ? "meta" : "twilio",
            entryID: entries[entry],
            fingerprint: "f",
            isDefault: false,
            startedAt: .now(),
            outcome: outcome,
            news: event.map { AttemptNews(event: $0, code: nil, at: .now()) }
        )
    }

    @Test func whatAnAccountTellsSettlesWhatItWasHandedUntilThen() {
        func standing(_ attempts: StoredAttempt...) -> [Int] { attempts.standing.map(\.number) }
        #expect(standing(Self.attempt(1, .accepted), Self.attempt(2, nil)) == [1])
        #expect(standing(Self.attempt(1, .unknownOutcome), Self.attempt(2, .unknownOutcome, .hardBounce)) == [])
        // What was told of an attempt says nothing of a later one,
        #expect(standing(Self.attempt(1, .accepted, .pairLimited), Self.attempt(2, .unknownOutcome)) == [2])
        // nor of another account's.
        #expect(standing(Self.attempt(1, .unknownOutcome), Self.attempt(2, .accepted, .hardBounce, with: 1)) == [1])
        #expect(standing(Self.attempt(1, .accepted, .delivered), Self.attempt(2, .badRecipient, with: 1)) == [1])
    }

    @Test func whatMayHaveArrivedHasNotFailed() {
        let reason = SendingRules.badRecipient
        func end(_ status: MessageStatus, _ attempts: StoredAttempt...) -> MessageEnd {
            MessageEnd(status, reason, at: .now()).decided(by: attempts.standing)
        }
        let (lost, taken) = (Self.attempt(1, .unknownOutcome), Self.attempt(2, .accepted, with: 1))
        for status in [MessageStatus.failed, .suppressed, .expired] {
            #expect(end(status).status == status && end(status).reason == reason)
            #expect(end(status, lost).status == .unknown && end(status, lost).reason == SendingRules.lost)
            let sent = end(status, lost, taken)
            #expect(sent.status == .sent && sent.reason == nil && sent.channel == "sms" && sent.provider == "twilio")
        }
        #expect(end(.cancelled, lost, taken).status == .cancelled)
    }

    @Test func whatIsToldNowCounts() {
        let attempts = [Self.attempt(1, .accepted), Self.attempt(2, .accepted, with: 1)]
        #expect(attempts.told(.hardBounce, of: 2, at: .now()).standing.map(\.number) == [1])
        #expect(attempts.told(.delivered, of: 2, at: .now()).standing.map(\.number) == [1, 2])
        // That it was handed over, told late, takes nothing back.
        let failed = [Self.attempt(1, .unknownOutcome, .hardBounce), Self.attempt(2, .unknownOutcome, with: 1)]
        #expect(failed.told(.sent, of: 1, at: .now()).standing.map(\.number) == [2])
        #expect(failed.told(.softBounce, of: 1, at: .now()).standing.map(\.number) == [2])
    }
}
