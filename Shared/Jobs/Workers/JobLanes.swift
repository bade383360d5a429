import Core
import Postgres

/// Who has work: `job_lanes` and the notes that lead to it.
///
/// The race to win: a transaction adds a job and sees its clinic busy, while a worker, which cannot see that job yet, puts
/// the clinic to sleep. So whoever adds holds a shared advisory lock until commit, and whoever puts to sleep needs it
/// alone; then all jobs added before are visible to his next statement.
enum JobLanes {
    /// Taken by whoever adds a job or makes one due earlier; many hold it at once.
    static func share(_ clinic: ClinicID, _ lane: JobLane) -> Query {
        "select pg_advisory_xact_lock_shared(\(key(clinic, lane)))"
    }

    /// True if nobody adds jobs right now and nobody can until the transaction ends.
    static func holdAlone(_ clinic: ClinicID, _ lane: JobLane) -> Query {
        "select pg_try_advisory_xact_lock(\(key(clinic, lane)))"
    }

    /// Notes that there is work, unless the clinic's row says so already.
    static func wake(_ clinic: ClinicID, _ lane: JobLane, dueAt: Instant?) -> Query {
        """
        insert into job_wakes (clinic_id, lane, due_at)
        select \(clinic), \(lane.rawValue), due from (select coalesce(\(dueAt), now()) as due) as d
        where not exists (
            select from job_lanes
            where clinic_id = \(clinic) and lane = \(lane.rawValue) and next_due <= due)
        """
    }

    /// Folds the notes into the rows.
    ///
    /// Rows in a fixed order: two workers must not wait for one another crosswise.
    static let fold: Query = """
        with taken as (
            delete from job_wakes where (clinic_id, id) in (
                select clinic_id, id from job_wakes limit 1000 for update skip locked)
            returning clinic_id, lane, due_at)
        insert into job_lanes (clinic_id, lane, next_due, pass)
        select clinic_id, lane, min(due_at), case when min(due_at) <= now() then (select last_value from job_pass) end
        from taken group by clinic_id, lane order by clinic_id, lane
        on conflict (clinic_id, lane) do update
        set next_due = least(job_lanes.next_due, excluded.next_due), pass = coalesce(job_lanes.pass, excluded.pass)
        """

    /// Gives those a pass whose time has come.
    static let rouse: Query = """
        update job_lanes set pass = (select last_value from job_pass) where (clinic_id, lane) in (
            select clinic_id, lane from job_lanes where pass is null and next_due <= now()
            order by next_due limit 1000 for update skip locked)
        """

    /// In which lanes somebody has work; and, in a row without a lane, in how many milliseconds the first sleeper's time comes.
    static let outlook: Query = """
        select lane, null::bigint from (values (0), (1), (2)) as l (lane)
        where exists (select from job_lanes j where j.lane = l.lane and j.pass is not null)
        union all
        (select null, greatest(0, ceil(1000 * extract(epoch from next_due - now())))::bigint from job_lanes
        where pass is null order by next_due limit 1)
        """

    /// The clinic whose turn it is, and its new place behind the others.
    static func turn(_ lane: JobLane, except capped: [ClinicID]) -> Query {
        """
        update job_lanes set pass = nextval('job_pass') where (clinic_id, lane) in (
            select clinic_id, lane from job_lanes
            where lane = \(lane.rawValue) and pass is not null and clinic_id <> all (\(capped))
            order by pass limit 1 for update skip locked)
        returning clinic_id
        """
    }

    /// Puts a clinic to sleep until its next job is due, or forgets it when there is none.
    ///
    /// Needs `holdAlone`.
    ///
    /// Jobs that are due but were not taken are held by somebody, or are of a handler that only a newer process knows.
    static func sleep(_ clinic: ClinicID, _ lane: JobLane) -> [Query] {
        [
            """
            update job_lanes set pass = null, next_due = greatest(next.due, now() + interval '500 milliseconds')
            from (select min(due_at) as due from jobs where clinic_id = \(clinic) and lane = \(lane.rawValue)) as next
            where clinic_id = \(clinic) and lane = \(lane.rawValue) and next.due is not null
            """,
            """
            delete from job_lanes where clinic_id = \(clinic) and lane = \(lane.rawValue)
            and not exists (select from jobs where clinic_id = \(clinic) and lane = \(lane.rawValue))
            """,
        ]
    }

    /// FNV-1a over clinic and lane; two that fall together merely wait for one another.
    private static func key(_ clinic: ClinicID, _ lane: JobLane) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in clinic.bytes + [UInt8(lane.rawValue), 0x6A] {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        return Int64(bitPattern: hash)
    }
}
