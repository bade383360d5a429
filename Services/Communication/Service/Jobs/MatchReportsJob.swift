import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

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
        let next = DeliveryIntake.patience.next(since: job.createdAt, at: now)
        let applied = try await job.database.together(for: job.tenant) { [intake] tx in
            let waiting = try DeliveryStore.waiting(payload.webhook, in: tx)
            let applied = try intake.apply(waiting, through: payload.entries, at: now, in: tx)
            let settled = next == nil ? waiting : waiting.filter { !applied.unknown.contains($0) }
            if !settled.isEmpty { DeliveryStore.settle(settled, of: payload.webhook, in: tx) }
            return applied
        }
        await AlertStore.tellOperators(applied.forOperators, in: job.database, log: job.log)
        guard let due = next, !applied.unknown.isEmpty else { return try await job.finish() }
        try await job.again(at: due)
    }
}
