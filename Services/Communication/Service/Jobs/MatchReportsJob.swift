import Core
import Jobs
import Postgres
import ProviderConfig

/// Looks again for the messages of reports that came before they were known, ever more rarely, for a day.
struct MatchReportsJob: JobHandler {
    struct Payload: Codable, Sendable {
        let webhook: RequestID
        let entries: [ProviderEntryID]

        /// As queued jobs call it.
        private enum CodingKeys: String, CodingKey { case webhook = "notice", entries }
    }

    static let name = "messages.match_reports"

    let intake: DeliveryIntake

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let now = Instant.now()
        let isDone = try await job.database.together(for: job.tenant) { [intake] tx in
            let waiting = try DeliveryStore.waiting(payload.webhook, in: tx)
            let unknown = try intake.apply(waiting, through: payload.entries, at: now, in: tx)
            let isOver = now - job.createdAt >= DeliveryIntake.patience
            let settled = isOver ? waiting : waiting.filter { !unknown.contains($0) }
            if !settled.isEmpty { DeliveryStore.settle(settled, of: payload.webhook, in: tx) }
            return isOver || unknown.isEmpty
        }
        if isDone { return try await job.finish() }
        let age = max(now - job.createdAt, DeliveryIntake.firstPause)
        try await job.again(at: min(now + age, job.createdAt + DeliveryIntake.patience)) { _ in }
    }
}
