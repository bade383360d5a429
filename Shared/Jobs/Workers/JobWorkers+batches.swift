import Core
import Logging
import Metrics
import Postgres
import Resilience
import Synchronization
import Telemetry

extension JobWorkers {
    /// Does a clinic's transactional jobs, all in one transaction; one by one when that fails.
    ///
    /// Gives how many it took.
    func runBatch(_ place: JobPlace) async -> Int {
        do {
            return try await runBatch(place, limit: policy.batch, taken: nil)
        } catch {
            return await runSingly(place)
        }
    }

    private func runBatch(_ place: JobPlace, limit: Int, taken: TakenJob?) async throws -> Int {
        let batched = self.batched
        let handlers = Array(batched.keys)
        let search = JobSearch(place: place, kind: .batched)
        let floor = floor(search)
        let began = Instant.now()
        let tenant = Tenant(place.clinic, actor: "system:jobs")
        let first: (count: Int, dueAt: Instant)? = try await database.transaction(
            for: tenant,
            lane: .background,
            operation: "jobs.batch"
        ) { tx in
            tx.execute(JobRows.byIndex)
            let rows = try tx.rows(
                JobRows.remove(place.clinic, place.lane, handlers: handlers, limit: limit, from: floor)
            )
            let jobs = try rows.map { try ClaimedJob($0, clinic: place.clinic, lane: place.lane) }
            guard let oldest = jobs.map(\.dueAt).min() else { return nil }
            taken?.note(jobs)
            for job in jobs where job.uniqueKey != nil {
                tx.execute(JobRows.release(place.clinic, job.handler, job.uniqueKey ?? "", job.id))
            }
            for (name, jobs) in Dictionary(grouping: jobs, by: \.handler) {
                try batched[name]?.run(jobs.map(\.payload), tx)
            }
            return (jobs.count, oldest)
        }
        searched(place, found: first?.count ?? 0)
        // Whatever else the lane holds need not be looked through again for what was not there.
        if first.map({ $0.count < limit }) ?? true { raiseFloor(search, to: began) }
        guard let first else { return 0 }
        if first.count == limit { raiseFloor(search, to: first.dueAt) }
        Counter(.jobsRun, [(.lane, place.lane.name), (.outcome, "done")]).increment(by: first.count)
        return first.count
    }

    /// Which job a failed transaction had taken.
    private final class TakenJob: Sendable {
        private let job = Mutex<ClaimedJob?>(nil)
        var taken: ClaimedJob? { job.withLock { $0 } }
        func note(_ jobs: [ClaimedJob]) { job.withLock { $0 = jobs.first } }
    }

    private func runSingly(_ place: JobPlace) async -> Int {
        var count = 0
        while count < policy.batch, !isStopping {
            let taken = TakenJob()
            do {
                guard try await runBatch(place, limit: 1, taken: taken) > 0 else { break }
            } catch {
                guard let job = taken.taken, let handler = batched[job.handler] else { break }
                do {
                    try await put(off: job, lease: nil, failures: job.attempt + 1, retry: handler.retry, error: error)
                } catch { break }
            }
            count += 1
        }
        return count
    }
}
