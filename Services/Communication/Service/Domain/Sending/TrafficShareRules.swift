import CommunicationAPI
import Core
import Resilience

/// How an entry of a channel has done lately.
struct ProviderStats: Sendable, Equatable {
    /// Calls within the circuit's window, and those of them that count against it.
    var calls = CallTotals()
    /// Receipts that came of late, and those of them that were late.
    var receipts = 0
    var lateReceipts = 0
}

/// Which part of a channel's messages each of its entries gets first.
///
/// Nothing is balanced while all is well: the primary gets everything. An entry that does worse than one behind it keeps the
/// share by which its quality compares, and the rest is shifted to the next. The shares follow from the sliding window alone.
enum TrafficShareRules {
    /// With fewer calls their failures say nothing.
    static let minimumCalls = 10
    /// So many calls may fail by chance, as a share.
    static let toleratedFailures = 0.1
    /// A receipt that took longer is late.
    static let lateAfter: Duration = .seconds(300)
    /// Receipts are known for so long.
    static let receiptWindow: Duration = .seconds(900)
    /// With fewer receipts their lateness says nothing.
    static let minimumReceipts = 10
    /// So many receipts are late on their recipients' account, as a share: telephones are switched off, too.
    static let toleratedLateness = 0.15
    /// The least that is left to whoever does worse, of what comes to it: its recovery could not be seen otherwise.
    static let floor = 0.1

    /// The part of each entry, 0 to 1; together 1, unless nobody is to be called.
    ///
    /// - Parameter records: in the order of the chain; `nil` for an entry whose circuit is not closed, which has no part.
    static func shares(_ records: [ProviderStats?]) -> [Double] {
        let qualities = records.map { $0.map(quality) }
        var left = 1.0
        return qualities.enumerated().map { place, own in
            guard let own else { return 0 }
            let best = qualities[place...].reduce(own) { max($0, $1 ?? 0) }
            let share = own < best ? left * max(floor, own / best) : left
            left -= share
            return share
        }
    }

    /// How much of what it is handed goes as it should, 0 to 1; 1 where too little is known.
    private static func quality(_ record: ProviderStats) -> Double {
        func good(_ bad: Int, of all: Int, atLeast minimum: Int, tolerated: Double) -> Double {
            guard all >= minimum else { return 1 }
            let share = Double(bad) / Double(all)
            return share > tolerated ? 1 - share : 1
        }
        let calls = record.calls
        return good(calls.failures, of: calls.calls, atLeast: minimumCalls, tolerated: toleratedFailures)
            * good(record.lateReceipts, of: record.receipts, atLeast: minimumReceipts, tolerated: toleratedLateness)
    }

    /// The place of the entry that a message is handed first: with the same shares always the same; `nil` if it is nobody's.
    static func place(of id: MessageID, among shares: [Double]) -> Int? {
        var point = point(of: id)
        for (place, share) in shares.enumerated() {
            if point < share { return place }
            point -= share
        }
        return shares.lastIndex { $0 > 0 }
    }

    /// A number from 0 to 1, spread evenly over messages and the same in each process (SplitMix64's last step).
    private static func point(of id: MessageID) -> Double {
        var bits = id.high ^ id.low
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        return Double(bits >> 11) / Double(1 << 53)
    }
}
