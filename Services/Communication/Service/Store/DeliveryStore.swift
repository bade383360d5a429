import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// The table `delivery_events`, and what its events do to messages.
enum DeliveryStore {
    /// Keeps an event; `false` when it was there already.
    static func insert(
        _ item: ZeptoMailNotice.Item,
        of entry: ProviderEntry,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let rows = try tx.rows(
            """
            insert into delivery_events (clinic_id, provider, entry_id, event_id, message_id, kind, received_at)
            values (clinic_id(), \(entry.provider), \(entry.id), \(item.id), \(item.message), \(item.event?.rawValue), \(now))
            on conflict do nothing
            """
        )
        return rows.affected == 1
    }

    /// Whether a message was handed to the entry, or may have been.
    static func wasGiven(_ message: MessageID, to entry: ProviderEntry, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select 1 from message_attempts where clinic_id = clinic_id() and message_id = \(message)
                and entry_id = \(entry.id) and (outcome is null or outcome in ('accepted', 'unknown_outcome'))
            limit 1
            """
        )
        return !rows.isEmpty
    }
}
