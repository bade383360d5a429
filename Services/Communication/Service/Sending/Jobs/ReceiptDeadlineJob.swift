import Core
import Jobs
import Postgres

/// Sends messages on to their next channel that no receipt has come for in the clinic's time.
struct ReceiptDeadlineJob: TransactionalJobHandler {
    struct Payload: Codable, Sendable {
        let message: MessageID
        /// The place of the next channel.
        let stage: Int
        /// When the wait is over that it ends; `nil` in jobs of before they said so.
        var until: Instant?
    }

    static let name = "messages.receipt_deadline"

    func run(_ deadlines: [Payload], in tx: borrowing Transaction) throws {
        for deadline in deadlines {
            guard let message = try MessageStore.lock(deadline.message, in: tx), message.isAwaitingReceipt,
                message.stage < deadline.stage, isOver(message, deadline)
            else { continue }
            try MessageStore.goOn(message, at: deadline.stage, in: tx)
        }
    }

    /// Whether it is the wait that the deadline is of: handed over again, the message has a longer one.
    private func isOver(_ message: StoredMessage, _ deadline: Payload) -> Bool {
        guard let until = deadline.until, let wait = message.nextAttemptAt else { return true }
        return wait <= until
    }
}
