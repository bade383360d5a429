import Core

/// How many jobs of which lane and clinic this process may run: pure counting.
///
/// Each lane leaves room for the others, so that slow work of one never keeps all of another waiting; no clinic takes more
/// than its share.
struct JobSlots: Sendable {
    let total: Int
    let perClinic: Int
    private(set) var byLane: [JobLane: Int] = [:]
    private(set) var byClinic: [ClinicID: Int] = [:]

    init(total: Int, perClinic: Int) {
        self.total = max(total, 4)
        self.perClinic = max(perClinic, 1)
    }

    var running: Int { byLane.values.reduce(0, +) }

    /// The most that may run of a lane.
    func cap(_ lane: JobLane) -> Int {
        switch lane {
        case .critical: total - 2
        case .normal: total * 3 / 4
        case .bulk: total / 2
        }
    }

    /// How many more of a lane may start.
    func room(_ lane: JobLane) -> Int { max(0, min(cap(lane) - byLane[lane, default: 0], total - running)) }

    /// How many more of a clinic may start.
    func room(_ clinic: ClinicID) -> Int { max(0, perClinic - byClinic[clinic, default: 0]) }

    /// Clinics that may start none.
    var capped: [ClinicID] { byClinic.filter { $0.value >= perClinic }.map(\.key) }

    mutating func reserve(_ count: Int, _ lane: JobLane) { byLane[lane, default: 0] += count }
    mutating func giveBack(_ count: Int, _ lane: JobLane) { byLane[lane, default: 0] -= count }

    mutating func start(_ clinic: ClinicID, _ count: Int) { byClinic[clinic, default: 0] += count }

    mutating func giveBack(_ count: Int, _ clinic: ClinicID) {
        byClinic[clinic, default: 0] -= count
        if byClinic[clinic, default: 0] <= 0 { byClinic[clinic] = nil }
    }

    mutating func end(_ clinic: ClinicID, _ lane: JobLane) {
        giveBack(1, lane)
        giveBack(1, clinic)
    }
}
