import CommunicationAPI
import Core
import Postgres

/// What became of messages to one address.
extension AttemptStore {
    /// What providers took for an address on a channel, the newest first, since it was heard from there last.
    ///
    /// - Parameter since: nothing of before; at most `SoftBounceRules.mostLookedAt` of them.
    static func taken(
        for addressIndex: [UInt8],
        on channel: MessageChannel,
        since: Instant,
        in tx: borrowing Transaction
    ) throws -> [SoftBounceRules.Attempt] {
        // Each index of its own.
        let address: Query =
            channel == .email ? "m.recipient_index = \(addressIndex)" : "m.phone_index = \(addressIndex)"
        var query: Query = """
            select a.message_id, a.started_at, a.event from messages m
            join message_attempts a on a.clinic_id = m.clinic_id and a.message_id = m.id
            where m.clinic_id = clinic_id() and m.created_at > \(since) and a.started_at > \(since)
                and a.channel = \(channel.rawValue) and a.outcome in ('accepted', 'unknown_outcome')
                and not exists (select from conversations c where c.clinic_id = clinic_id()
                    and c.channel = \(channel.rawValue) and c.contact_index = \(addressIndex) and c.heard_at >= a.started_at)
                and\u{20}
            """
        query += address
        query += " order by a.started_at desc limit \(SoftBounceRules.mostLookedAt)"
        return try tx.rows(query).map { row in
            SoftBounceRules.Attempt(message: try row[0], startedAt: try row[1], event: try row[2])
        }
    }
}
