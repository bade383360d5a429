import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

extension GrantRule.Giver {
    /// What the caller of an operation holds in its clinic, kept from changing until the end of the transaction.
    ///
    /// Throws 403 for a caller who can hold nothing.
    init(_ context: OperationContext, in tx: borrowing Transaction) throws {
        guard let caller = context.principal.user else {
            throw Problem.forbidden(context.endpoint.guard.permission?.name ?? context.endpoint.name)
        }
        let own = try MemberStore.find(caller, of: context.clinic, in: tx)
        var systemRoles: [Role] = []
        if let grant = try SystemRoleStore.find(caller, in: tx), grant.counts(in: context.clinic, at: context.now) {
            systemRoles.append(grant.role)
        }
        self.init(
            grants: own?.status == .active ? own?.roles ?? [] : [],
            systemRoles: systemRoles,
            book: try RoleStore.book(of: context.clinic, in: tx)
        )
    }
}

extension SystemGrant {
    /// Whether the role is held in a clinic at a moment.
    func counts(in clinic: ClinicID, at now: Instant) -> Bool {
        (expiresAt.map { $0 > now } ?? true) && (clinicIds?.contains(clinic) ?? true)
    }
}
