import Bus
import Contracts
import Core
import ServiceHost

/// Audit entries about signing in: they belong to every clinic concerned, so the operations write their own.
enum SignInRecords {
    /// One entry for each clinic; for the installation when there is none.
    static func make(
        _ context: OperationContext,
        user: UserID?,
        clinics: [ClinicID],
        resource: (type: String, id: String),
        _ outcome: AuditRecord.Outcome,
        reason: String? = nil
    ) -> [AuditRecord] {
        let concerned = clinics.isEmpty ? [ClinicID.installation] : clinics
        let actor =
            user.map { AuditRecord.Actor(type: Principal.Kind.user.rawValue, id: $0.description) }
            ?? AuditRecord.Actor(Principal.anonymous)
        return concerned.map { clinic in
            AuditRecord(
                at: context.now,
                clinicId: clinic,
                actor: actor,
                action: context.endpoint.auditAction,
                resource: .init(type: resource.type, id: resource.id),
                outcome: outcome,
                reason: reason,
                requestId: context.requestID,
                source: .init(address: context.source.address, userAgent: context.source.userAgent)
            )
        }
    }
}
