import Core
import FoundationEssentials
import Postgres

/// A job as it was claimed.
struct ClaimedJob: Sendable {
    let clinic: ClinicID
    let id: JobID
    let slot: Int
    let lane: JobLane
    let attempt: Int
    let handler: String
    let uniqueKey: String?
    let dueAt: Instant
    let createdAt: Instant
    let payload: [UInt8]

    static let columns: Query =
        "j.id, j.slot, j.attempt, j.handler, j.unique_key, j.created_at, j.payload, taken.due_at"

    init(_ row: Row, clinic: ClinicID, lane: JobLane) throws {
        self.clinic = clinic
        self.lane = lane
        id = try row[0]
        slot = try row[1]
        attempt = try row[2]
        handler = try row[3]
        uniqueKey = try row[4]
        createdAt = try row[5]
        payload = try row[6]
        dueAt = try row[7]
    }
}

/// The statements on `jobs`.
enum JobRows {
    /// Rows of a clinic's lane come by the index, whatever the planner has heard of tables that are emptied all the time.
    static let byIndex: Query = """
        select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), \
        set_config('enable_mergejoin', 'off', true)
        """

    /// Takes due jobs under a lease: until it ends they are not due.
    static func claim(
        _ clinic: ClinicID,
        _ lane: JobLane,
        handlers: [String],
        lease: JobID,
        until: [String: Duration],
        limit: Int,
        from floor: Instant
    ) -> Query {
        let names = Array(until.keys)
        let seconds = names.map { Int64(until[$0]?.components.seconds ?? 60) }
        return """
            with taken as materialized (
                select id, slot, due_at, handler from jobs
                where clinic_id = \(clinic) and lane = \(lane.rawValue) and due_at <= now() and due_at >= \(floor)
                    and handler = any (\(handlers))
                order by due_at limit \(limit) for update skip locked)
            update jobs as j
            set attempt = j.attempt + 1, lease = \(lease), due_at = now() + make_interval(secs => (
                select l.seconds from unnest(\(names), \(seconds)) as l (name, seconds) where l.name = taken.handler))
            from taken where j.clinic_id = \(clinic) and j.id = taken.id and j.slot = taken.slot
            returning \(ClaimedJob.columns)
            """
    }

    /// Takes due jobs away; they are back if the transaction fails.
    static func remove(
        _ clinic: ClinicID,
        _ lane: JobLane,
        handlers: [String],
        limit: Int,
        from floor: Instant
    ) -> Query {
        """
        with taken as materialized (
            select id, slot, due_at from jobs
            where clinic_id = \(clinic) and lane = \(lane.rawValue) and due_at <= now() and due_at >= \(floor)
                and handler = any (\(handlers))
            order by due_at limit \(limit) for update skip locked)
        delete from jobs as j using taken
        where j.clinic_id = \(clinic) and j.id = taken.id and j.slot = taken.slot
        returning \(ClaimedJob.columns)
        """
    }

    /// Deletes what is still its worker's, by the keys: `byIndex` comes before it.
    static func finish(_ clinic: ClinicID, _ tickets: [JobTicket]) -> Query {
        """
        delete from jobs as j using unnest(\(tickets.map(\.id)), \(tickets.map { Int64($0.slot) }), \(tickets.map(\.lease)))
            as t (id, slot, lease)
        where j.clinic_id = \(clinic) and j.id = t.id and j.slot = t.slot and j.lease = t.lease
        returning j.id
        """
    }

    /// Jobs of a kind that nobody is at work on, in the order in which they are due.
    static func waiting(
        _ clinic: ClinicID,
        _ lane: JobLane,
        _ handler: String,
        after place: (dueAt: Instant, id: JobID),
        limit: Int
    ) -> Query {
        """
        select id, due_at, slot, payload from jobs
        where clinic_id = \(clinic) and lane = \(lane.rawValue) and handler = \(handler) and lease is null
            and (due_at, id) > (\(place.dueAt), \(place.id))
        order by due_at, id limit \(limit) for update skip locked
        """
    }

    /// Makes jobs that nobody is at work on due at other moments.
    static func move(_ clinic: ClinicID, _ ids: [JobID], slots: [Int64], to moments: [Instant]) -> Query {
        """
        update jobs as j set due_at = m.due_at
        from unnest(\(ids), \(slots), \(moments)) as m (id, slot, due_at)
        where j.clinic_id = \(clinic) and j.id = m.id and j.slot = m.slot and j.lease is null
        """
    }

    /// Makes what a claim has taken due again, as if it had not been made.
    static func handBack(_ clinic: ClinicID, _ lane: JobLane, lease: JobID) -> Query {
        """
        update jobs set due_at = now(), lease = null, attempt = attempt - 1
        where clinic_id = \(clinic) and lane = \(lane.rawValue) and due_at > now() and lease = \(lease)
        """
    }

    static func release(_ clinic: ClinicID, _ handler: String, _ key: String, _ id: JobID) -> Query {
        """
        delete from job_keys
        where clinic_id = \(clinic) and handler = \(handler) and unique_key = \(key) and job_id = \(id)
        """
    }

    /// Puts a lease's end off, never forward: one that is held for longer is renewed beside it.
    ///
    /// - Parameter duration: from now; the lease's own without it.
    static func renew(
        _ clinic: ClinicID,
        _ id: JobID,
        _ slot: Int,
        lease: JobLease,
        for duration: Duration? = nil
    ) -> Query {
        """
        update jobs
        set due_at = greatest(due_at, now() + make_interval(secs => \((duration ?? lease.duration).inSeconds)))
        where clinic_id = \(clinic) and id = \(id) and slot = \(slot) and lease = \(lease.token)
        returning id
        """
    }

    /// Makes a failed job due later; `lease` is null for jobs that were claimed without one.
    ///
    /// The attempt must be the one that failed: two processes that tried it together count one failure.
    static func retry(_ job: ClaimedJob, lease: JobID?, after pause: Duration, counting: Bool) -> Query {
        """
        update jobs set due_at = now() + make_interval(secs => \(pause.inSeconds)), lease = null,
            attempt = attempt + \(counting ? 1 : 0)
        where clinic_id = \(job.clinic) and id = \(job.id) and slot = \(job.slot)
            and lease is not distinct from \(lease) and attempt = \(job.attempt)
        """
    }

    /// Moves a job to the dead letters.
    static func bury(_ job: ClaimedJob, lease: JobID?, attempts: Int, reason: String) -> Query {
        """
        with gone as (
            delete from jobs
            where clinic_id = \(job.clinic) and id = \(job.id) and slot = \(job.slot)
                and lease is not distinct from \(lease) and attempt = \(job.attempt)
            returning clinic_id, id, handler, lane, payload, created_at),
        unkeyed as (
            delete from job_keys where clinic_id = \(job.clinic) and handler = \(job.handler)
                and unique_key = \(job.uniqueKey) and job_id = \(job.id) and exists (select from gone))
        insert into dead_letters (clinic_id, id, source, handler, lane, payload, attempts, reason, first_at)
        select clinic_id, id, 'job', handler, lane, payload, \(attempts), \(reason), created_at from gone
        """
    }
}
