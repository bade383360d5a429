import Core
import Jobs
import Postgres

/// Blanks the entries of every log that are past their time, every night; their places and hashes stay.
struct BlankAuditEntries: JobHandler {
    typealias Payload = NoPayload

    /// Entries blanked in one transaction.
    static let batch = 2_000

    static var name: String { "access.blank_audit_entries" }

    static func schedule() throws -> Schedule {
        try Schedule(name, Self.self, payload: NoPayload(), cron: "40 2 * * *", lane: .bulk)
    }

    func run(_ payload: NoPayload, _ job: JobContext) async throws {
        let clinics = try await job.database.through(.sequencer) { tx in try AuditStore.logs(in: tx) }
        for clinic in clinics { try await Self.blank(clinic, in: job.database) }
        try await job.finish()
    }

    /// Blanks what is due in one log.
    static func blank(_ clinic: ClinicID, in database: Database) async throws {
        let tenant = Tenant(clinic, actor: "system:\(name)")
        var total = 0
        while true {
            let count = try await database.transaction(for: tenant, lane: .background) { tx in
                try AuditRetentionStore.blank(most: Self.batch, in: tx)
            }
            total += count
            if count < Self.batch { break }
        }
        guard total > 0 else { return }
        // What was measured before for a bundle is not what it has now.
        try await database.transaction(for: tenant, lane: .background) { tx in
            for export in try AuditExportStore.ready(of: clinic, at: .now(), in: tx) {
                guard let size = export.size else { continue }
                let measure = try AuditEntryStore.measure(export.filter, of: clinic, below: size, in: tx)
                AuditExportStore.remeasure(
                    export.id,
                    of: clinic,
                    count: measure.count,
                    bytes: measure.bytes,
                    in: tx
                )
            }
        }
    }
}
