import CommunicationAPI
import Core
import Resilience
import Testing

@testable import Communication

/// Which part of a channel's messages each of its entries is handed first.
@Suite struct TrafficShareRulesTests {
    private static let well: ProviderStats? = ProviderStats(calls: CallTotals(calls: 100))
    private static let unknown: ProviderStats? = ProviderStats()
    private static let open: ProviderStats? = nil

    private static func failing(_ failures: Int, of calls: Int) -> ProviderStats? {
        ProviderStats(calls: CallTotals(calls: calls, failures: failures))
    }

    private static func late(_ late: Int, of receipts: Int, failing failures: Int = 0) -> ProviderStats? {
        ProviderStats(calls: CallTotals(calls: 20, failures: failures), receipts: receipts, lateReceipts: late)
    }

    @Test(
        arguments: [
            // Nobody is balanced: who is well, or not known to be otherwise, has all.
            ([well, well], [1, 0]), ([unknown, unknown], [1, 0]), ([well], [1]), ([well, failing(6, of: 12)], [1, 0]),
            // What few calls say, or a few failures of many, is chance.
            ([failing(8, of: 9), well], [1, 0]), ([failing(2, of: 20), well], [1, 0]),
            // Part of them goes by who fails.
            ([failing(5, of: 20), well], [0.75, 0.25]), ([failing(10, of: 20), unknown], [0.5, 0.5]),
            ([failing(20, of: 20)], [1]),
            // Never all, and nothing where those behind do no better.
            ([failing(20, of: 20), well], [0.1, 0.9]), ([failing(10, of: 20), failing(10, of: 20)], [1, 0]),
            ([failing(20, of: 20), failing(20, of: 20)], [1, 0]),
            ([failing(10, of: 20), failing(15, of: 20)], [1, 0]),
            ([failing(10, of: 20), failing(4, of: 20)], [0.625, 0.375]),
            // Each passes on of what comes to it.
            ([failing(10, of: 20), failing(5, of: 20), well], [0.5, 0.375, 0.125]),
            ([failing(10, of: 20), well, well], [0.5, 0.5, 0]),
            // Whose circuit is not closed has no part, and takes none.
            ([open, well], [0, 1]), ([open, failing(5, of: 20), well], [0, 0.75, 0.25]), ([open, open], [0, 0]),
            ([failing(5, of: 20), open], [1, 0]), ([failing(5, of: 20), open, well], [0.75, 0, 0.25]),
            // Receipts count where enough of them have come; some are late on their recipients' account.
            ([late(9, of: 9), well], [1, 0]), ([late(3, of: 20), well], [1, 0]),
            ([late(5, of: 20), well], [0.75, 0.25]),
            ([late(20, of: 20), well], [0.1, 0.9]), ([late(10, of: 20), late(10, of: 20)], [1, 0]),
            ([late(10, of: 20, failing: 10), well], [0.25, 0.75]),
        ] as [([ProviderStats?], [Double])]
    )
    func whatEachIsHanded(records: [ProviderStats?], wanted: [Double]) {
        let shares = TrafficShareRules.shares(records).map { ($0 * 1_000).rounded() / 1_000 }
        #expect(shares == wanted)
    }

    /// The part of a message's choice that other processes make, too.
    @Test func everyProcessChoosesTheSame() {
        let places = (1...8).map { TrafficShareRules.place(of: MessageID(high: $0, low: 0), among: [0.5, 0.5]) }
        #expect(places == [0, 1, 0, 1, 1, 1, 0, 1])
    }

    @Test func messagesAreSpreadByTheShares() {
        let ids = (0..<10_000).map { MessageID(high: $0, low: 1 << 63) }
        let places = ids.map { TrafficShareRules.place(of: $0, among: [0.7, 0, 0.3]) }
        #expect((6_800...7_200).contains(places.count { $0 == 0 }))
        #expect(places.count { $0 == 2 } == 10_000 - places.count { $0 == 0 })
        // Who has been handed some keeps them as its share grows.
        let more = ids.map { TrafficShareRules.place(of: $0, among: [0.8, 0, 0.2]) }
        #expect(zip(places, more).allSatisfy { $0 != 0 || $1 == 0 })
        #expect(ids.allSatisfy { TrafficShareRules.place(of: $0, among: [1, 0]) == 0 })
        #expect(ids.allSatisfy { TrafficShareRules.place(of: $0, among: [0, 0]) == nil })
    }
}
