import Bus
import Contracts
import Core
package import Postgres

extension CommitNews {
    /// There is something to publish.
    package static let outbox = CommitNews("outbox")
}

/// An event on its way into the table `outbox`, together with all others of its transaction.
struct NewOutboxRow: BatchedRow {
    var event: EventEnvelope
    let part: TopicPart

    static let news: CommitNews? = .outbox

    static func statements(for rows: [NewOutboxRow]) -> [Query] {
        let rows = AuditRun.joining(rows)
        let events = rows.map(\.event)
        return [
            """
            insert into outbox (clinic_id, part, priority, id, name, version, category, actor, at, aggregate_id,
                aggregate_version, notify, payload)
            select e.clinic_id, e.part, e.priority, e.id, e.name, e.version, e.category, e.actor, e.at, e.aggregate_id,
                e.aggregate_version, e.notify <> 0, e.payload
            from unnest(\(events.map(\.clinicId)), \(rows.map(\.part.rawValue)), \(events.map(\.priority.rank)),
                \(events.map(\.id)), \(events.map(\.name)), \(events.map(\.version)),
                \(events.map(\.category.rawValue)), \(events.map(\.actor)), \(events.map(\.at)),
                \(events.map(\.aggregateId)), \(events.map(\.aggregateVersion)),
                \(events.map { $0.notify ? 1 : 0 }), \(ByteColumns(events.map(\.payload))))
                as e (clinic_id, part, priority, id, name, version, category, actor, at, aggregate_id,
                    aggregate_version, notify, payload)
            """
        ]
    }
}
