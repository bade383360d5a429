import Core

/// Calls of a while, and how many of them failed.
package struct CallTotals: Sendable, Equatable {
    package var calls: Int
    package var failures: Int

    package init(calls: Int = 0, failures: Int = 0) {
        self.calls = calls
        self.failures = failures
    }
}

/// Successes and failures of the last while, in slices of equal length.
struct CallWindow: Sendable, Equatable {
    private struct Slice: Sendable, Equatable {
        var number: Int64
        var successes = 0
        var failures = 0
        /// Who failed, no more of them than matter.
        var sources: Set<UInt64> = []
    }

    private static let slices: Int64 = 6

    private let sliceLength: Int64
    private let sourcesMax: Int
    private var kept: [Slice] = []

    /// - Parameter sourcesMax: how many different sources of failures are told apart.
    init(length: Duration, sourcesMax: Int = 1) {
        sliceLength = max(1, length.microseconds / Self.slices)
        self.sourcesMax = sourcesMax
    }

    mutating func record(failure: Bool, from source: UInt64 = 0, at now: Instant) {
        let number = now.microseconds.flooredDivision(by: sliceLength)
        drop(before: number)
        if kept.last?.number != number { kept.append(Slice(number: number)) }
        guard failure else { return kept[kept.count - 1].successes += 1 }
        kept[kept.count - 1].failures += 1
        if kept[kept.count - 1].sources.count < sourcesMax { kept[kept.count - 1].sources.insert(source) }
    }

    /// What lies within the window that ends now.
    func totals(at now: Instant) -> CallTotals {
        slices(at: now).reduce(into: CallTotals()) { sum, slice in
            sum.calls += slice.successes + slice.failures
            sum.failures += slice.failures
        }
    }

    /// How many different sources the failures within the window have, exact up to the most that are told apart.
    func failingSources(at now: Instant) -> Int {
        slices(at: now).reduce(into: Set()) { $0.formUnion($1.sources) }.count
    }

    private func slices(at now: Instant) -> [Slice] {
        let oldest = now.microseconds.flooredDivision(by: sliceLength) - Self.slices
        return kept.filter { $0.number > oldest }
    }

    private mutating func drop(before number: Int64) {
        // A clock set back would leave slices of the future behind, and they would count for ever.
        kept.removeAll { $0.number <= number - Self.slices || $0.number > number }
    }
}
