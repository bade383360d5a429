import Core
import Resilience
import Testing

@Suite struct CircuitStateMachineTests {
    private static let policy = CircuitBreakerPolicy(jitter: 0)
    private static let start = Instant(seconds: 1_000_000)

    private func machine() -> CircuitStateMachine { CircuitStateMachine(policy: Self.policy, at: Self.start) }

    /// Sends one call through; the call must be admitted.
    private func call(
        _ machine: inout CircuitStateMachine,
        _ outcome: CircuitStateMachine.Outcome,
        at now: Instant,
        retryAfter: Duration? = nil
    ) throws {
        guard case .admitted(let permit) = machine.admit(at: now) else {
            Issue.record("the call was refused")
            return
        }
        machine.settle(permit, outcome, why: "transient", retryAfter: retryAfter, at: now, roll: 0.5)
    }

    private func opened(at now: Instant = start) throws -> CircuitStateMachine {
        var machine = machine()
        for _ in 0..<5 { try call(&machine, .failure, at: now) }
        return machine
    }

    @Test func fiveFailuresInARowOpen() throws {
        var machine = machine()
        for _ in 0..<4 { try call(&machine, .failure, at: Self.start) }
        #expect(machine.view(at: Self.start).state == .closed)
        try call(&machine, .failure, at: Self.start)
        let view = machine.view(at: Self.start)
        #expect(view.state == .open)
        #expect(view.reason == "transient")
        #expect(view.retryAt == Self.start + .seconds(30))
        #expect(machine.admit(at: Self.start + .seconds(29)) == .refused(until: Self.start + .seconds(30)))
    }

    @Test(arguments: [
        // Who fails, second by second; nobody is an answer.
        (failures: [1, 1, 1, 1, 1, 1, 1, 1], opens: false), ([1, 2, 1, 2, 1, 2, 1, 2], false), ([1, 2, 3], false),
        ([1, 1, 1, 2, 3], true), ([3, 2, 1, 1, 1], true), ([1, 2, 1, 2, 1, 2, 1, 2, 3], true),
        ([1, 2, nil, 3, 3, 3, 3], false), ([1, 2, nil, 3, 3, 3, 3, 3], true),
        ([1, nil, 2, nil, 3, nil, 3, nil, 3, nil, 3], true),
    ]) func whatSeveralShareOpensForSeveralOnly(failures: [UInt64?], opens: Bool) {
        var machine = CircuitStateMachine(policy: CircuitBreakerPolicy(failingSources: 3, jitter: 0), at: Self.start)
        for (second, source) in failures.enumerated() {
            let now = Self.start + .seconds(second)
            guard case .admitted(let permit) = machine.admit(at: now) else { continue }
            machine.settle(permit, source == nil ? .alive : .failure, from: source ?? 0, at: now, roll: 0.5)
        }
        #expect((machine.view(at: Self.start + .seconds(failures.count)).state == .open) == opens)
    }

    @Test func failuresOfTheOthersLongAgoDoNotCount() {
        var machine = CircuitStateMachine(policy: CircuitBreakerPolicy(failingSources: 3, jitter: 0), at: Self.start)
        for (second, source) in [(0, 1), (1, 2), (90, 3), (91, 3), (92, 3), (93, 3)] as [(Int, UInt64)] {
            let now = Self.start + .seconds(second)
            guard case .admitted(let permit) = machine.admit(at: now) else { continue }
            machine.settle(permit, .failure, from: source, at: now, roll: 0.5)
        }
        #expect(machine.view(at: Self.start + .seconds(94)).state == .closed)
    }

    /// Five messages a day never make a share of ten in a minute.
    @Test func aClinicThatSendsLittleIsProtectedToo() throws {
        var machine = machine()
        for call in 0..<5 { try self.call(&machine, .failure, at: Self.start + .seconds(call * 5 * 3_600)) }
        let last = Self.start + .seconds(4 * 5 * 3_600)
        #expect(machine.view(at: last).state == .open)
        #expect(machine.admit(at: last + .seconds(29)) == .refused(until: last + .seconds(30)))
        try call(&machine, .alive, at: last + .seconds(5 * 3_600))
        #expect(machine.view(at: last + .seconds(5 * 3_600)).state == .closed)
    }

    @Test func anAnswerBreaksTheRow() throws {
        var machine = machine()
        // Spread over minutes, so that the ratio of the last one never has ten calls.
        for step in 0..<50 {
            try call(&machine, step % 5 == 4 ? .alive : .failure, at: Self.start + .seconds(step * 20))
        }
        #expect(machine.view(at: Self.start).state == .closed)
    }

    /// Call by call, `+` an answer and `-` a failure; never five failures in a row, which would open it by themselves.
    @Test(arguments: [
        (calls: "+-+-+-+-+-", opens: true), ("++-+-+-+-+-", false), ("+-+-+-+-+", false), ("----+----", false),
        ("----+----+", false), ("----+----+-", true), ("++++++----+--", false), ("++++++----+---", true),
        ("++++++++++----+----+--", false), ("++++++++++----+----+----", true),
    ])
    func halfOfTenInAMinuteOpen(calls: String, opens: Bool) throws {
        var machine = machine()
        for call in calls {
            #expect(machine.view(at: Self.start).state == .closed)
            try self.call(&machine, call == "+" ? .alive : .failure, at: Self.start)
        }
        #expect((machine.view(at: Self.start).state == .open) == opens)
    }

    @Test func failuresOlderThanTheWindowAreForgotten() throws {
        var machine = machine()
        for _ in 0..<4 { try call(&machine, .failure, at: Self.start) }
        try call(&machine, .alive, at: Self.start)
        for _ in 0..<4 { try call(&machine, .failure, at: Self.start) }
        try call(&machine, .alive, at: Self.start + .seconds(90))
        #expect(machine.view(at: Self.start + .seconds(90)).state == .closed)
        try call(&machine, .failure, at: Self.start + .seconds(91))
        #expect(machine.view(at: Self.start + .seconds(91)).state == .closed)
    }

    @Test func oneProbeGoesAndItsSuccessCloses() throws {
        var machine = try opened()
        let later = Self.start + .seconds(30)
        guard case .admitted(let probe) = machine.admit(at: later) else { return #expect(Bool(false), "no probe") }
        #expect(probe.isProbe)
        #expect(machine.admit(at: later) == .refused(until: later + .seconds(30)))
        machine.settle(probe, .alive, at: later, roll: 0.5)
        #expect(machine.view(at: later).state == .closed)
    }

    @Test func openTimeDoublesUpToItsBound() throws {
        var machine = try opened()
        var now = Self.start
        for expected in [60, 120, 240, 480, 600, 600] {
            guard let retryAt = machine.view(at: now).retryAt else { return #expect(Bool(false), "not open") }
            now = retryAt
            try call(&machine, .failure, at: now)
            #expect(machine.view(at: now).retryAt == now + .seconds(expected))
        }
    }

    @Test func aLongerRetryAfterCounts() throws {
        var machine = machine()
        for _ in 0..<5 { try call(&machine, .failure, at: Self.start, retryAfter: .seconds(3_600)) }
        #expect(machine.view(at: Self.start).retryAt == Self.start + .seconds(3_600))
    }

    @Test func aCancelledProbeGivesItsPermitBack() throws {
        var machine = try opened()
        let later = Self.start + .seconds(31)
        try call(&machine, .neutral, at: later)
        #expect(machine.view(at: later).state == .halfOpen)
        try call(&machine, .alive, at: later)
        #expect(machine.view(at: later).state == .closed)
    }

    @Test func aHungProbeExpiresAndItsLateResultIsIgnored() throws {
        var machine = try opened()
        let later = Self.start + .seconds(31)
        guard case .admitted(let hung) = machine.admit(at: later) else { return #expect(Bool(false), "no probe") }
        let muchLater = later + .seconds(30)
        guard case .admitted(let second) = machine.admit(at: muchLater) else { return #expect(Bool(false), "stuck") }
        machine.settle(hung, .failure, at: muchLater, roll: 0.5)
        #expect(machine.view(at: muchLater).state == .halfOpen)
        machine.settle(second, .alive, at: muchLater, roll: 0.5)
        #expect(machine.view(at: muchLater).state == .closed)
    }

    @Test func resultsFromBeforeTheTripChangeNothing() throws {
        var machine = machine()
        guard case .admitted(let early) = machine.admit(at: Self.start) else { return #expect(Bool(false)) }
        for _ in 0..<5 { try call(&machine, .failure, at: Self.start) }
        machine.settle(early, .alive, at: Self.start, roll: 0.5)
        #expect(machine.view(at: Self.start).state == .open)
        let later = Self.start + .seconds(30)
        guard case .admitted = machine.admit(at: later) else { return #expect(Bool(false), "no probe") }
        machine.settle(early, .alive, at: later, roll: 0.5)
        #expect(machine.view(at: later).state == .halfOpen)
    }

    @Test func aLatchHoldsUntilItsTimeOrAReset() throws {
        var machine = machine()
        machine.latch("credentials", until: nil, at: Self.start)
        let years = Self.start + .seconds(100_000_000)
        #expect(machine.admit(at: years) == .refused(until: nil))
        #expect(machine.admitLastResort(at: years) == .refused(until: nil))
        machine.reset(at: years)
        #expect(machine.view(at: years).state == .closed)
        machine.latch("quota", until: years + .seconds(60), at: years)
        #expect(machine.admit(at: years + .seconds(59)) == .refused(until: years + .seconds(60)))
        try call(&machine, .alive, at: years + .seconds(60))
        #expect(machine.view(at: years).state == .closed)
    }

    @Test func theLastResortIsOnePerOpenInterval() throws {
        var machine = try opened()
        let (soon, end) = (Self.start + .seconds(1), Self.start + .seconds(30))
        guard case .admitted(let cancelled) = machine.admitLastResort(at: soon) else {
            return #expect(Bool(false), "refused")
        }
        // Nobody beside it, not even when the open time is over.
        #expect(machine.admitLastResort(at: soon) == .refused(until: soon + .seconds(30)))
        #expect(machine.admit(at: end) == .refused(until: soon + .seconds(30)))
        machine.settle(cancelled, .neutral, at: soon, roll: 0.5)
        guard case .admitted(let failed) = machine.admitLastResort(at: soon) else {
            return #expect(Bool(false), "refused")
        }
        machine.settle(failed, .failure, why: "transient", at: soon, roll: 0.5)
        // It was tried in vain: nobody else does until the open time is over, which is no longer than it was.
        #expect(machine.view(at: soon).state == .open)
        #expect(machine.admitLastResort(at: soon) == .refused(until: end))
        #expect(machine.admitLastResort(at: Self.start + .seconds(29)) == .refused(until: end))
        try call(&machine, .failure, at: end)
        #expect(machine.view(at: end).retryAt == end + .seconds(60))
        guard case .admitted(let good) = machine.admitLastResort(at: end) else {
            return #expect(Bool(false), "refused")
        }
        // What the former interval's call says now is nothing.
        machine.settle(failed, .alive, at: end, roll: 0.5)
        #expect(machine.view(at: end).state == .open)
        machine.settle(good, .alive, at: end, roll: 0.5)
        #expect(machine.view(at: end).state == .closed)
    }

    @Test func aLastResortThatIsToldToWaitLongerDoes() throws {
        var machine = try opened()
        guard case .admitted(let permit) = machine.admitLastResort(at: Self.start) else {
            return #expect(Bool(false), "refused")
        }
        machine.settle(permit, .failure, retryAfter: .seconds(90), at: Self.start, roll: 0.5)
        #expect(machine.view(at: Self.start).retryAt == Self.start + .seconds(90))
    }

    /// A large mail takes longer than probes usually do: nobody else tries while it may be under way.
    @Test func aProbeHasAsLongAsItsCallMayTake() throws {
        var machine = try opened()
        let later = Self.start + .seconds(30)
        guard case .admitted(let probe) = machine.admit(at: later, taking: .seconds(160)) else {
            return #expect(Bool(false), "no probe")
        }
        #expect(machine.admit(at: later + .seconds(159)) == .refused(until: later + .seconds(160)))
        machine.settle(probe, .alive, at: later + .seconds(159), roll: 0.5)
        #expect(machine.view(at: later).state == .closed)
    }
}
