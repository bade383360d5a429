import Core

/// How a bounded number of places is shared among clinics: a clinic takes another while it holds fewer than are free.
///
/// Alone it so has half of them at most, a second one beside it half of the rest, each that comes later half of what is left then.
/// With others beside it, it gets no more until it holds less than they leave. Requests without a clinic count as one of them.
struct ClinicShares: Sendable {
    private var free: Int
    private var held: [ClinicID?: Int] = [:]

    /// - Parameter alone: places that one clinic has where nobody else has any; in all there are twice as many.
    init(alone: Int) { free = 2 * alone }

    /// Whether a clinic may have so many more places.
    func hasRoom(_ count: Int = 1, for clinic: ClinicID?) -> Bool { held[clinic, default: 0] + count <= free }

    /// Takes places for a clinic; false, and nothing is taken, where it may not have them.
    mutating func take(_ count: Int = 1, for clinic: ClinicID?) -> Bool {
        let share = held[clinic, default: 0] + count
        guard share <= free else { return false }
        held[clinic] = share
        free -= count
        return true
    }

    /// Gives back what was taken.
    mutating func giveBack(_ count: Int = 1, of clinic: ClinicID?) {
        let rest = held[clinic, default: 0] - count
        held[clinic] = rest > 0 ? rest : nil
        free += count
    }
}
