import Core
package import Postgres

extension CommitNews {
    /// There is a job, or one is due earlier than it was.
    package static let jobs = CommitNews("jobs")
}

/// A job on its way into the table `jobs`, together with all others of its transaction.
struct NewJob: BatchedRow {
    let id: JobID
    let place: JobPlace
    let handler: String
    let payload: [UInt8]
    /// Now when `nil`.
    let dueAt: Instant?
    let uniqueKey: String?

    static let news: CommitNews? = .jobs

    static func statements(for jobs: [NewJob]) -> [Query] {
        let places = Dictionary(grouping: jobs, by: \.place)
            // In one order everywhere: two transactions must not wait for one another crosswise.
            .sorted { ($0.key.clinic, $0.key.lane.rawValue) < ($1.key.clinic, $1.key.lane.rawValue) }
        return places.map { JobLanes.share($0.key.clinic, $0.key.lane) }
            + [insert(jobs)]
            + places.map { JobLanes.wake($0.key.clinic, $0.key.lane, dueAt: firstDue($0.value)) }
    }

    /// When the first of them is due; `nil` for now.
    private static func firstDue(_ jobs: [NewJob]) -> Instant? {
        let times = jobs.compactMap(\.dueAt)
        return times.count == jobs.count ? times.min() : nil
    }

    private static func insert(_ jobs: [NewJob]) -> Query {
        """
        insert into jobs (clinic_id, id, slot, lane, due_at, handler, unique_key, payload)
        select clinic_id, id, job_slot(due), lane, due, handler, unique_key, payload from (
            select clinic_id, id, lane, coalesce(due_at, now()) as due, handler, unique_key, payload
            from unnest(\(jobs.map(\.place.clinic)), \(jobs.map(\.id)), \(jobs.map { Int64($0.place.lane.rawValue) }),
                \(OptionalColumns(jobs.map(\.dueAt))), \(jobs.map(\.handler)),
                \(OptionalColumns(jobs.map(\.uniqueKey))), \(ByteColumns(jobs.map(\.payload))))
                as n (clinic_id, id, lane, due_at, handler, unique_key, payload)) as job
        """
    }
}
