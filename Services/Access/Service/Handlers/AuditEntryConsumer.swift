import Contracts
import Core
import Outbox
import Postgres

/// Takes every service's audit entries in.
struct AuditEntryConsumer: Sendable {
    let database: Database

    /// Stores the entries as pending; their own ids make a second delivery harmless, for good.
    func take(_ events: [EventEnvelope]) async throws {
        let records = try events.filter { $0.name == Outbox.auditKind }.map { event in
            let record = try JSONTape(event.payload).decode(AuditRecord.self)
            // The seal vouches for the clinic of the event, nothing does for the one inside.
            guard record.clinicId == event.clinicId else { throw StoreError.missing }
            return record
        }
        try await database.through(.sequencer, operation: "audit.intake") { tx in
            AuditStore.append(records, in: tx)
        }
    }
}
