import Core
import Testing

@testable import Bus

@Suite struct ClinicSharesTests {
    /// What clinics have that come one after the other and take all they may.
    @Test(arguments: [
        (1, [1, 1, 0]), (4, [4, 2, 1, 1, 0]), (8, [8, 4, 2, 1, 1, 0]), (64, [64, 32, 16, 8, 4, 2, 1, 1, 0]),
        (6, [6, 3, 2, 1, 0]),
    ])
    func whoComesFindsHalfOfTheRest(alone: Int, had: [Int]) {
        var shares = ClinicShares(alone: alone)
        let found = had.map { _ in
            let clinic = ClinicID()
            var count = 0
            while shares.take(for: clinic) { count += 1 }
            return count
        }
        #expect(found == had)
    }

    @Test func whoHoldsMoreThanTheOthersLeaveGetsNoMore() {
        var shares = ClinicShares(alone: 4)
        let (one, other) = (ClinicID(), ClinicID())
        func takes(_ clinics: ClinicID...) -> [Bool] { clinics.map { shares.take(for: $0) } }
        #expect(takes(one, one, one, one, one) == [true, true, true, true, false])
        #expect(takes(other, other, other) == [true, true, false])
        // Two are free: what the first gives back is the other's until both have the same.
        shares.giveBack(of: one)
        #expect(!shares.hasRoom(for: one))
        #expect(takes(one, other, other) == [false, true, false])
        shares.giveBack(of: one)
        #expect(takes(one, one, other) == [true, false, false])
        for _ in 0..<3 { shares.giveBack(of: other) }
        #expect(takes(one, one) == [true, false])
    }

    @Test func manyPlacesAreTakenTogetherOrNotAtAll() {
        var shares = ClinicShares(alone: 50)
        let clinic = ClinicID()
        func takes(_ counts: Int..., by clinic: ClinicID?) -> [Bool] { counts.map { shares.take($0, for: clinic) } }
        #expect(takes(101, 40, 21, 20, by: clinic) == [false, true, false, true])
        // Requests without a clinic have a share like one.
        #expect(takes(25, 1, by: nil) == [true, false])
        shares.giveBack(60, of: clinic)
        #expect(takes(25, 1, by: nil) == [true, false])
    }
}
