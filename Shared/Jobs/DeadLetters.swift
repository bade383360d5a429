package import Core
package import Postgres

/// A job or event that failed for good.
package struct DeadLetter: Hashable, Sendable {
    package let clinic: ClinicID
    package let id: JobID
    /// `job` or `event`.
    package let source: String
    package let handler: String
    package let lane: JobLane
    package let attempts: Int
    /// A stable code.
    package let reason: String
    package let firstAt: Instant
    package let failedAt: Instant
}

/// Lists, replays and drops what failed for good.
package enum DeadLetters {
    /// The newest first, all clinics.
    package static func list(limit: Int = 100, through database: Database) async throws -> [DeadLetter] {
        try await database.through(.relay, operation: "dead_letters.list") { tx in
            try tx.rows("\(columns) order by failed_at desc limit \(limit)").map(letter)
        }
    }

    /// The newest of the transaction's clinic first.
    package static func list(limit: Int = 100, in transaction: borrowing Transaction) throws -> [DeadLetter] {
        guard let clinic = transaction.tenant?.clinic else { throw JobFailure(reason: "no_clinic") }
        return try transaction.rows(
            "\(columns) where clinic_id = \(clinic) order by failed_at desc limit \(limit)"
        ).map(letter)
    }

    /// The handler that takes a replayed event in; its payload is the event's envelope.
    package static let eventHandler = "host.replay_event"

    /// Makes a job out of a dead letter, with all its attempts; `false` if there is no such dead letter.
    ///
    /// A job is itself again; an event becomes a job of `eventHandler`.
    package static func replay(_ id: JobID, of clinic: ClinicID, through database: Database) async throws -> Bool {
        try await database.through(.relay, operation: "dead_letters.replay") { tx in
            let rows = try tx.rows(
                """
                delete from dead_letters where clinic_id = \(clinic) and id = \(id)
                returning source, handler, lane, payload
                """
            )
            guard let row = rows.first else { return false }
            let isEvent = try row[0] as String == "event"
            let lane = JobLane(rawValue: try row[2]) ?? .normal
            Jobs.insert(
                // The bus may set the event aside again while its job exists: the two must not share an id.
                isEvent ? JobID() : id,
                clinic,
                isEvent ? eventHandler : try row[1],
                try row[3],
                lane,
                dueAt: nil,
                unique: nil,
                in: tx
            )
            return true
        }
    }

    /// Forgets a dead letter; `false` if there is none.
    package static func drop(_ id: JobID, of clinic: ClinicID, through database: Database) async throws -> Bool {
        try await database.through(.relay, operation: "dead_letters.drop") { tx in
            try tx.rows("delete from dead_letters where clinic_id = \(clinic) and id = \(id)").affected == 1
        }
    }

    private static let columns: Query = """
        select clinic_id, id, source, handler, lane, attempts, reason, first_at, failed_at from dead_letters
        """

    private static func letter(_ row: Row) throws -> DeadLetter {
        DeadLetter(
            clinic: try row[0],
            id: try row[1],
            source: try row[2],
            handler: try row[3],
            lane: JobLane(rawValue: try row[4]) ?? .normal,
            attempts: try row[5],
            reason: try row[6],
            firstAt: try row[7],
            failedAt: try row[8]
        )
    }
}
