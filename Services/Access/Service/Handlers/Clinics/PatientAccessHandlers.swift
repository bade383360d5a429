import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// What a patient may know of who looked at their record: who by role and id, what, when; not from where.
struct PatientAccessHandlers: Sendable {
    let parts: AccessParts

    func register(in table: inout HandlerTable) {
        table.read(AuditEndpoints().patientAccess) { try report($0, $1, $2) }
    }

    private func report(
        _ query: PatientAccessQuery,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<PatientAccess>> {
        guard case .own(let patient) = context.scope else {
            throw Problem.forbidden(AccessPermissions.readAccessReport.name)
        }
        let order = query.sort ?? .newestFirst
        let list = "patient access \(patient) \(order.rawValue)"
        let last = try parts.cursors.open(query.cursor, list: list, clinic: context.clinic)?.first.flatMap { Int64($0) }
        let limit = query.limit ?? Page<PatientAccess>.usualLimit
        let found = try AuditEntryStore.about(
            patient,
            of: context.clinic,
            order: order,
            behind: last,
            limit: limit + 1,
            in: tx
        )
        let shown = found.prefix(limit)
        let cursor = found.count > limit ? shown.last.map { [String($0.seq)] } : nil
        return Reply(
            Page(
                items: try shown.map { try Self.access(JSONTape($0.leaf).decode(AuditRecord.self)) },
                nextCursor: cursor.map { parts.cursors.seal($0, list: list, clinic: context.clinic) }
            ),
            audit: AuditDetail(patient: patient)
        )
    }

    private static func access(_ record: AuditRecord) -> PatientAccess {
        PatientAccess(
            at: record.at,
            actor: .init(type: record.actor.type, id: record.actor.id, roles: record.actor.roles),
            action: record.action,
            resourceType: record.resource.type,
            outcome: record.outcome
        )
    }
}
