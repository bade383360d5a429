package import Core
import Logging
import Metrics
import Postgres
import Telemetry

/// How much waits in a lane.
package struct JobBacklog: Hashable, Sendable {
    package let lane: JobLane
    /// Jobs that are due, counted up to `JobBacklog.countMax`.
    package let due: Int
    /// Since when the oldest of them is due.
    package let oldest: Instant?

    package static let countMax = 100_000
}

extension JobWorkers {
    /// Empties the slots that hold nothing any more and publishes the backlog.
    func keepUp() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: policy.upkeep)
            for slot in 0..<4 {
                // In use just now: another time.
                _ = try? await database.through(.relay, operation: "jobs.truncate") { tx in
                    _ = try tx.rows("select jobs_truncate(\(slot)::smallint)")
                }
            }
            guard let lanes = try? await backlog() else { continue }
            for lane in lanes { Gauge(.jobsPending, [(.lane, lane.lane.name)]).record(lane.due) }
        }
    }

    /// What is due now, by lane.
    package func backlog() async throws -> [JobBacklog] {
        try await database.through(.relay, operation: "jobs.backlog") { tx in
            try JobLane.allCases.map { lane in
                let rows = try tx.rows(
                    """
                    select count(*), min(due_at) from (
                        select due_at from jobs where lane = \(lane.rawValue) and due_at <= now()
                        limit \(JobBacklog.countMax)) as waiting
                    """
                )
                guard let row = rows.first else { return JobBacklog(lane: lane, due: 0, oldest: nil) }
                return JobBacklog(lane: lane, due: try row[0], oldest: try row[1])
            }
        }
    }
}
