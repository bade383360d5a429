import Core

/// Which requests are at work and which wait, by clinic: pure counting.
///
/// A clinic's requests have their turns in the order of coming, and waiting clinics theirs one after the other; one that holds
/// more than the others leave lets them pass.
struct ClinicQueue<Waiting: Sendable>: Sendable {
    private var work: ClinicShares
    /// In bytes.
    private var room: ClinicShares
    private var waiting: [ClinicID?: [(waiting: Waiting, bytes: Int)]] = [:]
    /// Clinics that wait, the next one first.
    private var turns: [ClinicID?] = []

    /// - Parameters:
    ///   - slots: requests at work at once of a clinic that is alone; see `ClinicShares`.
    ///   - room: bytes of its requests that wait.
    init(slots: Int, room: Int) {
        work = ClinicShares(alone: slots)
        self.room = ClinicShares(alone: room)
    }

    /// Begins a request; false where it has to wait.
    mutating func begin(_ clinic: ClinicID?) -> Bool { work.take(for: clinic) }

    /// Has a request wait that could not begin; false where no more of its clinic's may.
    mutating func wait(_ request: Waiting, bytes: Int, of clinic: ClinicID?) -> Bool {
        guard room.take(bytes, for: clinic) else { return false }
        if waiting[clinic] == nil { turns.append(clinic) }
        waiting[clinic, default: []].append((request, bytes))
        return true
    }

    /// Ends a request, and gives those that have begun with it.
    mutating func end(_ clinic: ClinicID?) -> [Waiting] {
        work.giveBack(of: clinic)
        var begun: [Waiting] = []
        while let place = turns.firstIndex(where: { work.hasRoom(for: $0) }) {
            let next = turns.remove(at: place)
            guard work.take(for: next), let first = waiting[next]?.removeFirst() else { continue }
            room.giveBack(first.bytes, of: next)
            begun.append(first.waiting)
            if waiting[next]?.isEmpty == true { waiting[next] = nil } else { turns.append(next) }
        }
        return begun
    }
}
