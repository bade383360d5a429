import CommunicationAPI
import Core
import Outbound
import ProviderConfig
import Resilience
import Testing

@testable import Communication

/// What becomes of circuits when providers ask for time and credentials change, with a clock of the test's own.
@Suite struct ProviderCircuitsTests {
    private let clock = OffsetClock()
    private let clinic = ClinicID()
    private let circuits: ProviderCircuits

    init() {
        let clock = clock
        circuits = ProviderCircuits(policy: CircuitBreakerPolicy(jitter: 0), providers: .builtIn, now: { clock.now })
    }

    private func entry(_ fingerprint: String = "before") -> ProviderEntry {
        ProviderEntry(
            id: ProviderEntryID(high: 1, low: 1),
            channel: "sms",
            provider: "twilio",
            position: 0,
            credentials: Credentials([:]),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: fingerprint,
            formerSecrets: []
        )
    }

    private func permit(_ entry: ProviderEntry, lastResort: Bool = false) throws -> ProviderCircuits.Permit {
        guard case .admitted(let permit) = circuits.admit(clinic, entry, lastResort: lastResort) else {
            throw Refused()
        }
        return permit
    }

    private struct Refused: Error {}

    private func isRefused(_ entry: ProviderEntry, lastResort: Bool = false) -> Bool {
        if case .refused = circuits.admit(clinic, entry, lastResort: lastResort) { true } else { false }
    }

    private static let storm = ProviderVerdict(.throttled, code: "20429", retryAfter: .seconds(60))

    /// Twenty are under way when the first is told that there are too many: nobody comes until the time is over, then one.
    @Test func aStormOfRefusalsIsOne() throws {
        let entry = entry()
        let permits = try (0..<20).map { _ in try permit(entry) }
        let changes = circuits.settle(permits[0], Self.storm, clinic, entry)
        #expect(changes.entry?.state == .latched && changes.entry?.reason == "throttled")
        #expect(changes.entry.flatMap(AlertRules.alert) == nil)
        for late in permits[1...] { _ = circuits.settle(late, Self.storm, clinic, entry) }
        #expect(isRefused(entry) && isRefused(entry, lastResort: true))
        clock.advance(.seconds(59))
        #expect(isRefused(entry))
        clock.advance(.seconds(2))
        let probe = try permit(entry)
        #expect(isRefused(entry))
        _ = circuits.settle(probe, ProviderVerdict(.accepted), clinic, entry)
        #expect(!isRefused(entry))
    }

    /// Those that are not closed are counted, where operators see them.
    @Test func openOnesAreCounted() throws {
        let entry = entry()
        let place = CircuitPlace(channel: "sms", provider: "twilio")
        #expect(circuits.open.isEmpty)
        _ = circuits.settle(try permit(entry), Self.storm, clinic, entry)
        #expect(circuits.open == [place: 1])
        let other = ClinicID()
        guard case .admitted(let permit) = circuits.admit(other, entry) else { throw Refused() }
        _ = circuits.settle(permit, Self.storm, other, entry)
        #expect(circuits.open == [place: 2])
        clock.advance(.seconds(61))
        _ = circuits.settle(try self.permit(entry), ProviderVerdict(.accepted), clinic, entry)
        #expect(circuits.open == [place: 1])
    }

    /// What one person has had too many of is no reason to keep it from the others.
    @Test func oneRecipientsThrottleHoldsUpNobodyElse() throws {
        let entry = entry()
        var verdict = Self.storm
        verdict.isAboutRecipient = true
        for _ in 0..<50 { _ = circuits.settle(try permit(entry), verdict, clinic, entry) }
        #expect(!isRefused(entry))
    }

    /// The old key's refusal arrives when the new key is in force: it says nothing of it.
    @Test(arguments: [AttemptOutcome.credentials, .quota, .throttled, .transient])
    func whatFormerCredentialsAreToldLateHarmsNoNewOnes(outcome: AttemptOutcome) throws {
        let (before, after) = (entry(), entry("after"))
        let late = try (0..<6).map { _ in try permit(before) }
        #expect(!isRefused(after))
        for permit in late {
            _ = circuits.settle(permit, ProviderVerdict(outcome, retryAfter: .seconds(60)), clinic, before)
        }
        #expect(isRefused(before) && !isRefused(after))
        #expect(circuits.breaker(clinic, after).view.state == .closed)
        // What another process tells of the former ones is not taken over either.
        let view = circuits.breaker(clinic, before).view
        let told = PublishedCircuit(entry: after.id, fingerprint: before.fingerprint, view: view, resets: 0)
        circuits.follow(told, clinic, after)
        #expect(!isRefused(after))
    }

    /// Five messages a day, each in vain: the circuit opens, is tried once and opens for longer.
    @Test func aClinicOfFiveMessagesADayIsSparedADeadProvider() throws {
        let entry = entry()
        for _ in 0..<5 {
            _ = circuits.settle(try permit(entry), ProviderVerdict(.transient), clinic, entry)
            clock.advance(.seconds(5 * 3_600))
        }
        _ = circuits.settle(try permit(entry), ProviderVerdict(.transient), clinic, entry)
        #expect(isRefused(entry))
        clock.advance(.seconds(59))
        #expect(isRefused(entry))
        clock.advance(.seconds(2))
        #expect(!isRefused(entry))
    }

    /// With everything open one message tries, and never past what only somebody's hand mends.
    @Test func whereAllAreOpenOneTries() throws {
        let (failing, latched) = (entry("failing"), entry("latched"))
        for _ in 0..<5 { _ = circuits.settle(try permit(failing), ProviderVerdict(.transient), clinic, failing) }
        _ = circuits.settle(try permit(latched), ProviderVerdict(.credentials), clinic, latched)
        #expect(isRefused(failing) && isRefused(latched))
        let last = try permit(failing, lastResort: true)
        #expect(isRefused(failing, lastResort: true) && isRefused(latched, lastResort: true))
        _ = circuits.settle(last, ProviderVerdict(.accepted), clinic, failing)
        #expect(!isRefused(failing) && isRefused(latched))
    }

    /// It failed in vain: until the open time is over, which is no longer for it, nobody else tries.
    @Test func theOneThatTriesInVainIsTheLastOfItsInterval() throws {
        let entry = entry()
        for _ in 0..<5 { _ = circuits.settle(try permit(entry), ProviderVerdict(.transient), clinic, entry) }
        let until = try #require(circuits.breaker(clinic, entry).view.retryAt)
        clock.advance(.seconds(1))
        let last = try permit(entry, lastResort: true)
        _ = circuits.settle(last, ProviderVerdict(.transient), clinic, entry)
        #expect(isRefused(entry) && isRefused(entry, lastResort: true))
        #expect(circuits.breaker(clinic, entry).view.retryAt == until)
        clock.advance(.seconds(30))
        #expect(!isRefused(entry))
    }

    /// What waits too long in a queue of ours, or is given up here, is no fault of the provider or its host.
    @Test(arguments: [OutboundFailure.notSent(.busy), .notSent(.cancelled), .lost(.cancelled)])
    func whatFailsInThisProcessOpensNothing(failure: OutboundFailure) throws {
        let entry = entry()
        for _ in 0..<20 { _ = circuits.settle(try permit(entry), ProviderVerdict(failure: failure), clinic, entry) }
        #expect(circuits.breaker(clinic, entry).view.state == .closed)
        let unreachable = ProviderVerdict(failure: .notSent(.connect))
        for _ in 0..<5 { _ = circuits.settle(try permit(entry), unreachable, clinic, entry) }
        #expect(circuits.breaker(clinic, entry).view.state == .open)
        // Nor does it count as the probe of a circuit that is open.
        clock.advance(.seconds(31))
        _ = circuits.settle(try permit(entry), ProviderVerdict(failure: failure), clinic, entry)
        #expect(!isRefused(entry))
    }

    private func told(_ entry: ProviderEntry, _ state: CircuitView.State, resets: Int64) -> PublishedCircuit {
        let view = CircuitView(state: state, since: clock.now, reason: nil, retryAt: nil)
        return PublishedCircuit(entry: entry.id, fingerprint: entry.fingerprint, view: view, resets: resets)
    }

    /// One message has looked before the reset and comes to it after another one that has looked later.
    @Test func whatWasReadBeforeAResetUndoesNothing() throws {
        let entry = entry()
        let before = told(entry, .latched, resets: 0)
        clock.advance(.seconds(1))
        let after = told(entry, .closed, resets: 1)
        clock.advance(.seconds(1))
        circuits.follow(before, clinic, entry)
        #expect(isRefused(entry))
        circuits.follow(after, clinic, entry)
        #expect(!isRefused(entry))
        circuits.follow(before, clinic, entry)
        #expect(!isRefused(entry))
        // A latch since then is another one.
        circuits.follow(told(entry, .latched, resets: 1), clinic, entry)
        #expect(isRefused(entry))
    }

    /// Taken over late, a latch ends with what was told since it began, not since it was heard of.
    @Test func aLatchHoldsSinceItWasFoundOut() throws {
        let entry = entry()
        let latched = told(entry, .latched, resets: 0)
        clock.advance(.seconds(1))
        let closed = told(entry, .closed, resets: 0)
        clock.advance(.seconds(1))
        circuits.follow(latched, clinic, entry)
        #expect(isRefused(entry))
        circuits.follow(closed, clinic, entry)
        #expect(!isRefused(entry))
    }

    /// A large mail's call takes longer than a probe usually has: nobody else tries meanwhile.
    @Test func aProbeLastsAsLongAsItsCallMay() throws {
        let entry = entry()
        for _ in 0..<5 { _ = circuits.settle(try permit(entry), ProviderVerdict(.transient), clinic, entry) }
        clock.advance(.seconds(31))
        let time = SendingParts.longestCallTime + SendingParts.callGrace
        guard case .admitted(let probe) = circuits.admit(clinic, entry, taking: time) else { throw Refused() }
        clock.advance(SendingParts.longestCallTime)
        #expect(isRefused(entry) && isRefused(entry, lastResort: true))
        _ = circuits.settle(probe, ProviderVerdict(.accepted), clinic, entry)
        #expect(!isRefused(entry))
    }

    /// A call that was cancelled here gives its turn back, one that hangs loses it, and what it says afterwards is nothing.
    @Test func aProbeThatNeverEndsIsGivenUp() throws {
        let entry = entry()
        for _ in 0..<5 { _ = circuits.settle(try permit(entry), ProviderVerdict(.transient), clinic, entry) }
        clock.advance(.seconds(31))
        circuits.giveBack(try permit(entry), clinic, entry)
        let hung = try permit(entry)
        #expect(isRefused(entry))
        clock.advance(.seconds(31))
        let second = try permit(entry)
        _ = circuits.settle(hung, ProviderVerdict(.transient), clinic, entry)
        #expect(circuits.breaker(clinic, entry).view.state == .halfOpen)
        _ = circuits.settle(second, ProviderVerdict(.accepted), clinic, entry)
        _ = circuits.settle(hung, ProviderVerdict(.transient), clinic, entry)
        #expect(circuits.breaker(clinic, entry).view.state == .closed)
    }
}
