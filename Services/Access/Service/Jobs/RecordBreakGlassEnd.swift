import Contracts
import Core
import Jobs
import Outbox
import Postgres

/// Leaves the entry that an emergency access has come to its end, unless it was ended before.
struct RecordBreakGlassEnd: JobHandler {
    struct Payload: Codable, Sendable {
        var access: BreakGlassID
    }

    static var name: String { "access.record_break_glass_end" }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let clinic = job.clinic
        try await job.finish { tx in
            guard let access = try BreakGlassStore.find(payload.access, of: clinic, in: tx), access.endedAt == nil
            else { return }
            let record = AuditRecord(
                at: access.expiresAt,
                clinicId: clinic,
                actor: AuditRecord.Actor(.system(Self.name)),
                action: "break_glass:use",
                resource: .init(type: "break_glass", id: access.id.description),
                patientId: access.patient,
                outcome: .succeeded,
                reason: "expired",
                requestId: RequestID(),
                source: .init(address: "", userAgent: "")
            )
            try Outbox.appendAudit(record, in: tx)
        }
    }
}
