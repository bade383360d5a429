/// When the plan of a prepared statement is to be made anew.
///
/// A plan is the one for the table as it was then: a young one looks the same whichever index is used. So it is made anew
/// after 16 uses, then after 64 more, 256 more and so on, and when it is old. Age alone puts nothing off: what is used now
/// and then, for months, keeps its number.
package struct PreparedPlanLifetime {
    package static let firstUses = 16
    /// How many times as often the next plan may be used.
    package static let growth = 4
    package static let lasts: Duration = .seconds(30)

    private var uses = 1
    private var most = firstUses
    private var madeAt: ContinuousClock.Instant

    /// A plan made for its first use.
    package init(at now: ContinuousClock.Instant) { madeAt = now }

    /// Counts a use; `true` when the plan is made anew for it.
    package mutating func use(at now: ContinuousClock.Instant) -> Bool {
        uses += 1
        let isUsedUp = uses > most
        guard isUsedUp || now - madeAt >= Self.lasts else { return false }
        if isUsedUp, most <= Int.max / Self.growth { most *= Self.growth }
        uses = 1
        madeAt = now
        return true
    }
}
