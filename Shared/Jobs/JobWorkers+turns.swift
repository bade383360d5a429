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
    }

    private struct Claim: Sendable {
        var clinic: ClinicID?
        /// How many could have been claimed: the clinic's own share counts too.
        var limit = 0
        var jobs: [ClaimedJob] = []
    }

    /// Gives one clinic its turn: leased jobs are claimed, transactional ones are done at once.
    func takeTurn(_ lane: JobLane) async -> Turn {
        let (room, capped) = state.withLock { state in
            let room = leased.isEmpty ? 0 : min(state.slots.room(lane), policy.turn)
            state.slots.reserve(room, lane)
            return (room, state.slots.capped)
        }
        let share = ClinicShare(self)
        var used = 0
        defer {
            share.settle(used: used)
            state.withLock { $0.slots.giveBack(room - used, lane) }
        }
        if room == 0 && batched.isEmpty { return Turn() }
        var jobs: [(ClaimedJob, JobLease)] = []
        do {
            let since = ContinuousClock.now
            let token = JobID()
            let claim = try await claim(lane, room: room, except: capped, token: token, share)
            guard let clinic = claim.clinic else {
                worked(lane)
                return Turn()
            }
            used = claim.jobs.count
            let place = JobPlace(clinic: clinic, lane: lane)
            if used == policy.turn, let oldest = claim.jobs.map(\.dueAt).min() { raiseFloor(place, to: oldest) }
            jobs = hold(claim.jobs, token: token, since: since)
            let done = batched.isEmpty ? 0 : await runBatch(place)
            let isExhausted = (leased.isEmpty || used < claim.limit) && done < policy.batch
            if isExhausted { try await putToSleep(place) }
            worked(lane)
            return Turn(jobs: jobs, foundWork: used + done > 0)
        } catch {
            failed(lane, error)
            // What is claimed by now is held here and must be run, whatever failed after it.
            return Turn(jobs: jobs, foundWork: !jobs.isEmpty, failed: true)
        }
    }

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
        private let taken = Mutex<(clinic: ClinicID, count: Int)?>(nil)

        init(_ workers: JobWorkers) { self.workers = workers }

        /// On the connection's thread; a body that runs again takes anew.
        func take(_ clinic: ClinicID, atMost room: Int) -> Int {
            settle(used: 0)
            let count = workers.state.withLock { state in
                let count = min(room, state.slots.room(clinic))
                state.slots.start(clinic, count)
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
            workers.state.withLock { $0.slots.giveBack(taken.count - used, taken.clinic) }
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
        return try await database.through(.relay, operation: "jobs.claim") { tx in
            tx.execute(JobRows.byIndex)
            tx.execute(JobLanes.fold)
            tx.execute(JobLanes.rouse)
            guard let row = try tx.rows(JobLanes.turn(lane, except: capped)).first else { return Claim() }
            let clinic: ClinicID = try row[0]
            let limit = share.take(clinic, atMost: room)
            guard limit > 0 else { return Claim(clinic: clinic) }
            let floor = self.floor(JobPlace(clinic: clinic, lane: lane))
            let rows = try tx.rows(
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
    }

    private func hold(_ jobs: [ClaimedJob], token: JobID, since: ContinuousClock.Instant) -> [(ClaimedJob, JobLease)] {
        jobs.map { job in
            let lease = JobLease(token: token, duration: leased[job.handler]?.lease ?? .seconds(60), since: since)
            state.withLock { state in
                state.held[ObjectIdentifier(lease)] = (job, lease)
            }
            return (job, lease)
        }
    }

    /// Nothing was left: the clinic sleeps until its next job is due.
    ///
    /// If somebody adds jobs just now it stays awake.
    private func putToSleep(_ place: JobPlace) async throws {
        state.withLock { $0.floors[place] = nil }
        try await database.through(.relay, operation: "jobs.sleep") { tx in
            tx.execute(JobRows.byIndex)
            let alone = try tx.rows(JobLanes.holdAlone(place.clinic, place.lane))
            guard let row = alone.first, try row[0] as Bool else { return }
            for query in JobLanes.sleep(place.clinic, place.lane) { tx.execute(query) }
        }
    }

    /// Notes from where a busy clinic's lane has to be searched: dead rows before it need not be looked through again.
    ///
    /// A job may become visible with a due time before those already done, by as long as its transaction lasted: a little
    /// is searched again each time, and all of it now and then, and before the clinic is put to sleep.
    func raiseFloor(_ place: JobPlace, to dueAt: Instant) {
        let now = ContinuousClock.now
        state.withLock { state in
            if state.floors.count >= Self.floorsMax { state.floors = [:] }
            let until = state.floors[place].flatMap { $0.until > now ? $0.until : nil } ?? now + Self.floorLasts
            state.floors[place] = JobFloor(dueAt: dueAt - Self.floorMargin, until: until)
        }
    }

    /// Where the search begins now.
    func floor(_ place: JobPlace) -> Instant {
        let floor = state.withLock { $0.floors[place] }
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
