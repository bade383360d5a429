import Core
import Logging
import Metrics
import Postgres
import Resilience
import Synchronization
import Telemetry

extension JobWorkers {
    /// One run of a leased job, to its end.
    func execute(_ job: ClaimedJob, _ lease: JobLease) async {
        defer {
            let isWorthwhile = state.withLock { state in
                state.held[ObjectIdentifier(lease)] = nil
                return state.slots.end(job.clinic, job.lane)
            }
            // One turn takes what has become free.
            if isWorthwhile { signal.signalOne() }
        }
        guard let handler = leased[job.handler] else { return }
        var log = logger
        log[.jobID] = job.id.description
        log[.handler] = job.handler
        let context = JobContext(job, lease: lease, database: database, log: log)
        let started = ContinuousClock.now
        do {
            // Its last run ended without a word: the process died, perhaps because of it.
            if job.attempt > handler.retry.attempts { throw JobFailure.permanent("lease_expired") }
            try await handler.run(job.payload, context)
            if !context.isFinished { try await context.finish() }
            handler.done[job.lane]?.increment()
        } catch {
            await settle(job, context, handler.retry, error)
        }
        handler.duration.recordNanoseconds((ContinuousClock.now - started).microseconds * 1_000)
    }

    private func settle(_ job: ClaimedJob, _ context: JobContext, _ retry: RetryPolicy, _ error: any Error) async {
        if context.isFinished {
            context.log.error("a job failed after it was finished", metadata: ["error": "\(kind(of: error))"])
            return
        }
        if (error as? JobFailure) == .leaseLost { return count(job, "lease_lost") }
        let lease = context.lease
        do {
            if (error as? DatabaseError)?.code == .commitUnknown {
                // It is done and its row is gone, or it is due again: the row says which.
                count(job, "unknown")
                try await lease.writing(unless: { isStopping }) { try await release(job, lease) }
            } else if error is CancellationError, isStopping {
                try await release(job, lease)
            } else {
                try await lease.writing(unless: { isStopping }) {
                    try await put(off: job, lease: lease.token, failures: job.attempt, retry: retry, error: error)
                }
            }
        } catch {
            // Due again when the lease ends.
            context.log.warning("a failed job could not be put off", metadata: ["error": "\(kind(of: error))"])
        }
    }

    /// Makes a failed job due later, or moves it to the dead letters after its last attempt.
    func put(
        off job: ClaimedJob,
        lease: JobID?,
        failures: Int,
        retry: RetryPolicy,
        error: any Error
    ) async throws {
        let reason = String(kind(of: error).prefix(200))
        let isPermanent = (error as? JobFailure).map { $0 != .leaseLost } ?? false
        let pause = isPermanent ? nil : retry.delay(afterFailures: failures)
        let tenant = Tenant(job.clinic, actor: "system:jobs")
        try await database.transaction(for: tenant, lane: .background, operation: "jobs.retry") { tx in
            guard let pause else {
                return tx.execute(JobRows.bury(job, lease: lease, attempts: failures, reason: reason))
            }
            tx.execute(JobLanes.share(job.clinic, job.lane))
            tx.execute(JobRows.retry(job, lease: lease, after: pause, counting: lease == nil))
            tx.execute(JobLanes.wake(job.clinic, job.lane, dueAt: nil))
            tx.announce(.jobs)
        }
        count(job, pause == nil ? "dead" : "retry")
        if pause == nil {
            Counter(.jobsDead, [(.handler, job.handler)]).increment()
            logger.error(
                "a job was given up",
                metadata: .fields([.jobID: job.id.description, .handler: job.handler, .reason: reason])
            )
        }
    }

    /// Hands a job back that this process could not end in time.
    private func release(_ job: ClaimedJob, _ lease: JobLease) async throws {
        // In a task of its own: this one is cancelled, and the job would wait for its lease to end.
        try await Task { [database] in
            try await database.transaction(
                for: Tenant(job.clinic, actor: "system:jobs"),
                lane: .background,
                operation: "jobs.release"
            ) { tx in
                tx.execute(JobLanes.share(job.clinic, job.lane))
                tx.execute(
                    """
                    update jobs set due_at = now(), lease = null, attempt = attempt - 1
                    where clinic_id = \(job.clinic) and id = \(job.id) and slot = \(job.slot)
                        and lease = \(lease.token)
                    """
                )
                tx.execute(JobLanes.wake(job.clinic, job.lane, dueAt: nil))
                tx.announce(.jobs)
            }
        }.value
        count(job, "released")
    }

    private func count(_ job: ClaimedJob, _ outcome: String) {
        Counter.jobsRun(job.handler, job.lane, outcome).increment()
    }

    // MARK: - Leases

    /// Renews the leases of what runs, well before they end.
    func renewLeases() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: policy.renewal)
            let ending = state.withLock { state in
                state.held.values.filter { $0.lease.remaining < $0.lease.duration * 2 / 3 }
            }
            guard !ending.isEmpty else { continue }
            do {
                try await renew(ending)
            } catch {
                logger.warning("leases could not be renewed", metadata: ["error": "\(kind(of: error))"])
            }
        }
    }

    private func renew(_ held: [(job: ClaimedJob, lease: JobLease)]) async throws {
        let since = ContinuousClock.now
        let renewed = try await database.through(.relay, operation: "jobs.renew") { tx in
            try held.map {
                try tx.rows(JobRows.renew($0.job.clinic, $0.job.id, $0.job.slot, lease: $0.lease)).count == 1
            }
        }
        for (item, isRenewed) in zip(held, renewed) {
            if isRenewed { item.lease.extend(since: since) } else { item.lease.end(at: since) }
        }
    }
}
