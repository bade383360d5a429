import Core

/// Whose message with large files is sent next: one at a time, and of clinics that ask at the same time each in its turn, however
/// many messages one of them has.
struct LargeFileTurns: Sendable {
    /// A clinic that has not asked for so long does not wait any more.
    let patience: Duration

    private struct Asker {
        var asked: Instant
        /// Which turn was its last; zero before the first.
        var last = 0
    }

    private var isTaken = false
    private var turns = 0
    private var askers: [ClinicID: Asker] = [:]

    init(patience: Duration) { self.patience = patience }

    /// Whether it is the clinic's turn; one that has it gives it back with `giveBack`.
    mutating func take(_ clinic: ClinicID, at now: Instant) -> Bool {
        askers = askers.filter { now - $0.value.asked <= patience }
        let own = askers[clinic]?.last ?? 0
        askers[clinic] = Asker(asked: now, last: own)
        // Whoever has waited through more turns goes first.
        guard !isTaken, !askers.values.contains(where: { $0.last < own }) else { return false }
        isTaken = true
        turns += 1
        askers[clinic]?.last = turns
        return true
    }

    mutating func giveBack() { isTaken = false }
}
