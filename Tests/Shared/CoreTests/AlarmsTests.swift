import Core
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct AlarmsTests {
    /// Until the task is cancelled.
    private static func waitForEver() async throws {
        await WakeSignal().wait(upTo: .seconds(3_600))
        try Task.checkCancellation()
    }

    @Test func eachRingsOnceAndNotBeforeItsTime() async {
        let alarms = Alarms()
        let (rings, rung) = AsyncStream.makeStream(of: (time: Int, after: Duration).self)
        let begin = ContinuousClock.now
        for time in [60, 20, 40, 1] {
            _ = alarms.set(after: .milliseconds(time)) { rung.yield((time, ContinuousClock.now - begin)) }
        }
        var heard: [Int] = []
        for await ring in rings.prefix(4) {
            #expect(ring.after >= .milliseconds(ring.time))
            heard.append(ring.time)
        }
        #expect(heard.sorted() == [1, 20, 40, 60])
    }

    @Test func whatIsCalledOffDoesNotRing() async {
        let alarms = Alarms()
        let (rings, rung) = AsyncStream.makeStream(of: String.self)
        let early = alarms.set(after: .milliseconds(1)) { rung.yield("early") }
        #expect(alarms.callOff(early) && !alarms.callOff(early))
        let late = alarms.set(after: .milliseconds(5)) { rung.yield("late") }
        for await ring in rings.prefix(1) { #expect(ring == "late") }
        #expect(!alarms.callOff(late))
    }

    /// However many there are and are called off, in whatever order.
    @Test func fewSleepsLookAfterAll() async throws {
        let alarms = Alarms()
        for round in 0..<2_000 {
            let long = alarms.set(after: .seconds(20)) {}
            let short = alarms.set(after: .milliseconds(round % 10)) {}
            alarms.callOff(long)
            alarms.callOff(short)
        }
        #expect(alarms.sleeps <= 12)
        try await eventually("nothing is left to look for but the latest") { alarms.sleeps <= 1 }
    }

    @Test func workIsEndedAtItsTime() async throws {
        #expect(try await withTimeLimit(.seconds(30)) { 7 } == 7)
        #expect(try await withTimeLimit(.milliseconds(1)) { try await Self.waitForEver() } == nil)
        struct Fault: Error {}
        await #expect(throws: Fault.self) { try await withTimeLimit(.seconds(30)) { throw Fault() } }
    }

    @Test func whoeverAskedMayGiveUp() async throws {
        let begun = WakeSignal()
        let work = Task {
            try await withTimeLimit(.seconds(60)) {
                begun.signal()
                try await Self.waitForEver()
            }
        }
        await begun.wait(upTo: .seconds(60))
        work.cancel()
        await #expect(throws: CancellationError.self) { try await work.value }
    }

    @Test func aSignalIsWaitedForUntilItsTime() async {
        let signal = WakeSignal()
        await signal.wait(upTo: .zero)
        signal.signal()
        await signal.wait(upTo: .seconds(60))
        let waiting = Task { await signal.wait(upTo: .seconds(60)) }
        waiting.cancel()
        await waiting.value
    }
}
