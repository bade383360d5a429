import Core
import Resilience
import Testing

/// Random walks with a virtual clock: whatever happens in whatever order, these hold.
@Suite struct CircuitWalkTests {
    /// SplitMix64: the same walk for the same seed.
    struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }

    @Test(arguments: 0..<200)
    func neverStuckNeverTwoProbes(seed: Int) {
        var random = Seeded(state: UInt64(seed))
        let policy = CircuitBreakerPolicy()
        var now = Instant(seconds: 1_000_000)
        var machine = CircuitStateMachine(policy: policy, at: now)
        var underWay: [(permit: CircuitStateMachine.Permit, since: Instant)] = []
        func isLiveProbe(_ call: (permit: CircuitStateMachine.Permit, since: Instant), at now: Instant) -> Bool {
            call.permit.isProbe && now < call.since + policy.probeTime
        }
        for _ in 0..<2_000 {
            now = now + .milliseconds(Int.random(in: 0...3_000, using: &random))
            let before = machine.view(at: now)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                if case .admitted(let permit) = machine.admit(at: now) {
                    #expect(before.state != .open || before.retryAt.map { now >= $0 } == true)
                    if permit.isProbe { #expect(!underWay.contains { isLiveProbe($0, at: now) }) }
                    underWay.append((permit, now))
                } else {
                    #expect(before.state != .closed)
                }
            case 5:
                if case .admitted(let permit) = machine.admitLastResort(at: now) {
                    if permit.isProbe { #expect(!underWay.contains { isLiveProbe($0, at: now) }) }
                    underWay.append((permit, now))
                }
            case 6..<9:
                guard !underWay.isEmpty else { continue }
                let call = underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random))
                let outcomes: [CircuitStateMachine.Outcome] = [.alive, .failure, .failure, .neutral]
                let outcome = outcomes[Int.random(in: 0..<4, using: &random)]
                machine.settle(call.permit, outcome, at: now, roll: Double.random(in: 0...1, using: &random))
            default:
                // Calls that never come back.
                if !underWay.isEmpty { underWay.removeLast() }
            }
            if let retryAt = machine.view(at: now).retryAt { #expect(retryAt - now <= .seconds(661)) }
        }
        // However it stands now, after the longest wait a call goes through, and its success closes the circuit.
        now = now + .seconds(661)
        guard case .admitted(let last) = machine.admit(at: now) else {
            Issue.record("stuck in \(machine.view(at: now).state)")
            return
        }
        machine.settle(last, .alive, at: now, roll: 0.5)
        #expect(machine.view(at: now).state == .closed)
    }
}
