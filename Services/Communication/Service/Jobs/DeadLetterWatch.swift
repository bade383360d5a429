import CommunicationAPI
import Core
import Jobs
import Postgres

/// Looks every few minutes for work that has failed for good, and alerts the clinics it was for; of the installation's own its
/// operators.
struct DeadLetterWatch: JobHandler {
    typealias Payload = NoPayload

    static let name = "alerts.dead_letters"
    /// Looked back each time: longer than the pause between two, as of each handler it is told once an hour anyway.
    static let window: Duration = .seconds(1_800)

    static func schedule() throws -> Schedule {
        try Schedule(name, Self.self, payload: NoPayload(), cron: "*/10 * * * *")
    }

    func run(_ payload: NoPayload, _ job: JobContext) async throws {
        let now = Instant.now()
        let found = try await job.database.through(.relay, operation: "alerts.dead_letters") { tx in
            try DeadLetterStore.clinics(since: now - Self.window, in: tx)
        }
        for (clinic, handler) in found {
            try await job.database.transaction(for: Tenant(clinic, actor: "system"), lane: .background) { tx in
                try AlertStore.raise(.deadLetters, about: handler, at: now, in: tx)
            }
        }
        try await job.finish()
    }
}
