package import Core
import FoundationEssentials
package import Postgres

/// Puts work into the service's own schema, in the transaction of the state that calls for it.
package enum Jobs {
    /// The longest payload; a job names things by id and does not carry them.
    package static let payloadBytesMax = 256 * 1_024

    /// Adds a job of the transaction's clinic; it is run once committed and due.
    ///
    /// - Parameter unique: while a job of this handler with the same key exists, no other is added: its id is returned.
    @discardableResult
    package static func enqueue<J: JobHandler>(
        _ handler: J.Type,
        payload: J.Payload,
        lane: JobLane = .normal,
        dueAt: Instant? = nil,
        unique: String? = nil,
        in transaction: borrowing Transaction
    ) throws -> JobID {
        let content = try encode(payload)
        return try enqueue(J.name, content, lane, dueAt: dueAt, unique: unique, in: transaction)
    }

    /// Adds a job whose effect is statements only.
    @discardableResult
    package static func enqueue<J: TransactionalJobHandler>(
        _ handler: J.Type,
        payload: J.Payload,
        lane: JobLane = .normal,
        dueAt: Instant? = nil,
        unique: String? = nil,
        in transaction: borrowing Transaction
    ) throws -> JobID {
        let content = try encode(payload)
        return try enqueue(J.name, content, lane, dueAt: dueAt, unique: unique, in: transaction)
    }

    /// Adds many jobs of one kind in one statement.
    package static func enqueue<J: TransactionalJobHandler>(
        _ handler: J.Type,
        payloads: [J.Payload],
        lane: JobLane = .normal,
        dueAt: Instant? = nil,
        in transaction: borrowing Transaction
    ) throws {
        let contents = try payloads.map { Text(try encode($0)) }
        try enqueueMany(J.name, contents, lane, dueAt: dueAt, in: transaction)
    }

    /// Adds many jobs of one kind in one statement.
    package static func enqueue<J: JobHandler>(
        _ handler: J.Type,
        payloads: [J.Payload],
        lane: JobLane = .normal,
        dueAt: Instant? = nil,
        in transaction: borrowing Transaction
    ) throws {
        let contents = try payloads.map { Text(try encode($0)) }
        try enqueueMany(J.name, contents, lane, dueAt: dueAt, in: transaction)
    }

    private static func Text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    static func enqueue(
        _ name: String,
        _ payload: [UInt8],
        _ lane: JobLane,
        dueAt: Instant?,
        unique: String?,
        in transaction: borrowing Transaction
    ) throws -> JobID {
        guard let clinic = transaction.tenant?.clinic else { throw JobFailure(reason: "no_clinic") }
        let id = JobID()
        if let unique {
            let taken = try transaction.rows(
                """
                insert into job_keys (clinic_id, handler, unique_key, job_id)
                values (\(clinic), \(name), \(unique), \(id))
                on conflict (clinic_id, handler, unique_key) do update set job_id = job_keys.job_id
                returning job_id
                """
            )
            if let row = taken.first {
                let holder: JobID = try row[0]
                if holder != id { return holder }
            }
        }
        insert(id, clinic, name, payload, lane, dueAt: dueAt, unique: unique, in: transaction)
        return id
    }

    /// The statements that add a job, behind a door as well as for a tenant.
    static func insert(
        _ id: JobID,
        _ clinic: ClinicID,
        _ name: String,
        _ payload: [UInt8],
        _ lane: JobLane,
        dueAt: Instant?,
        unique: String?,
        in transaction: borrowing Transaction
    ) {
        transaction.execute(JobLanes.share(clinic, lane))
        transaction.execute(
            """
            insert into jobs (clinic_id, id, slot, lane, due_at, handler, unique_key, payload)
            select \(clinic), \(id), job_slot(due), \(lane.rawValue), due, \(name), \(unique), \(payload)
            from (select coalesce(\(dueAt), now()) as due) as d
            """
        )
        transaction.execute(JobLanes.wake(clinic, lane, dueAt: dueAt))
    }

    private static func enqueueMany(
        _ name: String,
        _ payloads: [String],
        _ lane: JobLane,
        dueAt: Instant?,
        in transaction: borrowing Transaction
    ) throws {
        guard let clinic = transaction.tenant?.clinic else { throw JobFailure(reason: "no_clinic") }
        guard !payloads.isEmpty else { return }
        let ids = payloads.map { _ in JobID() }
        transaction.execute(JobLanes.share(clinic, lane))
        transaction.execute(
            """
            insert into jobs (clinic_id, id, slot, lane, due_at, handler, payload)
            select \(clinic), job.id, d.slot, \(lane.rawValue), d.due, \(name), convert_to(job.payload, 'UTF8')
            from (select due, job_slot(due) as slot from (select coalesce(\(dueAt), now()) as due) as e) as d,
                unnest(\(ids), \(payloads)) as job (id, payload)
            """
        )
        transaction.execute(JobLanes.wake(clinic, lane, dueAt: dueAt))
    }

    static func encode<Payload: Encodable>(_ payload: Payload) throws -> [UInt8] {
        if payload is NoPayload { return Array("{}".utf8) }
        let bytes = Array(try JSONEncoder().encode(payload))
        guard bytes.count <= payloadBytesMax else { throw JobFailure(reason: "payload_too_long") }
        return bytes
    }
}
