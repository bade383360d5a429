package import Contracts
import Core
package import Postgres

/// Events that a consumer gave up, kept where they are listed, replayed and dropped.
package enum PoisonedEvents {
    /// Stores an event that failed too often.
    ///
    /// Storing it twice keeps the first.
    package static func store(
        _ event: EventEnvelope,
        handler: String,
        deliveries: Int64,
        reason: String,
        in database: Database
    ) async throws {
        let content = try JSONWriter.encode(event)
        let tenant = Tenant(event.clinicId, actor: "system:\(handler)")
        try await database.transaction(for: tenant, lane: .background, operation: "dead_letters.store") { tx in
            tx.execute(
                """
                insert into dead_letters
                    (clinic_id, id, source, handler, lane, payload, attempts, reason, first_at)
                values (\(event.clinicId), \(event.id), 'event', \(handler), \(event.priority.rank), \(content),
                    \(deliveries), \(reason.isEmpty ? "unknown" : String(reason.prefix(200))), \(event.at))
                on conflict do nothing
                """
            )
        }
    }
}
