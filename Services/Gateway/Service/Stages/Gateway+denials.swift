import Authorization
import Contracts
import Core

/// Refusals of signed-in callers go into the audit trail before they are answered.
extension Gateway {
    /// A 403 or 404; changes that fail are recorded by the service itself, unless the refusal is ours.
    func recordRefusal(
        _ status: Int,
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange,
        isOurs: Bool = false
    ) async throws(Problem) {
        guard status == 403 || status == 404, exchange.caller != nil, isOurs || !operation.recordsFailures else {
            return
        }
        let home = exchange.caller.map { policy.snapshot().homeClinic(of: $0) }
        try await record(
            operation,
            parameters,
            exchange,
            in: exchange.clinic ?? home ?? .installation,
            reason: status == 403 ? "forbidden" : "not_found"
        )
    }

    /// Puts an entry into a clinic's trail; 503 where that cannot be done.
    func record(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange,
        in clinic: ClinicID,
        reason: String
    ) async throws(Problem) {
        let id = parameters.last?.value ?? ""
        let resource = AuditRecord.Resource(
            type: operation.resource,
            // Only ids go into the trail; whatever else a caller writes into a path does not.
            id: RequestID(id) == nil ? "" : id
        )
        let entry = AuditRecord(
            at: .now(),
            clinicId: clinic,
            actor: AuditRecord.Actor(exchange.principal),
            action: operation.auditAction,
            resource: resource,
            outcome: .denied,
            reason: reason,
            requestId: exchange.id,
            source: AuditRecord.Source(
                address: exchange.address,
                userAgent: String((exchange.head.userAgent ?? "").prefix(256))
            )
        )
        try await denials.record(entry)
    }
}
