import Core
import Resilience
import Testing

/// The state machine beside a second one that keeps every call instead of sums: whatever happens, they agree.
@Suite struct CircuitModelTests {
    private typealias Seeded = CircuitWalkTests.Seeded

    /// What a breaker is to do, told by the calls that it has seen since it closed.
    private struct Model {
        enum Phase: Equatable {
            case closed
            case open(until: Instant)
            case trying(until: Instant?)
            case latched(until: Instant?)
        }

        var phase = Phase.closed
        /// Changes with the phase: who was let through before cannot say anything about what came after.
        var life = 0
        var failedProbes = 0
        /// The calls that went while it was open, since it is, and what came of them.
        var lastResorts: [(at: Instant, outcome: CircuitStateMachine.Outcome?)] = []
        var calls: [(at: Instant, failed: Bool)] = []

        var state: CircuitView.State {
            switch phase {
            case .closed: .closed
            case .open: .open
            case .trying: .halfOpen
            case .latched: .latched
            }
        }

        var retryAt: Instant? {
            switch phase {
            case .closed: nil
            // One that has not come back keeps the next probe off for as long as a probe may take.
            case .open(let until):
                lastResorts.filter { $0.outcome == nil }.map { $0.at + .seconds(30) }.reduce(until, max)
            case .trying(let until), .latched(let until): until
            }
        }

        private mutating func enter(_ next: Phase) {
            phase = next
            life += 1
        }

        mutating func admit(at now: Instant, lastResort: Bool) -> Bool {
            switch phase {
            case .closed: return true
            case .open where retryAt.map { now < $0 } == true:
                // Only one that was cancelled makes way for another.
                guard lastResort, lastResorts.allSatisfy({ $0.outcome == .neutral }) else { return false }
                lastResorts.append((now, nil))
                life += 1
                return true
            case .trying(until: let until?) where now < until: return false
            case .latched(until: nil): return false
            case .latched(until: let until?) where now < until: return false
            case .open, .trying, .latched:
                enter(.trying(until: now + .seconds(30)))
                return true
            }
        }

        mutating func settle(
            _ life: Int,
            _ outcome: CircuitStateMachine.Outcome,
            _ retryAfter: Duration?,
            at now: Instant
        ) {
            guard life == self.life else { return }
            switch (phase, outcome) {
            case (.closed, .alive): calls.append((now, false))
            case (.closed, .failure):
                calls.append((now, true))
                let isRow = calls.count >= 5 && calls.suffix(5).allSatisfy { $0.failed }
                // The last minute, in steps of ten seconds.
                let step = { (at: Instant) in at.microseconds / 10_000_000 }
                let recent = calls.filter { step($0.at) > step(now) - 6 }
                let failed = recent.count { $0.failed }
                if isRow || (recent.count >= 10 && failed * 2 >= recent.count) { open(retryAfter, at: now) }
            case (.trying, .alive): close()
            case (.trying, .failure):
                failedProbes += 1
                open(retryAfter, at: now)
            case (.trying, .neutral): phase = .trying(until: nil)
            case (.open, .alive): close()
            case (.open(let until), _):
                lastResorts[lastResorts.count - 1].outcome = outcome
                if outcome == .failure, let retryAfter { phase = .open(until: max(until, now + retryAfter)) }
            case (.closed, .neutral), (.latched, _): break
            }
        }

        private mutating func open(_ retryAfter: Duration?, at now: Instant) {
            let seconds = min(30 << min(failedProbes, 10), 600)
            enter(.open(until: now + max(.seconds(seconds), retryAfter ?? .zero)))
            lastResorts = []
        }

        mutating func close() {
            enter(.closed)
            (failedProbes, lastResorts, calls) = (0, [], [])
        }

        mutating func latch(until: Instant?) { enter(.latched(until: until)) }
    }

    /// A call that was let through and has not come back.
    private struct Call {
        let permit: CircuitStateMachine.Permit
        let life: Int
    }

    /// What the walks have come by; one that never leaves the closed state would agree with everything.
    private struct Seen {
        var states: Set<CircuitView.State> = []
        var lateResults = 0
        var hungProbes = 0
        var cancelledProbes = 0
        var lastResorts = 0
        var refusedLastResorts = 0
    }

    @Test func theyAgreeWhateverHappens() {
        var seen = Seen()
        for seed in 0..<300 {
            guard walk(UInt64(seed), &seen) else {
                Issue.record("they part in walk \(seed)")
                return
            }
        }
        #expect(seen.states == Set(CircuitView.State.allCases))
        #expect(seen.lateResults > 100 && seen.hungProbes > 100)
        #expect(seen.cancelledProbes > 100 && seen.lastResorts > 100 && seen.refusedLastResorts > 100)
    }

    /// One walk; `false` where the two part.
    private func walk(_ seed: UInt64, _ seen: inout Seen) -> Bool {
        var random = Seeded(state: seed)
        var now = Instant(seconds: 1_000_000)
        var machine = CircuitStateMachine(policy: CircuitBreakerPolicy(jitter: 0), at: now)
        var model = Model()
        var underWay: [Call] = []
        let pauses: [Duration] = [
            .zero, .milliseconds(1), .milliseconds(400), .seconds(1), .seconds(9), .seconds(29), .seconds(31),
            .seconds(700),
        ]
        for _ in 0..<600 {
            // Mostly close together, so that rows and ratios come about.
            let most = Int.random(in: 0..<4, using: &random) == 0 ? pauses.count : 3
            now = now + pauses[Int.random(in: 0..<most, using: &random)]
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<46:
                guard admit(&machine, &model, &underWay, lastResort: false, at: now) != nil else { return false }
            case 46..<54:
                let isOpen = model.state == .open && model.retryAt.map { now < $0 } == true
                guard let went = admit(&machine, &model, &underWay, lastResort: true, at: now) else { return false }
                if isOpen, went { seen.lastResorts += 1 }
                if isOpen, !went { seen.refusedLastResorts += 1 }
            case 54..<90:
                settle(&machine, &model, &underWay, &seen, at: now, using: &random)
            case 90..<94:
                // It never comes back.
                if underWay.popLast()?.permit.isProbe == true { seen.hungProbes += 1 }
            case 94..<96:
                let until: Instant? = Bool.random(using: &random) ? now + .seconds(40) : nil
                machine.latch("quota", until: until, at: now)
                model.latch(until: until)
            case 96..<98 where model.state == .latched:
                machine.reset(at: now)
                model.close()
            default: break
            }
            let view = machine.view(at: now)
            seen.states.insert(view.state)
            guard view.state == model.state, view.retryAt == model.retryAt else { return false }
        }
        return true
    }

    /// Whether a call went; `nil` where the two say different things.
    private func admit(
        _ machine: inout CircuitStateMachine,
        _ model: inout Model,
        _ underWay: inout [Call],
        lastResort: Bool,
        at now: Instant
    ) -> Bool? {
        let until = model.retryAt
        let expected = model.admit(at: now, lastResort: lastResort)
        switch lastResort ? machine.admitLastResort(at: now) : machine.admit(at: now) {
        case .admitted(let permit):
            underWay.append(Call(permit: permit, life: model.life))
            return expected && permit.isProbe == (model.state != .closed) ? true : nil
        case .refused(let told): return !expected && told == until ? false : nil
        }
    }

    private func settle(
        _ machine: inout CircuitStateMachine,
        _ model: inout Model,
        _ underWay: inout [Call],
        _ seen: inout Seen,
        at now: Instant,
        using random: inout Seeded
    ) {
        guard !underWay.isEmpty else { return }
        // Half of the time the youngest, which may be a probe; else any, long after its time.
        let isLast = Bool.random(using: &random)
        let call = underWay.remove(at: isLast ? underWay.count - 1 : Int.random(in: 0..<underWay.count, using: &random))
        let outcomes: [CircuitStateMachine.Outcome] = [.alive, .failure, .failure, .failure, .neutral]
        let outcome = outcomes[Int.random(in: 0..<outcomes.count, using: &random)]
        let retryAfter: Duration? = Int.random(in: 0..<10, using: &random) == 0 ? .seconds(900) : nil
        if call.life != model.life { seen.lateResults += 1 }
        if call.life == model.life, call.permit.isProbe, outcome == .neutral { seen.cancelledProbes += 1 }
        machine.settle(call.permit, outcome, retryAfter: retryAfter, at: now, roll: 0.5)
        model.settle(call.life, outcome, retryAfter, at: now)
    }
}
