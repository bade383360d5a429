import Core
import Jobs
import Postgres

/// Deletes what came of a webhook that did not become whole.
struct ExpireWebhookJob: TransactionalJobHandler {
    struct Payload: Codable, Sendable {
        let webhook: RequestID

        /// As queued jobs call it.
        private enum CodingKeys: String, CodingKey { case webhook = "notice" }
    }

    static let name = "notices.expire"

    func run(_ payloads: [Payload], in tx: borrowing Transaction) throws {
        let now = Instant.now()
        for payload in payloads {
            guard let later = try WebhookBodyStore.expire(payload.webhook, at: now, in: tx) else { continue }
            try Jobs.enqueue(Self.self, payload: payload, lane: .bulk, dueAt: later, in: tx)
        }
    }
}
