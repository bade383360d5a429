import Core
import Logging
import Postgres
import Resilience
import Synchronization

extension JobWorkers {
    /// What a clinic's turn gave.
    struct Turn {
        var jobs: [(ClaimedJob, JobLease)] = []
        var foundWork = false
        var failed = false
        /// Those who may be given no more for now, where nobody beside them has work.
        var nobodyBeside: Set<ClinicID>?
        /// Nobody has work, whether or not they may be given more.
        var isNobodyAwake = false
    }

    private struct Claim: Sendable {
        var clinic: ClinicID?
        /// How many could have been claimed: the clinic's own share counts too.
        var limit = 0
        var jobs: [ClaimedJob] = []
    }

    /// Looks who has got work and whose time has come; `nil` where the database does not say.
    func lookAround() async -> JobOutlook? {
        await handBackUnanswered()
        let heard = signal.signals
        do {
            let rows = try await database.through(.relay, operation: "jobs.look") { tx in
                tx.execute(JobRows.byIndex)
                tx.execute(JobLanes.fold)
                tx.execute(JobLanes.rouse)
                return try tx.last(JobLanes.outlook).map { row in
                    (lane: try row[0] as Int?, milliseconds: try row[1] as Int64?)
                }
            }
            let awake = Set(rows.compactMap { $0.lane.flatMap { JobLane(rawValue: $0) } })
            // Where somebody has work, a turn tells whether it can be done.
            for lane in JobLane.allCases where !awake.contains(lane) { worked(lane) }
            return JobOutlook(
                awake: awake,
                untilNext: rows.compactMap(\.milliseconds).first.map { .milliseconds($0) },
                at: .now,
                heard: heard
            )
        } catch {
            failed(.critical, error)
            return nil
        }
    }

    /// Gives one clinic its turn: leased jobs are claimed, transactional ones are done at once.
    ///
    /// - Parameter others: beside whom nobody has work: where nobody else may be given some, nobody is asked.
    func takeTurn(_ lane: JobLane, unless others: Set<ClinicID>? = nil) async -> Turn {
        let (room, capped, passedOver) = state.withLock { state in
            let now = ContinuousClock.now
            state.slots.look(at: now)
            let isWorthwhile = !leased.isEmpty && state.slots.isWorthwhile(lane)
            let room = isWorthwhile ? min(state.slots.room(lane), policy.turn) : 0
            state.slots.reserve(room, lane)
            let capped = state.slots.capped(lane)
            // Transactional jobs take no places: whoever is capped is asked for them now and then.
            let passedOver = capped.filter { clinic in
                let since = state.withoutBatch[JobPlace(clinic: clinic, lane: lane)]
                return batched.isEmpty || since.map { now - $0 < Self.cappedBatchPause } ?? false
            }
            return (room, capped, passedOver)
        }
        let share = ClinicShare(self, lane)
        var reserved = room
        defer {
            share.settle(used: 0)
            state.withLock { $0.slots.giveBack(reserved, lane) }
        }
        if room == 0 && batched.isEmpty || others?.isSubset(of: passedOver) == true { return Turn() }
        var jobs: [(ClaimedJob, JobLease)] = []
        do {
            let since = ContinuousClock.now
            let token = JobID()
            let claim = try await claim(lane, room: room, except: passedOver, token: token, share)
            guard let clinic = claim.clinic else {
                worked(lane)
                return passedOver.isEmpty ? Turn(isNobodyAwake: true) : Turn(nobodyBeside: Set(passedOver))
            }
            let used = claim.jobs.count
            // Before the batch, which takes its time and none of the room.
            share.settle(used: used)
            state.withLock { $0.slots.giveBack(room - used, lane) }
            reserved = 0
            let place = JobPlace(clinic: clinic, lane: lane)
            if used > 0, used == claim.limit, let oldest = claim.jobs.map(\.dueAt).min() {
                raiseFloor(JobSearch(place: place, kind: .leased), to: oldest)
            }
            jobs = hold(claim.jobs, token: token, since: since)
            let hasMore = used > 0 && used == claim.limit
            let done = isBatchWorthwhile(place, hasMore: hasMore) ? await runBatch(place) : 0
            let isCapped = capped.contains(clinic)
            // Noted even where the search has failed: it is the others' turn.
            if isCapped, done == 0 { searched(place, found: 0) }
            let isExhausted = (leased.isEmpty || used < claim.limit) && done < policy.batch
            let sleeps = isExhausted ? try await putToSleep(place) : false
            worked(lane)
            // Whoever was woken for somebody else's freed room goes on to them.
            return Turn(jobs: jobs, foundWork: used + done > 0 || sleeps || isCapped)
        } catch {
            failed(lane, error)
            // What is claimed by now is held here and must be run, whatever failed after it.
            return Turn(jobs: jobs, foundWork: !jobs.isEmpty, failed: true)
        }
    }

    /// Whether a clinic's lane is to be searched for transactional jobs: the search passes all its other jobs that are due, and is
    /// left out for a moment where it has just found none and the others have more to do anyway.
    func isBatchWorthwhile(_ place: JobPlace, hasMore: Bool, at now: ContinuousClock.Instant = .now) -> Bool {
        guard !batched.isEmpty else { return false }
        guard hasMore, place.lane != .critical else { return true }
        return state.withLock { $0.withoutBatch[place] }.map { now - $0 >= Self.batchPause } ?? true
    }

    /// Notes what the search for transactional jobs has found.
    func searched(_ place: JobPlace, found: Int, at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            if state.withoutBatch.count >= Self.floorsMax { state.withoutBatch = [:] }
            state.withoutBatch[place] = found == 0 ? now : nil
        }
    }

    static var batchPause: Duration { .milliseconds(50) }
    /// For a turn that is given for them alone.
    static var cappedBatchPause: Duration { .milliseconds(250) }

    /// Said once for an outage, however many turns of whichever lanes fail.
    private func failed(_ lane: JobLane, _ error: any Error) {
        guard !isStopping, outage.failed(lane) else { return }
        logger.warning("a turn of jobs failed", metadata: ["lane": "\(lane.name)", "error": "\(kind(of: error))"])
    }

    private func worked(_ lane: JobLane) {
        if outage.worked(lane) { logger.notice("jobs are done again", metadata: ["lane": "\(lane.name)"]) }
    }

    /// A clinic's part of what may run, taken once it is known whose turn it is: two loops must not both take it all.
    private final class ClinicShare: Sendable {
        private let workers: JobWorkers
        private let lane: JobLane
        private let taken = Mutex<(clinic: ClinicID, count: Int)?>(nil)

        init(_ workers: JobWorkers, _ lane: JobLane) {
            self.workers = workers
            self.lane = lane
        }

        /// Whose turn it is, as soon as that is known.
        var clinic: ClinicID? { taken.withLock { $0?.clinic } }

        /// On the connection's thread; a body that runs again takes anew.
        func take(_ clinic: ClinicID, atMost room: Int) -> Int {
            settle(used: 0)
            let count = workers.state.withLock { state in
                let count = min(room, state.slots.room(clinic, lane))
                state.slots.start(clinic, lane, count)
                return count
            }
            taken.withLock { $0 = (clinic, count) }
            return count
        }

        /// Gives back what was taken beyond `used`.
        func settle(used: Int) {
            let taken = taken.withLock { taken in
                defer { taken = nil }
                return taken
            }
            guard let taken else { return }
            workers.state.withLock { $0.slots.giveBack(taken.count - used, taken.clinic, lane) }
        }
    }

    private func claim(
        _ lane: JobLane,
        room: Int,
        except capped: [ClinicID],
        token: JobID,
        _ share: ClinicShare
    ) async throws -> Claim {
        let handlers = Array(leased.keys)
        let leases = leased.mapValues(\.lease)
        do {
            return try await database.through(.relay, operation: "jobs.claim") { tx in
                tx.execute(JobRows.byIndex)
                guard let row = try tx.rows(JobLanes.turn(lane, except: capped)).first else { return Claim() }
                let clinic: ClinicID = try row[0]
                let limit = share.take(clinic, atMost: room)
                guard limit > 0 else { return Claim(clinic: clinic) }
                let floor = self.floor(JobSearch(place: JobPlace(clinic: clinic, lane: lane), kind: .leased))
                let rows = try tx.last(
                    JobRows.claim(
                        clinic,
                        lane,
                        handlers: handlers,
                        lease: token,
                        until: leases,
                        limit: limit,
                        from: floor
                    )
                )
                return Claim(
                    clinic: clinic,
                    limit: limit,
                    jobs: try rows.map { try ClaimedJob($0, clinic: clinic, lane: lane) }
                )
            }
        } catch let error as DatabaseError where error.code == .commitUnknown {
            if let clinic = share.clinic {
                let claim = UnansweredClaim(place: JobPlace(clinic: clinic, lane: lane), lease: token)
                state.withLock { $0.unanswered.append(claim) }
            }
            throw error
        }
    }

    private func hold(_ jobs: [ClaimedJob], token: JobID, since: ContinuousClock.Instant) -> [(ClaimedJob, JobLease)] {
        jobs.map { job in
            let lease = JobLease(token: token, duration: leased[job.handler]?.lease ?? .seconds(60), since: since)
            state.withLock { state in
                state.held[ObjectIdentifier(lease)] = (job, lease)
                state.slots.found(job.clinic, at: since)
            }
            return (job, lease)
        }
    }

    /// Nothing was left: the clinic sleeps until its next job is due.
    ///
    /// If somebody adds jobs just now it stays awake.
    ///
    /// - Returns: whether it sleeps.
    private func putToSleep(_ place: JobPlace) async throws -> Bool {
        state.withLock { state in
            for kind in JobSearch.Kind.allCases { state.floors[JobSearch(place: place, kind: kind)] = nil }
        }
        return try await database.through(.relay, operation: "jobs.sleep") { tx in
            tx.execute(JobRows.byIndex)
            let alone = try tx.rows(JobLanes.holdAlone(place.clinic, place.lane))
            guard let row = alone.first, try row[0] as Bool else { return false }
            for query in JobLanes.sleep(place.clinic, place.lane) { tx.execute(query) }
            return true
        }
    }

    /// Notes from where a busy clinic's lane has to be searched: dead rows before it need not be looked through again.
    ///
    /// A job may become visible with a due time before those already done, by as long as its transaction lasted: a little
    /// is searched again each time, and all of it now and then, and before the clinic is put to sleep.
    func raiseFloor(_ search: JobSearch, to dueAt: Instant) {
        let now = ContinuousClock.now
        state.withLock { state in
            if state.floors.count >= Self.floorsMax { state.floors = [:] }
            let until = state.floors[search].flatMap { $0.until > now ? $0.until : nil } ?? now + Self.floorLasts
            state.floors[search] = JobFloor(dueAt: dueAt - Self.floorMargin, until: until)
        }
    }

    /// Where the search begins now.
    func floor(_ search: JobSearch) -> Instant {
        let floor = state.withLock { $0.floors[search] }
        return floor.map { $0.until > .now ? $0.dueAt : .distantPast } ?? .distantPast
    }

    static var floorsMax: Int { 1_000 }
    static var floorMargin: Duration { .seconds(1) }
    static var floorLasts: Duration { .seconds(5) }

    /// An error's kind without its values.
    func kind(of error: any Error) -> String {
        if let error = error as? DatabaseError { return "database \(error.code)" }
        if let error = error as? JobFailure { return error.reason }
        return "\(type(of: error))"
    }
}

extension Instant {
    /// Before everything that is due.
    static let distantPast = Instant(seconds: 0)
}
