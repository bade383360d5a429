import AccessAPI
import AuditLog
package import Contracts
import Core
package import Postgres

/// Entries on their way into the log.
package enum AuditStore {
    /// Stores records as pending, each once for good; what is there already is passed over.
    ///
    /// Works in a transaction of the records' clinic, and through the doors of the installation and the sequencer.
    package static func append(_ records: [AuditRecord], in tx: borrowing Transaction) {
        if records.isEmpty { return }
        let leaves = records.map { AuditLeaf($0) }
        tx.execute(
            """
            insert into audit_pending (clinic_id, id, head, tail, at, actor_id, api_key_id, action, resource_type,
                resource_id, patient_id, outcome, request_id)
            select * from unnest(\(records.map(\.clinicId)), \(records.map(\.id)), \(ByteColumns(leaves.map(\.head))),
                \(ByteColumns(leaves.map(\.tail))), \(records.map(\.at)), \(records.map(\.actor.id)),
                \(OptionalColumns(records.map(\.actor.apiKeyId))), \(records.map(\.action)),
                \(records.map(\.resource.type)), \(records.map(\.resource.id)),
                \(OptionalColumns(records.map(\.patientId))), \(records.map(\.outcome.rawValue)),
                \(records.map(\.requestId)))
            on conflict do nothing
            """
        )
    }

    /// Clinics with entries that wait, at most so many.
    ///
    /// Through the sequencer's door.
    static func clinicsWithPending(limit: Int, in tx: borrowing Transaction) throws -> [ClinicID] {
        // One index probe per clinic, however many entries wait.
        let rows = try tx.rows(
            """
            with recursive waiting as (
                (select clinic_id from audit_pending order by clinic_id limit 1)
                union all
                select (select p.clinic_id from audit_pending as p where p.clinic_id > w.clinic_id
                    order by p.clinic_id limit 1)
                from waiting as w where w.clinic_id is not null
            )
            select clinic_id from waiting where clinic_id is not null limit \(limit)
            """
        )
        return try rows.map { try $0[0] }
    }

    /// Gives the oldest waiting entries of a clinic their places; `nil` when another replica is at it.
    ///
    /// The leaf and its hash are made by the statement that stores them, from the bytes that arrived.
    static func sequence(_ clinic: ClinicID, limit: Int, in tx: borrowing Transaction) throws -> Int? {
        guard try lock(clinic, in: tx) else { return nil }
        // Not `max`: of a table that nobody has analysed yet the planner would read all leaves for it.
        let heads = try tx.rows(
            """
            select index + 1 from audit_nodes where clinic_id = \(clinic) and level = 0
            order by clinic_id desc, level desc, index desc limit 1
            """
        )
        let size: Int64 = try heads.first.map { try $0[0] } ?? 0
        let last = try tx.rows(
            """
            select position from audit_pending where clinic_id = \(clinic) order by position
            offset \(limit - 1) limit 1
            """
        )
        let bound: Int64 = try last.first.map { try $0[0] } ?? .max
        let rows = try tx.rows(
            """
            with taken as (
                delete from audit_pending as p where p.clinic_id = \(clinic) and p.position <= \(bound) returning p.*
            ), fresh as (
                select t.*, \(size) + row_number() over (order by t.position) - 1 as seq from taken as t
                where not exists (select from audit_entries as e where e.clinic_id = t.clinic_id and e.id = t.id)
            ), lines as (
                select f.*, f.head || convert_to('"seq":' || f.seq, 'UTF8') || f.tail as leaf from fresh as f
            ), stored as (
                insert into audit_entries (clinic_id, seq, id, leaf, at, actor_id, api_key_id, action, resource_type,
                    resource_id, patient_id, outcome, request_id)
                select clinic_id, seq, id, leaf, at, actor_id, api_key_id, action, resource_type, resource_id,
                    patient_id, outcome, request_id
                from lines
                returning clinic_id, seq, leaf
            )
            insert into audit_nodes (clinic_id, level, index, hash)
            select clinic_id, 0, seq, sha256('\\x00'::bytea || leaf) from stored
            """
        )
        let added = rows.affected
        if added > 0 {
            let size = size + Int64(added)
            tx.execute(
                """
                insert into audit_heads (clinic_id, size) values (\(clinic), \(size))
                on conflict (clinic_id) do update set size = excluded.size
                """
            )
        }
        return added
    }

    /// Whether this transaction is the one at work on the clinic's log.
    static func lock(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> Bool {
        // These tables are empty one minute and large the next: a plan kept from before would read them whole.
        tx.execute(
            "select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)"
        )
        let rows = try tx.rows(
            "select pg_try_advisory_xact_lock(hashtextextended('audit log ' || \(clinic.description)::text, 0))"
        )
        return try rows.first.map { try $0[0] } ?? false
    }

    /// Every clinic with a log; through the sequencer's door.
    static func logs(in tx: borrowing Transaction) throws -> [ClinicID] {
        try tx.rows("select clinic_id from audit_heads order by clinic_id").map { try $0[0] }
    }

    /// The number of entries of a clinic's log.
    static func size(of clinic: ClinicID, in tx: borrowing Transaction) throws -> Int64 {
        try tx.rows("select size from audit_heads where clinic_id = \(clinic)").first.map { try $0[0] } ?? 0
    }
}

/// Which entries of a log are asked for.
struct AuditFilter: Sendable {
    var from: Instant?
    var to: Instant?
    var fields: AuditFilters

    init(from: Instant?, to: Instant?, fields: AuditFilters) {
        self.from = from
        self.to = to
        self.fields = fields
    }

    init(_ query: AuditQuery) {
        var fields = AuditFilters()
        fields.actor = query.actor
        fields.apiKeyId = query.apiKeyId
        fields.action = query.action
        fields.resourceType = query.resourceType
        fields.resourceId = query.resourceId
        fields.patientId = query.patientId
        fields.outcome = query.outcome
        fields.requestId = query.requestId
        fields.fromSeq = query.fromSeq
        fields.toSeq = query.toSeq
        self.init(from: query.from, to: query.to, fields: fields)
    }

    /// Whether everything is asked for.
    var isEmpty: Bool { from == nil && to == nil && fields == AuditFilters() }

    /// Names the filter, for cursors.
    func text() throws -> String {
        "\(from?.rfc3339 ?? "")|\(to?.rfc3339 ?? "")|" + String(decoding: try JSONWriter.encode(fields), as: UTF8.self)
    }

    /// The conditions, beginning with ` and`.
    var conditions: Query {
        var query: Query = ""
        if let from { query += " and at >= \(from)" }
        if let to { query += " and at < \(to)" }
        if let actor = fields.actor { query += " and actor_id = \(actor)" }
        if let key = fields.apiKeyId { query += " and api_key_id = \(key)" }
        if let action = fields.action { query += " and action = \(action)" }
        if let type = fields.resourceType { query += " and resource_type = \(type)" }
        if let id = fields.resourceId { query += " and resource_id = \(id)" }
        if let patient = fields.patientId { query += " and patient_id = \(patient)" }
        if let outcome = fields.outcome { query += " and outcome = \(outcome.rawValue)" }
        if let request = fields.requestId { query += " and request_id = \(request)" }
        if let first = fields.fromSeq { query += " and seq >= \(first)" }
        if let last = fields.toSeq { query += " and seq <= \(last)" }
        return query
    }
}

/// An entry as it is stored.
struct StoredEntry: Sendable {
    var seq: Int64
    /// Its line: the bytes that were hashed, or of one past retention the hash that is left.
    var leaf: [UInt8]
    var isPruned = false
}

/// Entries that have their place.
enum AuditEntryStore {
    /// Entries from `start` up to, not including, `end` that the filter lets through; in the order of the log unless said
    /// otherwise.
    static func page(
        _ filter: AuditFilter,
        of clinic: ClinicID,
        from start: Int64,
        to end: Int64,
        order: AuditOrder = .oldestFirst,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredEntry] {
        try tx.rows(query(filter, of: clinic, from: start, to: end, order: order, limit: limit)).map(entry)
    }

    /// The statement of `page`.
    static func query(
        _ filter: AuditFilter,
        of clinic: ClinicID,
        from start: Int64,
        to end: Int64,
        order: AuditOrder = .oldestFirst,
        limit: Int
    ) -> Query {
        """
        select seq, leaf, case when leaf is null then (select hash from audit_nodes as n
            where n.clinic_id = e.clinic_id and n.level = 0 and n.index = e.seq) end
        from audit_entries as e
        where clinic_id = \(clinic) and seq >= \(start) and seq < \(end)\(filter.conditions)
        order by seq\(order == .newestFirst ? " desc" : "" as Query) limit \(limit)
        """
    }

    private static func entry(_ row: Row) throws -> StoredEntry {
        let seq: Int64 = try row[0]
        if let leaf: [UInt8] = try row[1] { return StoredEntry(seq: seq, leaf: leaf) }
        let bytes: [UInt8]? = try row[2]
        guard let hash = TreeHash(bytes: bytes ?? []) else { throw AuditLogFault.missing(seq: seq) }
        return StoredEntry(seq: seq, leaf: EntryLine.pruned(seq: seq, leafHash: hash), isPruned: true)
    }

    /// Bytes of a line that stands for a pruned entry, but for the digits of its place.
    private static let prunedBytes = EntryLine.pruned(seq: 0, leafHash: .empty).count - 1

    /// Entries about a patient behind a place.
    static func about(
        _ patient: PatientID,
        of clinic: ClinicID,
        order: PatientAccessOrder,
        behind last: Int64?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredEntry] {
        var query: Query = """
            select seq, leaf, null::bytea from audit_entries
            where clinic_id = \(clinic) and patient_id = \(patient) and leaf is not null
            """
        switch order {
        case .newestFirst: query += " and seq < \(last ?? .max) order by seq desc"
        case .oldestFirst: query += " and seq > \(last ?? -1) order by seq"
        }
        query += " limit \(limit)"
        return try tx.rows(query).map(entry)
    }

    /// How many entries a bundle of this filter has below `size`, and how many bytes their lines are.
    static func measure(
        _ filter: AuditFilter,
        of clinic: ClinicID,
        below size: Int64,
        in tx: borrowing Transaction
    ) throws -> (count: Int64, bytes: Int64) {
        let rows = try tx.rows(
            """
            select count(*), coalesce(sum(coalesce(octet_length(leaf), \(prunedBytes) + length(seq::text)) + 1), 0)::bigint
            from audit_entries
            where clinic_id = \(clinic) and seq < \(size)\(filter.conditions)
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return (try row[0], try row[1])
    }
}
