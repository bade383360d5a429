import Contracts
import Core
import Outbox
import Postgres

/// Takes every service's audit entries in, and counts them.
struct AuditEntryConsumer: Sendable {
    let database: Database

    /// Stores the entries as pending; their own ids make a second delivery harmless, for good.
    func take(_ events: [EventEnvelope], from service: ServiceName) async throws {
        let entries = events.filter { $0.name == Outbox.auditKind }
        let records = try entries.map { event in
            let record = try JSONTape(event.payload).decode(AuditRecord.self)
            // The seal vouches for the clinic of the event, nothing does for the one inside.
            guard record.clinicId == event.clinicId else { throw StoreError.missing }
            return record
        }
        let numbers = try entries.map { event in
            guard let series = SeriesID(event.aggregateId) else { throw StoreError.missing }
            return (series: series, number: event.aggregateVersion)
        }
        let heads = try events.filter { $0.name == Outbox.headsKind }.map { event in
            try JSONTape(event.payload).decode(AuditHeads.self)
        }
        let now = Instant.now()
        try await database.through(.sequencer, operation: "audit.intake") { tx in
            AuditStore.append(records, in: tx)
            AuditSeriesStore.receive(numbers, from: service, at: now, in: tx)
            for heads in heads { AuditSeriesStore.told(heads, from: service, at: now, in: tx) }
        }
    }
}
