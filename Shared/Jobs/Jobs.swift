import Contracts
package import Core
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

    /// Adds many jobs of one kind.
    package static func enqueue<J: TransactionalJobHandler>(
        _ handler: J.Type,
        payloads: [J.Payload],
        lane: JobLane = .normal,
        dueAt: Instant? = nil,
        in transaction: borrowing Transaction
    ) throws {
        for payload in payloads {
            _ = try enqueue(J.name, try encode(payload), lane, dueAt: dueAt, unique: nil, in: transaction)
        }
    }

    /// Adds many jobs of one kind.
    package static func enqueue<J: JobHandler>(
        _ handler: J.Type,
        payloads: [J.Payload],
        lane: JobLane = .normal,
        dueAt: Instant? = nil,
        in transaction: borrowing Transaction
    ) throws {
        for payload in payloads {
            _ = try enqueue(J.name, try encode(payload), lane, dueAt: dueAt, unique: nil, in: transaction)
        }
    }

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

    /// Adds a job, behind a door as well as for a tenant; it is written with the transaction's other jobs.
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
        let place = JobPlace(clinic: clinic, lane: lane)
        transaction.gather(
            NewJob(id: id, place: place, handler: name, payload: payload, dueAt: dueAt, uniqueKey: unique)
        )
    }

    static func encode<Payload: Encodable>(_ payload: Payload) throws -> [UInt8] {
        if payload is NoPayload { return Array("{}".utf8) }
        let bytes = try JSONWriter.encode(payload)
        guard bytes.count <= payloadBytesMax else { throw JobFailure(reason: "payload_too_long") }
        return bytes
    }
}
