import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// What messages cost, as their providers tell it: columns of `message_attempts`.
enum CostStore {
    /// What providers call messages that an entry took and whose cost is not known, the newest first, with the time of each.
    static func unknown(
        of entry: ProviderEntryID,
        since: Instant,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [(providerMessageID: String, at: Instant)] {
        try tx.rows(
            """
            select provider_message_id, started_at from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry) and started_at >= \(since) and outcome = 'accepted'
                and provider_message_id is not null and cost_micros is null
            order by started_at desc limit \(limit)
            """
        ).map { (try $0[0], try $0[1]) }
    }

    /// Keeps costs by what the provider calls the messages; a message that shows another cost now has another version.
    static func keep(
        _ costs: [String: MessageCost],
        of entry: ProviderEntryID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        let all = Array(costs)
        guard !all.isEmpty else { return }
        // Messages before their attempts, and in the order in which reports lock them.
        tx.execute(
            """
            select 1 from messages
            where clinic_id = clinic_id() and id in (select message_id from message_attempts
                where clinic_id = clinic_id() and entry_id = \(entry) and provider_message_id = any (\(all.map(\.key))))
            order by id for update
            """
        )
        tx.execute(
            """
            with priced as (
                update message_attempts as a set cost_micros = c.micros, cost_currency = c.currency
                from unnest(\(all.map(\.key)), \(all.map(\.value.micros)), \(all.map(\.value.currency)))
                    as c (provider_message, micros, currency)
                where a.clinic_id = clinic_id() and a.provider_message_id = c.provider_message and a.entry_id = \(entry)
                    and (a.cost_micros, a.cost_currency) is distinct from (c.micros, c.currency)
                returning a.message_id
            )
            update messages set version = version + 1, updated_at = greatest(updated_at, \(now))
            where clinic_id = clinic_id() and id in (select message_id from priced)
            """
        )
    }
}
