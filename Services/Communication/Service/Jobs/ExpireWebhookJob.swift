import Core
import Jobs
import Postgres

/// Deletes what came of a webhook that did not become whole.
struct ExpireWebhookJob: TransactionalJobHandler {
    struct Payload: Codable, Sendable {
        let notice: RequestID
    }

    static let name = "notices.expire"

    func run(_ notices: [Payload], in tx: borrowing Transaction) throws {
        let now = Instant.now()
        for notice in notices {
            guard let later = try WebhookBodyStore.expire(notice.notice, at: now, in: tx) else { continue }
            try Jobs.enqueue(Self.self, payload: notice, lane: .bulk, dueAt: later, in: tx)
        }
    }
}
