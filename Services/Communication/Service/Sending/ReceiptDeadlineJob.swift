import Core
import Jobs
import Postgres

/// Sends messages on to their next channel that no receipt has come for in the clinic's time.
struct ReceiptDeadlineJob: TransactionalJobHandler {
    struct Payload: Codable, Sendable {
        let message: MessageID
        /// The place of the next channel.
        let stage: Int
    }

    static let name = "messages.receipt_deadline"

    func run(_ deadlines: [Payload], in tx: borrowing Transaction) throws {
        for deadline in deadlines {
            guard let message = try MessageStore.lock(deadline.message, in: tx), message.isAwaitingReceipt,
                message.stage < deadline.stage
            else { continue }
            try MessageStore.goOn(message, at: deadline.stage, in: tx)
        }
    }
}
