import Core
import Jobs
import Postgres

/// Readies a bundle once a checkpoint covers what was in the log when it was asked for.
struct PrepareAuditExport: JobHandler {
    /// After so long the newest checkpoint will do: a log that is not signed any further must still be exportable.
    static let patience: Duration = .seconds(20)
    static let pause: Duration = .milliseconds(500)

    struct Payload: Codable, Sendable {
        var export: AuditExportID
    }

    static var name: String { "access.prepare_audit_export" }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let isReady = try await job.database.transaction(for: job.tenant, lane: .background) { tx -> Bool in
            guard let export = try AuditExportStore.find(payload.export, of: job.clinic, in: tx) else { return true }
            let newest = try CheckpointStore.newest(of: job.clinic, in: tx)
            return newest.map { $0.size >= export.logSize } ?? false || Instant.now() - export.createdAt > Self.patience
        }
        guard isReady else { return try await job.again(at: .now() + Self.pause) }
        try await job.finish { tx in
            guard let export = try AuditExportStore.find(payload.export, of: job.clinic, in: tx) else { return }
            guard let checkpoint = try CheckpointStore.newest(of: job.clinic, in: tx) else {
                AuditExportStore.fail(export.id, of: job.clinic, in: tx)
                return
            }
            let measure = try AuditEntryStore.measure(export.filter, of: job.clinic, below: checkpoint.size, in: tx)
            AuditExportStore.complete(
                export.id,
                of: job.clinic,
                size: checkpoint.size,
                count: measure.count,
                bytes: measure.bytes,
                in: tx
            )
        }
    }
}
