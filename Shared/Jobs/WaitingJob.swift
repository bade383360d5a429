import Contracts
package import Core
package import Postgres

/// A job that nobody is at work on, kept from workers until the transaction ends that has read it.
package struct WaitingJob<Payload: Sendable>: Sendable {
    package let id: JobID
    package let dueAt: Instant
    /// `nil` where it cannot be read.
    package let payload: Payload?
    fileprivate let slot: Int
}

extension Jobs {
    /// Jobs of one kind and lane that nobody is at work on, in the order in which they are due, after a place in it.
    ///
    /// - Parameter limit: fewer are given only where there are no more.
    package static func waiting<J: JobHandler>(
        for handler: J.Type,
        _ lane: JobLane,
        after place: (dueAt: Instant, id: JobID),
        limit: Int,
        in transaction: borrowing Transaction
    ) throws -> [WaitingJob<J.Payload>] {
        guard let clinic = transaction.tenant?.clinic else { throw JobFailure(reason: "no_clinic") }
        transaction.execute(JobRows.byIndex)
        let rows = try transaction.rows(JobRows.waiting(clinic, lane, J.name, after: place, limit: limit))
        return try rows.map { row in
            let bytes: [UInt8] = try row[3]
            return WaitingJob(
                id: try row[0],
                dueAt: try row[1],
                payload: try? JSONTape(bytes).decode(J.Payload.self),
                slot: try row[2]
            )
        }
    }

    /// Makes jobs that wait due at other moments.
    package static func move<Payload>(
        _ jobs: [(job: WaitingJob<Payload>, dueAt: Instant)],
        _ lane: JobLane,
        in transaction: borrowing Transaction
    ) throws {
        guard let clinic = transaction.tenant?.clinic else { throw JobFailure(reason: "no_clinic") }
        guard let first = jobs.map(\.dueAt).min() else { return }
        transaction.execute(JobLanes.share(clinic, lane))
        transaction.execute(
            JobRows.move(clinic, jobs.map(\.job.id), slots: jobs.map { Int64($0.job.slot) }, to: jobs.map(\.dueAt))
        )
        transaction.execute(JobLanes.wake(clinic, lane, dueAt: first))
        transaction.announce(.jobs)
    }
}
