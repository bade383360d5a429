package import Contracts
package import Core
package import Postgres

/// Remembers, in the transaction of its effect, which events were taken in.
package enum Inbox {
    /// Notes that this handler takes the event in; `false` when it has done so before, and nothing is left to do.
    package static func once(
        _ event: EventEnvelope,
        handler: String,
        in transaction: borrowing Transaction
    ) throws -> Bool {
        try once(event.id, handler: handler, in: transaction)
    }

    /// The same for events of one clinic at once: those that this handler has not taken in before, in their order.
    package static func once(
        _ events: [EventEnvelope],
        handler: String,
        in transaction: borrowing Transaction
    ) throws -> [EventEnvelope] {
        guard let clinic = transaction.tenant?.clinic, events.allSatisfy({ $0.clinicId == clinic }) else {
            throw OutboxError.noClinic
        }
        let rows = try transaction.rows(
            """
            insert into inbox (clinic_id, event_id, handler, slot)
            select \(clinic), e.id, \(handler), inbox_slot(e.id) from unnest(\(events.map(\.id))) as e (id)
            on conflict do nothing returning event_id
            """
        )
        var fresh: Set<EventID> = []
        for row in rows { fresh.insert(try row[0]) }
        // The same event twice is one row: its first place counts.
        return events.filter { fresh.remove($0.id) != nil }
    }

    /// The same by the id alone; for what is not an event of ours, such as a provider's notice.
    ///
    /// The id must be the same for each delivery.
    package static func once(
        _ id: EventID,
        handler: String,
        in transaction: borrowing Transaction
    ) throws -> Bool {
        guard let clinic = transaction.tenant?.clinic else { throw OutboxError.noClinic }
        let rows = try transaction.rows(
            """
            insert into inbox (clinic_id, event_id, handler, slot)
            values (\(clinic), \(id), \(handler), inbox_slot(\(id)))
            on conflict do nothing
            """
        )
        return rows.affected == 1
    }

    /// Whether this version of the aggregate is greater than any this handler has applied; if so it is noted.
    ///
    /// - Parameter isSentAgain: the greatest version counts as well, so that what was lost of it can be built anew.
    package static func newer(
        aggregate: String,
        version: Int64,
        isSentAgain: Bool = false,
        handler: String,
        in transaction: borrowing Transaction
    ) throws -> Bool {
        guard let clinic = transaction.tenant?.clinic else { throw OutboxError.noClinic }
        let rows = try transaction.rows(
            """
            insert into aggregate_versions (clinic_id, handler, aggregate_id, version)
            values (\(clinic), \(handler), \(aggregate), \(version))
            on conflict (clinic_id, handler, aggregate_id) do update set version = excluded.version
            where aggregate_versions.version < excluded.version
                or aggregate_versions.version = excluded.version and \(isSentAgain)
            """
        )
        return rows.affected == 1
    }

    /// The same for an event: its aggregate and version, and whether it is a present version that is told again.
    ///
    /// The effect of one told again must be harmless where it is there already.
    package static func newer(
        _ event: EventEnvelope,
        handler: String,
        in transaction: borrowing Transaction
    ) throws -> Bool {
        try newer(
            aggregate: event.aggregateId,
            version: event.aggregateVersion,
            isSentAgain: !event.notify,
            handler: handler,
            in: transaction
        )
    }
}
