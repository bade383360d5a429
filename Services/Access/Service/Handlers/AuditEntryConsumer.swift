import Contracts
import Core
import Outbox
import Postgres

/// Takes every service's audit entries in.
struct AuditEntryConsumer: Sendable {
    let database: Database

    /// Stores the entry as pending; its own id makes a second delivery harmless, for good.
    func take(_ event: EventEnvelope) async throws {
        guard event.name == Outbox.auditKind else { return }
        let record = try JSONTape(event.payload).decode(AuditRecord.self)
        try await database.transaction(for: Tenant(record.clinicId, actor: "audit"), lane: .background) { tx in
            AuditStore.append([record], in: tx)
        }
    }
}
