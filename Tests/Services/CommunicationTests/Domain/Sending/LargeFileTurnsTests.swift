import Core
import Testing

@testable import Communication

@Suite struct LargeFileTurnsTests {
    private let start = Instant(seconds: 1_792_566_000)

    @Test func oneAtATime() {
        var turns = LargeFileTurns(patience: .seconds(2))
        func take(_ clinic: ClinicID, at now: Instant) -> Bool { turns.take(clinic, at: now) }
        let (first, second) = (ClinicID(), ClinicID())
        #expect(take(first, at: start))
        #expect(!take(second, at: start))
        #expect(!take(first, at: start))
        turns.giveBack()
        #expect(take(second, at: start))
    }

    /// A thousand messages of one clinic ask, and one of another: it has the second turn.
    @Test func aFloodLeavesTheOthersTheirTurn() {
        var turns = LargeFileTurns(patience: .seconds(2))
        func take(_ clinic: ClinicID, at now: Instant) -> Bool { turns.take(clinic, at: now) }
        let (flood, other) = (ClinicID(), ClinicID())
        #expect(take(flood, at: start))
        #expect(!take(other, at: start))
        turns.giveBack()
        for _ in 0..<1_000 { #expect(!take(flood, at: start + .seconds(1))) }
        #expect(take(other, at: start + .seconds(1)))
        turns.giveBack()
        #expect(take(flood, at: start + .seconds(1)))
    }

    /// Who asked and came no more is not waited for.
    @Test func whoHasGoneIsNotWaitedFor() {
        var turns = LargeFileTurns(patience: .seconds(2))
        func take(_ clinic: ClinicID, at now: Instant) -> Bool { turns.take(clinic, at: now) }
        let (stays, gone) = (ClinicID(), ClinicID())
        #expect(take(stays, at: start))
        #expect(!take(gone, at: start))
        turns.giveBack()
        #expect(!take(stays, at: start + .seconds(2)))
        #expect(take(stays, at: start + .seconds(3)))
    }
}
