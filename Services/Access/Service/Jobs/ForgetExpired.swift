import Core
import Jobs
import Postgres

/// Drops counts of failed tries, and links to new passwords, whose time is over: every hour, a bounded number at a time.
struct ForgetExpired: JobHandler {
    typealias Payload = NoPayload

    static var name: String { "access.forget_expired" }
    static let batch = 10_000
    static let rounds = 100

    static func schedule() throws -> Schedule {
        try Schedule(name, Self.self, payload: NoPayload(), cron: "17 * * * *")
    }

    func run(_ payload: NoPayload, _ job: JobContext) async throws {
        for _ in 0..<Self.rounds {
            let dropped = try await job.database.through(.installation) { tx in
                let tries = try SignInTriesStore.forget(limit: Self.batch, at: .now(), in: tx)
                return max(tries, try PasswordResetStore.forget(limit: Self.batch, at: .now(), in: tx))
            }
            if dropped < Self.batch { break }
        }
        try await job.finish()
    }
}
