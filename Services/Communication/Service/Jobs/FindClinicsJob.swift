import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// Looks again for whose messages the installation's providers told of, ever more rarely, for a day.
struct FindClinicsJob: JobHandler {
    struct Payload: Codable, Sendable {
        let webhook: RequestID
        let source: ReportSource

        /// As queued jobs call it.
        private enum CodingKeys: String, CodingKey { case webhook = "notice", source }
    }

    static let name = "messages.find_clinics"

    let intake: DeliveryIntake

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let (now, webhook, source) = (Instant.now(), payload.webhook, payload.source)
        let waiting = try await job.database.together(for: job.tenant) { tx in
            try DeliveryStore.waiting(webhook, in: tx)
        }
        let found = try await intake.sorted(waiting, from: source.provider, job.database)
        for (clinic, reports) in found.known {
            let tenant = Tenant(clinic, toldBy: source.provider)
            let news = try await job.database.together(for: tenant) { [intake] tx in
                try intake.take(reports, from: source, webhook: webhook, at: now, in: tx)
            }
            await AlertStore.tellOperators(news, in: job.database, log: job.log)
        }
        let next = DeliveryIntake.patience.next(since: job.createdAt, at: now)
        let settled = next == nil ? waiting : found.known.values.flatMap { $0 }
        guard let due = next, !found.unknown.isEmpty else {
            return try await job.finish { tx in DeliveryStore.settle(settled, of: webhook, in: tx) }
        }
        try await job.again(at: due) { tx in
            if !settled.isEmpty { DeliveryStore.settle(settled, of: webhook, in: tx) }
        }
    }
}
