import CommunicationAPI
import Core
import Postgres

/// What is called back because it is not so any more.
extension MessageStore {
    /// The most messages about one matter that are called back at once, the newest; there are a handful of a visit.
    private static let mostWithdrawn = 100

    /// Ends those messages about a matter that wait and that no provider has or may have, as somebody who cancels them does;
    /// their jobs do nothing more.
    ///
    /// - Parameters:
    ///   - templates: of which of its messages.
    ///   - reference: what the matter is called in messages.
    static func withdraw(
        _ templates: [String],
        about reference: String,
        because reason: MessageReason,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let rows = try tx.rows(
            """
            select \(columns) from messages
            where clinic_id = clinic_id() and reference = \(reference) and status = 'queued'
                and template = any (\(templates))
            order by created_at desc, id desc limit \(mostWithdrawn) for update
            """
        )
        let waiting = try rows.map(decode)
        let attempts = try AttemptStore.all(waiting.map(\.id), in: tx)
        let free = waiting.filter { $0.holder(among: attempts[$0.id] ?? []) == nil }
        end(free.map { ($0.id, $0.course, MessageEnd(.cancelled, reason, at: now)) }, in: tx)
    }
}
