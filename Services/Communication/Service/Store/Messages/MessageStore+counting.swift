import Postgres

/// What messages are counted and listed under, in statements about `messages`.
///
/// What ended without a provider that took it stands under the one that was called last. Calls of before somebody sent it again are
/// none of it, as are providers that were passed over.
extension MessageStore {
    /// The channel that took it, else the one that was called last, else the one that has the first turn.
    static let countedChannel: Query =
        "coalesce(messages.channel, \(lastCalled("a.channel")), messages.channels[1])"

    /// The provider that took it, else the one that was called last; null where none was.
    static let countedProvider: Query = "coalesce(messages.provider, \(lastCalled("a.provider")))"

    /// Looked up by the attempts' key, and for those messages alone that ended so.
    private static func lastCalled(_ column: Query) -> Query {
        """
        (select \(column) from message_attempts as a
            where messages.status in ('failed', 'unknown', 'expired')
                and a.clinic_id = clinic_id() and a.message_id = messages.id and a.number > messages.settled_attempts
                and (a.outcome is null or a.outcome not like 'skipped%')
            order by a.number desc limit 1)
        """
    }
}
