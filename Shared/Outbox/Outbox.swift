import Bus
package import Contracts
import Core
package import Postgres

/// Writes events beside the state they follow from: both commit in one transaction, or neither does.
package enum Outbox {
    /// What audit entries are called on the bus, where several travel as an `AuditRun`.
    package static let auditKind = "audit.entry"
    /// What `AuditHeads` are called there.
    package static let headsKind = "audit.heads"
    /// All that travels in the part `audit`.
    package static let auditKinds: Set<String> = [auditKind, headsKind]

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
        try insert(record, in: transaction)
    }

    /// Appends audit entries of any clinics.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    package static func appendAudit(_ records: [AuditRecord], in transaction: borrowing Transaction) throws {
        // Clinic by clinic: what follows one another in a clinic's log travels together.
        for records in Dictionary(grouping: records, by: \.clinicId).values {
            for record in records { try insert(record, in: transaction) }
        }
    }

    /// Appends how far the series of audit entries have come.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    package static func appendHeads(_ heads: AuditHeads, in transaction: borrowing Transaction) throws {
        let id = EventID()
        let envelope = EventEnvelope(
            id: id,
            name: headsKind,
            version: 1,
            category: .userActivity,
            priority: .normal,
            clinicId: .installation,
            actor: "system",
            at: .now(),
            aggregateId: id.description,
            aggregateVersion: 1,
            notify: true,
            payload: try JSONWriter.encode(heads)
        )
        insert(envelope, .audit, in: transaction)
    }

    /// Has everything that is stored sent once more, because the database was restored on another server.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    package static func restart(in transaction: borrowing Transaction) {
        transaction.execute("select outbox_restart()")
    }

    private static func insert(_ record: AuditRecord, in transaction: borrowing Transaction) throws {
        insert(try AuditRun.event(record, at: transaction.number()), .audit, in: transaction)
    }

    private static func insert(_ event: EventEnvelope, _ part: TopicPart, in transaction: borrowing Transaction) {
        transaction.gather(NewOutboxRow(event: event, part: part))
    }
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
