import Core
import Jobs
import Postgres

/// Drops what providers told long ago, every hour, a bounded number at a time.
struct PruneReportsJob: JobHandler {
    typealias Payload = NoPayload

    static let name = "messages.forget_notices"
    /// Providers tell again for days at most, and of a message for weeks; whoever opens it later is not counted.
    static let kept: Duration = .seconds(30 * 86_400)
    static let batch = 10_000
    static let rounds = 100

    static func schedule() throws -> Schedule {
        try Schedule(name, Self.self, payload: NoPayload(), cron: "17 * * * *")
    }

    func run(_ payload: NoPayload, _ job: JobContext) async throws {
        let before = Instant.now() - Self.kept
        for _ in 0..<Self.rounds {
            let dropped = try await job.database.through(.relay, operation: Self.name) { tx in
                try DeliveryStore.forget(before: before, limit: Self.batch, in: tx)
                    + MessageClinicStore.forget(before: before, limit: Self.batch, in: tx)
                    + RecipientClinicStore.forget(before: before, limit: Self.batch, in: tx)
            }
            if dropped == 0 { break }
        }
        try await job.finish()
    }
}
