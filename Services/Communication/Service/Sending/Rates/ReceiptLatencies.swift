import Core
import Synchronization

/// How long delivery receipts took to come lately, by clinic and entry: a sliding window of the last few of each.
final class ReceiptLatencies: Sendable {
    /// Entries with receipts; a new one beyond them makes room by dropping those that have none any more, or any.
    static let capacity = 5_000
    /// Receipts of each entry.
    static let mostKept = 100

    /// What the receipts of an entry tell.
    struct Figures: Sendable, Equatable {
        var count = 0
        var late = 0
        /// Half of them took no longer; `nil` without any.
        var median: Duration?
    }

    private struct Receipt {
        let at: Instant
        let time: Duration
    }

    private let kept = Mutex<[CircuitKey: [Receipt]]>([:])
    private let now: @Sendable () -> Instant

    init(now: @escaping @Sendable () -> Instant = { .now() }) {
        self.now = now
    }

    /// Notes a receipt that has just come.
    ///
    /// - Parameter time: since the message was handed over.
    func note(_ key: CircuitKey, after time: Duration) {
        let receipt = Receipt(at: now(), time: time)
        kept.withLock { kept in
            if kept[key] == nil, kept.count >= Self.capacity {
                kept = kept.filter { $0.value.contains { Self.isOfLate($0, at: receipt.at) } }
                if kept.count >= Self.capacity, let any = kept.keys.first { kept[any] = nil }
            }
            kept[key, default: []].append(receipt)
            kept[key]?.removeAll { !Self.isOfLate($0, at: receipt.at) }
            if let count = kept[key]?.count, count > Self.mostKept { kept[key]?.removeFirst(count - Self.mostKept) }
        }
    }

    func figures(_ key: CircuitKey) -> Figures {
        let now = now()
        let times = kept.withLock { $0[key] ?? [] }.filter { Self.isOfLate($0, at: now) }.map(\.time).sorted()
        guard !times.isEmpty else { return Figures() }
        return Figures(
            count: times.count,
            late: times.count { $0 > TrafficShareRules.lateAfter },
            median: times[(times.count - 1) / 2]
        )
    }

    /// How many entries have receipts kept.
    var count: Int { kept.withLock { $0.count } }

    /// A clock set back leaves none of the future behind.
    private static func isOfLate(_ receipt: Receipt, at now: Instant) -> Bool {
        (Duration.zero..<TrafficShareRules.receiptWindow).contains(now - receipt.at)
    }
}
