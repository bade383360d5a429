import Core
import Testing

@Suite struct FaultsTests {
    private struct Outage: Error {}

    @Test func allAreToldAtOnce() throws {
        var faults = Faults([.init(pointer: "/a", "is wrong")])
        let right = try faults.collect { 7 }
        let wrong = try faults.collect { () throws -> Int in throw Problem.invalid("/b", "is wrong too") }
        #expect(right == 7 && wrong == nil)
        faults.add([.init(pointer: "/c", "is no code")], code: "other_code")
        // A member of the request that is wrong goes before what is in its way.
        try faults.collect { throw Problem.conflict("taken", "It is taken.") }
        #expect(faults.problem.status == 422 && faults.problem.code == "other_code")
        #expect(faults.problem.errors.map(\.pointer) == ["/a", "/b", "/c"])
        #expect(throws: Problem.self) { try faults.check() }
    }

    @Test func withoutAFaultTheFirstRefusalIsTold() throws {
        var faults = Faults()
        #expect(faults.isEmpty)
        try faults.check()
        try faults.collect { throw Problem.conflict("taken", "It is taken.") }
        try faults.collect { throw Problem.gone("over", "It is over.") }
        #expect(!faults.isEmpty && faults.problem.code == "taken")
    }

    @Test func whatIsNotTheRequestsFaultGoesOn() {
        var faults = Faults()
        #expect(throws: Outage.self) { try faults.collect { throw Outage() } }
        #expect(throws: Problem.unavailable("It")) { try faults.collect { throw Problem.unavailable("It") } }
        #expect(faults.isEmpty)
    }

    @Test func noMoreAreToldThanAReplyHolds() {
        let many = (0...Problem.mostErrors).map { Problem.Fault(pointer: "/\($0)", "is wrong") }
        #expect(Faults(many).problem.errors.count == Problem.mostErrors)
    }
}
