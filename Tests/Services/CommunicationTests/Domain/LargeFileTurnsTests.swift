import Core
import Testing

@testable import Communication

@Suite struct LargeFileTurnsTests {
    private let start = Instant(seconds: 1_792_566_000)

    @Test func oneAtATime() {
        var turns = LargeFileTurns(patience: .seconds(2))
        let (first, second) = (ClinicID(), ClinicID())
        #expect(turns.take(first, at: start))
        #expect(!turns.take(second, at: start))
        #expect(!turns.take(first, at: start))
        turns.giveBack()
        #expect(turns.take(second, at: start))
    }

    /// A thousand messages of one clinic ask, and one of another: it has the second turn.
    @Test func aFloodLeavesTheOthersTheirTurn() {
        var turns = LargeFileTurns(patience: .seconds(2))
        let (flood, other) = (ClinicID(), ClinicID())
        #expect(turns.take(flood, at: start))
        #expect(!turns.take(other, at: start))
        turns.giveBack()
        for _ in 0..<1_000 { #expect(!turns.take(flood, at: start + .seconds(1))) }
        #expect(turns.take(other, at: start + .seconds(1)))
        turns.giveBack()
        #expect(turns.take(flood, at: start + .seconds(1)))
    }

    /// Who asked and came no more is not waited for.
    @Test func whoHasGoneIsNotWaitedFor() {
        var turns = LargeFileTurns(patience: .seconds(2))
        let (stays, gone) = (ClinicID(), ClinicID())
        #expect(turns.take(stays, at: start))
        #expect(!turns.take(gone, at: start))
        turns.giveBack()
        #expect(!turns.take(stays, at: start + .seconds(2)))
        #expect(turns.take(stays, at: start + .seconds(3)))
    }
}
