import Core
import Jobs
import Postgres
import Resilience

/// Drops kept replies whose time is over, every five minutes, a bounded number at a time.
struct PruneRepliesJob: JobHandler {
    typealias Payload = NoPayload

    static let name = "host.forget_replies"
    static let batch = 10_000
    static let rounds = 100

    static func schedule(_ service: ServiceName) throws -> Schedule {
        try Schedule(name, Self.self, payload: NoPayload(), cron: "*/5 * * * *")
    }

    func run(_ payload: NoPayload, _ job: JobContext) async throws {
        for _ in 0..<Self.rounds {
            let dropped = try await job.database.through(.relay) { tx in
                try tx.rows(
                    """
                    delete from replies where ctid in
                        (select ctid from replies where expires_at <= now() limit \(Self.batch))
                    """
                ).affected
            }
            if dropped < Self.batch { break }
        }
        try await job.finish()
    }
}
