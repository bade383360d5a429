import Bus
import Contracts
import Core
import Outbox
import Postgres

/// Takes every service's audit entries in, and counts them.
struct AuditEntryConsumer: Sendable {
    let database: Database

    /// An entry that has come, with its place in the series of who wrote it.
    private struct Arrival: Sendable {
        let record: AuditRecord
        let series: SeriesID
        let number: Int64
    }

    /// Stores the entries as pending; their own ids make a second delivery harmless, for good.
    func take(_ events: [EventEnvelope], from service: ServiceName) async throws {
        let arrivals = try events.filter { $0.name == Outbox.auditKind }.flatMap(Self.arrivals(in:))
        let heads = try events.filter { $0.name == Outbox.headsKind }.map { event in
            try JSONTape(event.payload).decode(AuditHeads.self)
        }
        do {
            try await store(arrivals, heads, from: service)
        } catch let error as DatabaseError where events.count == 1 && arrivals.count > 1 && !error.isTransient {
            try await storeApart(arrivals, from: service)
        }
    }

    private static func arrivals(in event: EventEnvelope) throws -> [Arrival] {
        guard event.version <= AuditRun.version else { throw EventConsumer.NotUnderstood() }
        guard let series = SeriesID(event.aggregateId) else { throw StoreError.missing }
        return try AuditRun.records(of: event).map { number, record in
            // The seal vouches for the clinic of the event, nothing does for the one inside.
            guard record.clinicId == event.clinicId else { throw StoreError.missing }
            return Arrival(record: record, series: series, number: number)
        }
    }

    private func store(_ arrivals: [Arrival], _ heads: [AuditHeads] = [], from service: ServiceName) async throws {
        let now = Instant.now()
        try await database.through(.sequencer, operation: "audit.intake") { tx in
            AuditStore.append(arrivals.map(\.record), in: tx)
            AuditSeriesStore.receive(arrivals.map { ($0.series, $0.number) }, from: service, at: now, in: tx)
            for heads in heads { AuditSeriesStore.told(heads, from: service, at: now, in: tx) }
        }
    }

    /// Of a run that cannot be stored, all but the entry that it fails for; throws what that one failed with.
    private func storeApart(_ arrivals: [Arrival], from service: ServiceName) async throws {
        var failure: DatabaseError?
        for arrival in arrivals {
            do {
                try await store([arrival], from: service)
            } catch let error as DatabaseError where !error.isTransient {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
