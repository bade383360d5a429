package import Core
import Synchronization

/// Numbers for rows that are only ever inserted, so that whoever collects them elsewhere can tell whether one is missing.
///
/// A series belongs to a connection, where one transaction follows the other: what is rolled back takes no number, so the
/// numbers of a series are 1, 2, 3 … without a gap. It ends with its connection.
struct RowSeries {
    /// A series that was quiet for longer is ended, so that its collector may forget it.
    static let restsAtMost: Duration = .seconds(24 * 3600)

    private(set) var id = SeriesID()
    /// The number of the last committed row.
    private(set) var committed: Int64 = 0
    private var usedAt: ContinuousClock.Instant?

    /// Begins anew after a long rest; to be asked before a transaction takes its first number.
    mutating func wake(at now: ContinuousClock.Instant) {
        if let usedAt, now - usedAt > Self.restsAtMost { self = RowSeries() }
        usedAt = now
    }

    mutating func commit(_ count: Int64) { committed += count }
}

/// Numbers that a transaction has taken; they are used up only if it commits.
package struct RowNumbers: Hashable, Sendable {
    package let series: SeriesID
    package let numbers: ClosedRange<Int64>
}

/// How far every series of this process has come, for those who are to notice when the end of one is missing.
package final class SeriesHeads: Sendable {
    private let heads = Mutex<[SeriesID: Int64]>([:])

    func note(_ series: RowSeries) { heads.withLock { $0[series.id] = series.committed } }

    /// What has changed since the last time, as the number of each series' last committed row.
    package func take() -> [SeriesID: Int64] {
        heads.withLock { heads in
            defer { heads = [:] }
            return heads
        }
    }

    /// Gives back what could not be told.
    package func putBack(_ untold: [SeriesID: Int64]) {
        heads.withLock { $0.merge(untold, uniquingKeysWith: max) }
    }
}
