import Bus
package import Contracts
import Core
import Postgres

/// Audit entries that follow one another in a transaction travel as one event: the bus is paid once for all of them.
///
/// The event's payload is the list of their records, or the record of one that travels alone; its aggregate is the series
/// that numbers them, its version the first's number, and the others' numbers follow.
package enum AuditRun {
    /// Of an event whose payload is a list; that of a single record is version 1.
    package static let version = 2
    /// Entries of one event at most.
    static let most = 32
    /// Bytes that an event holds before it takes no further entry.
    static let mostBytes = 32 << 10

    /// An entry by itself.
    static func event(_ record: AuditRecord, at place: RowNumbers) throws -> EventEnvelope {
        EventEnvelope(
            id: record.id.retagged(),
            name: Outbox.auditKind,
            version: 1,
            category: .userActivity,
            priority: .normal,
            clinicId: record.clinicId,
            actor: record.writer,
            at: record.at,
            aggregateId: place.series.description,
            aggregateVersion: place.numbers.lowerBound,
            notify: true,
            payload: try JSONWriter.encode(record)
        )
    }

    /// The same rows, with runs in place of single entries where they follow one another.
    static func joining(_ rows: [NewOutboxRow]) -> [NewOutboxRow] {
        var joined: [NewOutboxRow] = []
        var run: (row: NewOutboxRow, records: [[UInt8]], bytes: Int)?
        func end() {
            guard var row = run?.row, let records = run?.records else { return }
            if records.count > 1 { (row.event.version, row.event.payload) = (version, list(records)) }
            joined.append(row)
            run = nil
        }
        for row in rows {
            guard row.event.name == Outbox.auditKind else {
                joined.append(row)
                continue
            }
            let record = row.event.payload
            if let open = run,
                !row.event.follows(open.row.event, by: open.records.count)
                    || open.records.count >= most || open.bytes >= mostBytes
            {
                end()
            }
            run = run.map { ($0.row, $0.records + [record], $0.bytes + record.count) } ?? (row, [record], record.count)
        }
        end()
        return joined
    }

    /// An event's records, each with its number.
    package static func records(of event: EventEnvelope) throws -> [(number: Int64, record: AuditRecord)] {
        let tape = try JSONTape(event.payload)
        let records =
            event.version < version ? [try tape.decode(AuditRecord.self)] : try tape.decode([AuditRecord].self)
        return zip(event.aggregateVersion..., records).map { ($0, $1) }
    }

    private static func list(_ records: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "[")] + records.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }
}

extension EventEnvelope {
    /// Whether an entry comes so many numbers behind the first of a run, in the same clinic's log.
    fileprivate func follows(_ first: EventEnvelope, by count: Int) -> Bool {
        clinicId == first.clinicId && aggregateId == first.aggregateId
            && aggregateVersion == first.aggregateVersion + Int64(count)
    }
}

extension AuditRecord {
    /// Who did it, as `kind:id`.
    fileprivate var writer: String { "\(actor.type):\(actor.id)" }
}
