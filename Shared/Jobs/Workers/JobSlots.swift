import Core

/// How many jobs of which lane and clinic this process may run: pure counting.
///
/// Each lane leaves room for the others, in the process as in every clinic's share of it, and all that is not critical
/// together leaves room for what is: a campaign must not keep a one-time code waiting. No clinic takes more than its share,
/// which is smaller while others have work too: what one clinic runs at once keeps the processors busy, and every step of the
/// others' jobs waits for them.
struct JobSlots: Sendable {
    /// Two clinics whose jobs come within so long have work beside each other, and are taken to have some for as long.
    static let company: Duration = .seconds(1)

    let total: Int
    let perClinic: Int
    /// The same while others have work.
    let besideOthers: Int
    /// With less room than that, and something running, no more work is fetched: a turn costs the same for one job as for many.
    let worthwhile: Int
    private var byLane: [JobLane: Int] = [:]
    private var byClinic: [ClinicID: [JobLane: Int]] = [:]
    private var latest: (clinic: ClinicID, at: ContinuousClock.Instant)?
    private var mixedAt: ContinuousClock.Instant?
    /// The most for one clinic now.
    private var share: Int

    /// - Parameter besideOthers: as `perClinic` when `nil`.
    init(total: Int, perClinic: Int, besideOthers: Int? = nil, worthwhile: Int = 1) {
        self.total = max(total, 4)
        self.perClinic = max(perClinic, 1)
        self.besideOthers = max(besideOthers ?? perClinic, 1)
        share = self.perClinic
        self.worthwhile = max(worthwhile, 1)
    }

    var running: Int { byLane.values.reduce(0, +) }

    /// The part of `places` that jobs of a lane may take.
    private static func cap(_ lane: JobLane, of places: Int) -> Int {
        switch lane {
        case .critical: places
        // One is left to what is in bulk.
        case .normal: max(1, unhurried(of: places) - 1)
        case .bulk: max(1, places / 2)
        }
    }

    /// The part of `places` that jobs of all lanes but the critical one may take together.
    private static func unhurried(of places: Int) -> Int { max(min(places, 2), places * 3 / 4) }

    /// How many more of a lane may start where so many are running in `places`; negative where too many are.
    private static func room(_ lane: JobLane, beside running: [JobLane: Int], of places: Int) -> Int {
        let all = running.values.reduce(0, +)
        guard lane != .critical else { return places - all }
        let unhurried = unhurried(of: places) - (all - running[.critical, default: 0])
        return min(cap(lane, of: places) - running[lane, default: 0], unhurried, places - all)
    }

    /// How many more of a lane may start.
    func room(_ lane: JobLane) -> Int {
        let room = Self.room(lane, beside: byLane, of: total)
        // Two are left to whoever is not critical.
        return max(0, lane == .critical ? min(total - 2 - byLane[.critical, default: 0], room) : room)
    }

    /// How many more of a clinic's lane may start.
    func room(_ clinic: ClinicID, _ lane: JobLane) -> Int {
        let running = byClinic[clinic, default: [:]]
        let room = Self.room(lane, beside: running, of: share)
        guard lane == .critical else { return max(0, room) }
        // When others come the share is full of what was begun before: what is urgent has its part while that runs on.
        let kept = max(1, share / 4) - running[.critical, default: 0]
        return max(0, room, min(kept, perClinic - running.values.reduce(0, +)))
    }

    /// Whether fetching work of a lane is worth a turn.
    func isWorthwhile(_ lane: JobLane) -> Bool {
        room(lane) >= least(lane, Self.cap(lane, of: total)) || byLane[lane, default: 0] == 0 && room(lane) > 0
    }

    /// Clinics that a lane's turn is not worth while for.
    func capped(_ lane: JobLane) -> [ClinicID] { byClinic.keys.filter { !isWorthwhile($0, lane) } }

    private func isWorthwhile(_ clinic: ClinicID, _ lane: JobLane) -> Bool {
        let room = room(clinic, lane)
        return room >= least(lane, Self.cap(lane, of: share)) || byClinic[clinic]?[lane] == nil && room > 0
    }

    /// What is urgent is fetched one by one.
    private func least(_ lane: JobLane, _ cap: Int) -> Int {
        lane == .critical ? 1 : max(1, min(worthwhile, cap / 4))
    }

    /// Notes that a clinic had work.
    mutating func found(_ clinic: ClinicID, at now: ContinuousClock.Instant) {
        if let latest, latest.clinic != clinic, now - latest.at < Self.company { mixedAt = now }
        latest = (clinic, now)
        look(at: now)
    }

    /// Sees whether several clinics have work now.
    mutating func look(at now: ContinuousClock.Instant) {
        share = mixedAt.map { now - $0 < Self.company } ?? false ? besideOthers : perClinic
    }

    mutating func reserve(_ count: Int, _ lane: JobLane) { byLane[lane, default: 0] += count }
    mutating func giveBack(_ count: Int, _ lane: JobLane) { byLane[lane, default: 0] -= count }

    mutating func start(_ clinic: ClinicID, _ lane: JobLane, _ count: Int) {
        guard count > 0 else { return }
        byClinic[clinic, default: [:]][lane, default: 0] += count
    }

    mutating func giveBack(_ count: Int, _ clinic: ClinicID, _ lane: JobLane) {
        guard count > 0, let running = byClinic[clinic]?[lane] else { return }
        byClinic[clinic]?[lane] = running > count ? running - count : nil
        if byClinic[clinic]?.isEmpty == true { byClinic[clinic] = nil }
    }

    /// A job is over; `true` when a turn is worth while that was not before.
    mutating func end(_ clinic: ClinicID, _ lane: JobLane) -> Bool {
        let before = JobLane.allCases.map { isWorthwhile($0) && isWorthwhile(clinic, $0) }
        giveBack(1, lane)
        giveBack(1, clinic, lane)
        let after = JobLane.allCases.map { isWorthwhile($0) && isWorthwhile(clinic, $0) }
        return zip(before, after).contains { !$0 && $1 }
    }
}
