import Core
import Testing

@testable import Bus

/// What lies sealed inside an event.
@Suite struct EdgeSealTests {
    private static let ring: [(id: String, key: [UInt8])] = [
        ("k1", [UInt8](repeating: 1, count: 32)), ("k2", [UInt8](repeating: 2, count: 32)),
    ]
    private let place: [[UInt8]] = [[1], [2, 3]]

    private func seal(_ process: String, current: String = "k1", ring: [(id: String, key: [UInt8])] = ring) -> EdgeSeal
    {
        EdgeSeal(.notices, keys: EdgeKeys(ring: ring, currentID: current, process: process))
    }

    @Test func opensAtTheOtherEndOnly() throws {
        let sealed = try seal("access").seal([7, 8, 9], for: place)
        #expect(try seal("communication").open(sealed, for: place) == [7, 8, 9])
        for process in Edge.processes where process != "access" && process != "communication" {
            #expect(throws: EdgeSealError.foreignEdge) { try seal(process).open(sealed, for: place) }
        }
    }

    @Test func opensForItsOwnPlaceOnly() throws {
        let sealed = try seal("access").seal([7], for: place)
        let others: [[[UInt8]]] = [[], [[1]], [[1, 2], [3]], [[1], [2, 4]], [[1], [2, 3], []]]
        for other in others {
            #expect(throws: EdgeSealError.forged) { try seal("communication").open(sealed, for: other) }
        }
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: EdgeSealError.self) { try seal("communication").open(changed, for: place) }
        }
        for count in 0..<sealed.count {
            #expect(throws: EdgeSealError.self) {
                try seal("communication").open(Array(sealed.prefix(count)), for: place)
            }
        }
    }

    @Test func goesWithTheRing() throws {
        let former = try seal("access").seal([7], for: place)
        // Promoted: what is new is under the new key, what is under way still opens.
        let renewed = try seal("access", current: "k2").seal([7], for: place)
        #expect(try seal("communication", current: "k2").open(former, for: place) == [7])
        #expect(try seal("communication").open(renewed, for: place) == [7])
        // Retired, or not here yet: it waits and is nobody's fault.
        let without = seal("communication", current: "k2", ring: [Self.ring[1]])
        #expect(try without.open(renewed, for: place) == [7])
        #expect(throws: EdgeSealError.unknownKey("k1")) { try without.open(former, for: place) }
        #expect(EdgeSealError.unknownKey("k1").isTransient && !EdgeSealError.forged.isTransient)
    }
}
