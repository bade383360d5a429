package import Core
package import Logging
package import Postgres
import Synchronization

/// What a handler knows about its run, and how it ends it.
package final class JobContext: Sendable {
    package let clinic: ClinicID
    package let id: JobID
    /// 1 for the first run.
    package let attempt: Int
    package let lane: JobLane
    package let dueAt: Instant
    package let createdAt: Instant
    package let lease: JobLease
    package let database: Database
    package let log: Logger
    let handler: String
    private let slot: Int
    private let uniqueKey: String?
    private let isOver = Mutex(false)

    init(_ job: ClaimedJob, lease: JobLease, database: Database, log: Logger) {
        clinic = job.clinic
        id = job.id
        attempt = job.attempt
        lane = job.lane
        dueAt = job.dueAt
        createdAt = job.createdAt
        handler = job.handler
        slot = job.slot
        uniqueKey = job.uniqueKey
        self.lease = lease
        self.database = database
        self.log = log
    }

    /// Keeps the job for a call that may take longer than what is left of its lease.
    ///
    /// - Throws: `JobFailure.leaseLost` when the job is no longer this worker's.
    package func hold(for duration: Duration) async throws {
        guard lease.remaining < duration else { return }
        try lease.check()
        let since = ContinuousClock.now
        let wanted = duration + JobLease.margin
        let renewal = JobRows.renew(clinic, id, slot, lease: lease, for: wanted)
        let isOurs = try await database.transaction(for: tenant, operation: "jobs.hold") { tx in
            try tx.rows(renewal).count == 1
        }
        guard isOurs else { throw JobFailure.leaseLost }
        lease.extend(since: since, by: wanted)
    }

    /// The clinic's tenant for the handler's own transactions.
    package var tenant: Tenant { Tenant(clinic, actor: "system:\(handler)") }
    /// Whether `finish` or `again` has committed.
    package var isFinished: Bool { isOver.withLock { $0 } }

    /// Deletes the job and runs `effect` in one transaction: both happen, or neither.
    ///
    /// - Throws: `JobFailure.leaseLost` when the job is no longer this worker's; nothing is written then.
    package func finish<R: Sendable>(
        _ effect: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await end { [ticket] transaction in
            guard try Jobs.delete([ticket], in: transaction).contains(ticket.id) else { throw JobFailure.leaseLost }
            return try effect(transaction)
        }
    }

    /// Finishes the job in a transaction that others share.
    ///
    /// - Parameter commit: calls `Jobs.delete` with the ticket, commits, and returns whether the job was among those deleted.
    /// - Throws: `JobFailure.leaseLost` when it was not.
    package func finish(through commit: (JobTicket) async throws -> Bool) async throws {
        try lease.check()
        guard try await commit(ticket) else { throw JobFailure.leaseLost }
        isOver.withLock { $0 = true }
    }

    private var ticket: JobTicket {
        JobTicket(id: id, slot: slot, lease: lease.token, handler: handler, uniqueKey: uniqueKey)
    }

    /// Deletes the job, and nothing else.
    package func finish() async throws { try await finish { _ in } }

    /// Makes the same job due again and runs `effect` in one transaction; its attempts start anew.
    package func again<R: Sendable>(
        at moment: Instant,
        _ effect: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await end { [clinic, id, slot, lane, lease] transaction in
            transaction.execute(JobLanes.share(clinic, lane))
            let moved = try transaction.rows(
                """
                update jobs set due_at = \(moment), attempt = 0, lease = null
                where clinic_id = \(clinic) and id = \(id) and slot = \(slot) and lease = \(lease.token)
                """
            )
            guard moved.affected == 1 else { throw JobFailure.leaseLost }
            transaction.execute(JobLanes.wake(clinic, lane, dueAt: moment))
            transaction.announce(.jobs)
            return try effect(transaction)
        }
    }

    /// Makes the same job due again, and nothing else; its attempts start anew.
    package func again(at moment: Instant) async throws { try await again(at: moment) { _ in } }

    private func end<R: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try lease.check()
        let result = try await database.together(for: tenant, operation: handler, body)
        isOver.withLock { $0 = true }
        return result
    }
}
