import Core

/// Successes and failures of the last while, in slices of equal length.
struct CallWindow: Sendable, Equatable {
    private struct Slice: Sendable, Equatable {
        var number: Int64
        var successes = 0
        var failures = 0
    }

    private static let slices: Int64 = 6

    private let sliceLength: Int64
    private var kept: [Slice] = []

    init(length: Duration) { sliceLength = max(1, length.microseconds / Self.slices) }

    mutating func record(failure: Bool, at now: Instant) {
        let number = now.microseconds.flooredDivision(by: sliceLength)
        drop(before: number)
        if kept.last?.number != number { kept.append(Slice(number: number)) }
        if failure { kept[kept.count - 1].failures += 1 } else { kept[kept.count - 1].successes += 1 }
    }

    /// What lies within the window that ends now.
    func totals(at now: Instant) -> (calls: Int, failures: Int) {
        let oldest = now.microseconds.flooredDivision(by: sliceLength) - Self.slices
        return kept.reduce(into: (0, 0)) { sum, slice in
            guard slice.number > oldest else { return }
            sum.0 += slice.successes + slice.failures
            sum.1 += slice.failures
        }
    }

    private mutating func drop(before number: Int64) {
        // A clock set back would leave slices of the future behind, and they would count for ever.
        kept.removeAll { $0.number <= number - Self.slices || $0.number > number }
    }
}
