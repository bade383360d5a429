import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// Answers what somebody may do, and why, with the code that every request is decided with.
struct AccessCheckHandlers: Sendable {
    let parts: AccessParts

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(RoleEndpoints().check) { try await check($0, $1) }
    }

    private func check(
        _ request: AccessCheckRequest,
        _ context: OperationContext
    ) async throws -> Reply<AccessCheckReply> {
        guard let caller = Caller(context.principal), let asking = context.principal.user else {
            throw Problem.unauthenticated
        }
        let about = request.user ?? asking
        let clinic = context.clinic
        let policy = try await parts.database.through(.installation) { tx in
            try PolicyStore.snapshot(of: [asking, about], in: clinic, at: context.now, in: tx)
        }
        if about != asking {
            let assign = AccessPermissions.assignRoles
            let decision = policy.explain(caller, clinic: clinic, permission: assign, at: context.now).decision
            guard decision.scope != nil else { throw Problem.forbidden(assign.name) }
        }
        let subject = about == asking ? caller : .user(about, signIn: nil)
        return Reply(
            AccessCheckReply(items: request.checks.map { answer($0, subject, policy, clinic, at: context.now) })
        )
    }

    private func answer(
        _ check: AccessCheck,
        _ subject: Caller,
        _ policy: PolicySnapshot,
        _ clinic: ClinicID,
        at now: Instant
    ) -> AccessAnswer {
        // Whoever is no member is not told apart from nobody.
        guard policy.knows(subject, clinic) else {
            return AccessAnswer(
                permission: check.permission,
                allowed: false,
                reason: Explanation.Reason.notMember.rawValue
            )
        }
        let facts = ResourceFacts(
            location: check.resource?.locationId,
            patient: check.resource?.patientId,
            doctor: check.resource?.doctorId
        )
        let found = policy.explain(subject, clinic: clinic, permission: check.permission, on: facts, at: now)
        return AccessAnswer(
            permission: check.permission,
            allowed: found.reason == .allowedByRole,
            reason: found.reason.rawValue,
            role: found.role?.text,
            scope: found.decision.scope.flatMap { PermissionScope(rawValue: $0.word) },
            locationIds: found.decision.scope.flatMap { if case .locations(let ids) = $0 { ids } else { nil } }
        )
    }
}
