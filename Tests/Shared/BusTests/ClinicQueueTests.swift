import Core
import Testing

@testable import Bus

@Suite struct ClinicQueueTests {
    private let one = ClinicID()
    private let two = ClinicID()
    private let three = ClinicID()

    /// Requests as the server has them begin and end, named.
    private struct Desk {
        var queue: ClinicQueue<String>

        /// Gives those of a clinic's that begin; the others wait.
        mutating func ask(_ clinic: ClinicID, _ names: String...) -> [String] {
            names.filter { name in
                if queue.begin(clinic) { return true }
                let waits = queue.wait(name, bytes: 1, of: clinic)
                #expect(waits, "\(name)")
                return false
            }
        }

        /// Ends one request of each clinic, one after the other, and gives those that each lets begin.
        mutating func end(_ clinics: ClinicID...) -> [[String]] { clinics.map { queue.end($0) } }
    }

    @Test func aClinicsRequestsHaveTheirTurnsInOrder() {
        var desk = Desk(queue: ClinicQueue(slots: 2, room: 100))
        let atOnce = desk.ask(one, "a", "b", "c", "d", "e")
        #expect(atOnce == ["a", "b"])
        let later = desk.end(one, one, one, one, one)
        #expect(later == [["c"], ["d"], ["e"], [], []])
    }

    @Test func whoHoldsMoreLetsTheOthersPass() {
        var desk = Desk(queue: ClinicQueue(slots: 4, room: 100))
        let first = desk.ask(one, "a1", "a2", "a3", "a4", "a5", "a6")
        let second = desk.ask(two, "b1", "b2", "b3", "b4")
        let third = desk.ask(three, "c1", "c2")
        #expect(first == ["a1", "a2", "a3", "a4"] && second == ["b1", "b2"] && third == ["c1"])
        // The first has waited longest and holds most: it has its turn when the others leave more than it holds.
        let later = desk.end(one, one, one, one, two, three)
        #expect(later == [["c2"], [], ["a5"], ["b3", "a6"], [], ["b4"]])
    }

    @Test func noClinicFillsTheRoom() {
        var queue = ClinicQueue<String>(slots: 1, room: 10)
        func asks(_ clinic: ClinicID, _ bytes: Int...) -> [Bool] {
            bytes.map { queue.begin(clinic) || queue.wait("\($0)", bytes: $0, of: clinic) }
        }
        #expect(asks(one, 1, 8, 5) == [true, true, false])
        #expect(asks(two, 1, 13, 6) == [true, false, true])
        // Who was refused is not waited for, and who has begun leaves its room.
        let next = queue.end(one)
        #expect(next == ["8"])
        #expect(asks(one, 7) == [true])
        let last = queue.end(two)
        #expect(last == ["6"])
    }
}
