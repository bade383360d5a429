import Bus
package import Contracts
import Core
package import Postgres

/// Writes events beside the state they follow from: both commit in one transaction, or neither does.
package enum Outbox {
    /// What an audit entry is called on the bus.
    package static let auditKind = "audit.entry"

    /// Appends an event to the transaction; the relay publishes it after the commit.
    ///
    /// The clinic is the transaction's. `version` counts the aggregate's changes. `notify` is `false` when a present
    /// version is sent again for projections.
    package static func append<P: EventPayload>(
        _ payload: P,
        aggregate: String,
        version: Int64,
        actor: String,
        notify: Bool = true,
        in transaction: borrowing Transaction
    ) throws {
        guard let clinic = transaction.tenant?.clinic else { throw OutboxError.noClinic }
        let envelope = try EventEnvelope(
            payload,
            clinicId: clinic,
            actor: actor,
            at: .now(),
            aggregateId: aggregate,
            aggregateVersion: version,
            notify: notify
        )
        insert(envelope, .events, in: transaction)
    }

    /// Appends an audit entry.
    ///
    /// It belongs to the transaction's clinic, which must be the record's.
    package static func appendAudit(_ record: AuditRecord, in transaction: borrowing Transaction) throws {
        guard let clinic = transaction.tenant?.clinic, clinic == record.clinicId else { throw OutboxError.noClinic }
        let envelope = EventEnvelope(
            id: record.id.retagged(),
            name: auditKind,
            version: 1,
            category: .userActivity,
            priority: .normal,
            clinicId: clinic,
            actor: record.writer,
            at: record.at,
            aggregateId: record.id.description,
            aggregateVersion: 1,
            notify: true,
            payload: try JSONWriter.encode(record)
        )
        insert(envelope, .audit, in: transaction)
    }

    /// Appends audit entries of any clinics.
    ///
    /// Through the relay's door.
    package static func appendAudit(_ records: [AuditRecord], in transaction: borrowing Transaction) throws {
        transaction.execute(
            """
            insert into outbox (clinic_id, part, priority, id, name, version, category, actor, at, aggregate_id,
                aggregate_version, payload)
            select e.clinic_id, \(TopicPart.audit), \(EventPriority.normal.rank), e.id, \(auditKind), 1,
                \(EventCategory.userActivity.rawValue), e.actor, e.at, e.id::text, 1, e.payload
            from unnest(\(records.map(\.clinicId)), \(records.map(\.id)), \(records.map(\.writer)),
                \(records.map(\.at)), \(ByteColumns(try records.map { try JSONWriter.encode($0) })))
                as e (clinic_id, id, actor, at, payload)
            """
        )
    }

    private static func insert(_ event: EventEnvelope, _ part: TopicPart, in transaction: borrowing Transaction) {
        transaction.execute(
            """
            insert into outbox (clinic_id, part, priority, id, name, version, category, actor, at, aggregate_id,
                aggregate_version, notify, payload)
            values (\(event.clinicId), \(part), \(event.priority.rank), \(event.id), \(event.name),
                \(event.version), \(event.category.rawValue), \(event.actor), \(event.at), \(event.aggregateId),
                \(event.aggregateVersion), \(event.notify), \(event.payload))
            """
        )
    }
}

extension AuditRecord {
    /// Who did it, as `kind:id`.
    fileprivate var writer: String { "\(actor.type):\(actor.id)" }
}

/// What was asked of the outbox cannot be done.
package enum OutboxError: Error, Hashable, Sendable {
    /// The transaction is not opened for the clinic that the event is about.
    case noClinic
}

extension EventPriority {
    /// Its place in the order: 0 goes first.
    ///
    /// What the tables keep.
    package var rank: Int64 {
        switch self {
        case .critical: 0
        case .normal: 1
        case .bulk: 2
        }
    }

    package init?(rank: Int64) {
        switch rank {
        case 0: self = .critical
        case 1: self = .normal
        case 2: self = .bulk
        default: return nil
        }
    }
}
