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
    /// The others expire, those that a provider has taken among them: nobody else is called for them, and no other channel has
    /// its turn, whatever is told of them later.
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
            where clinic_id = clinic_id() and id in (
                select id from messages
                where clinic_id = clinic_id() and reference = \(reference)
                    and status in ('queued', 'sending', 'sent', 'unknown') and template = any (\(templates))
                    and (expires_at is null or expires_at > \(now))
                order by created_at desc, id desc limit \(mostWithdrawn))
            order by id for update
            """
        )
        // One may have ended by the time it is locked.
        let open = try rows.map(decode).filter { [.queued, .sending, .sent, .unknown].contains($0.status) }
        let attempts = try AttemptStore.all(open.map(\.id), in: tx)
        let free = open.filter { $0.status == .queued && $0.holder(among: attempts[$0.id] ?? []) == nil }
        end(free.map { ($0.id, $0.course, MessageEnd(.cancelled, reason, at: now)) }, in: tx)
        let ended = Set(free.map(\.id))
        tx.execute(
            """
            update messages set expires_at = least(expires_at, \(now)), updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = any (\(open.map(\.id).filter { !ended.contains($0) }))
            """
        )
    }
}
