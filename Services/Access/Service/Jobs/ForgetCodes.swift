import Jobs
import Postgres

/// Drops one-time codes and counts of requests whose time is over, every five minutes, a bounded number at a time.
struct ForgetCodes: JobHandler {
    typealias Payload = NoPayload

    static var name: String { "access.forget_codes" }
    static let batch = 5_000
    static let rounds = 100

    static func schedule() throws -> Schedule {
        try Schedule(name, Self.self, payload: NoPayload(), cron: "*/5 * * * *")
    }

    func run(_ payload: NoPayload, _ job: JobContext) async throws {
        for _ in 0..<Self.rounds {
            let dropped = try await job.database.through(.installation) { tx in
                try max(
                    OneTimeCodeStore.forget(limit: Self.batch, in: tx),
                    CodeRequestStore.forget(limit: Self.batch, in: tx)
                )
            }
            if dropped < Self.batch { break }
        }
        try await job.finish()
    }
}
