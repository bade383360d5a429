import Core
import Resilience
import Testing

@Suite struct DoublingWaitTests {
    /// Seconds since the wait began.
    struct Look: Sendable, CustomTestStringConvertible {
        let now: Int64
        let next: Int64?
        var testDescription: String { "after \(now) s" }
    }

    private let wait = DoublingWait(first: .seconds(10), longest: .seconds(100))

    @Test(arguments: [
        // A clock that was set back.
        Look(now: -5, next: 5),
        Look(now: 0, next: 10), Look(now: 3, next: 13), Look(now: 10, next: 20), Look(now: 11, next: 22),
        Look(now: 40, next: 80), Look(now: 50, next: 100), Look(now: 51, next: 100), Look(now: 99, next: 100),
        Look(now: 100, next: nil), Look(now: 500, next: nil),
    ])
    func looksAgainAfterAsLongAgainUntilItIsOver(_ look: Look) {
        let start = Instant(seconds: 1_000)
        let next = wait.next(since: start, at: start + .seconds(look.now))
        #expect(next == look.next.map { start + .seconds($0) })
    }

    @Test func looksALastTimeAtItsEnd() {
        let start = Instant(seconds: 0)
        var looks: [Instant] = []
        var now = start
        while let next = wait.next(since: start, at: now) {
            looks.append(next)
            now = next
        }
        #expect(looks.map(\.seconds) == [10, 20, 40, 80, 100])
    }
}
