import Core
import Testing

@Suite(.timeLimit(.minutes(1))) struct WakeSignalTests {
    private static let ages: Duration = .seconds(3_600)

    @Test func oneIsWokenOfThoseWhoWait() async {
        let signal = WakeSignal()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { await signal.wait(upTo: Self.ages) } }
            signal.signalOne()
            await group.next()
            // The other one waits until it is woken itself.
            signal.signalOne()
            await group.next()
        }
        #expect(signal.signals == 0)
    }

    @Test func whatNobodyHearsIsKeptForTheNext() async {
        let signal = WakeSignal()
        signal.signalOne()
        await signal.wait(upTo: Self.ages)
        signal.signal()
        await signal.wait(upTo: Self.ages)
        #expect(signal.signals == 1)
    }
}
