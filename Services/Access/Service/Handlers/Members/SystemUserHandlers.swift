import AccessAPI
import Authorization
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// Accounts of the installation and roles held outside clinics.
struct SystemUserHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = SystemUserEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create) { try create($0, $1, $2) }
        table.read(endpoints.list) { try list($0, $1, $2) }
        table.read(endpoints.read) { path, _, tx in
            guard let user = try UserStore.find(path.userId, in: tx) else { throw Problem.notFound }
            return Reply(user.systemUser(try SystemRoleStore.find(user.id, in: tx)), version: user.version)
        }
        table.steps(endpoints.setSystemRoles) { try await setRole($0, $1) }
    }

    private func create(
        _ draft: SystemUserDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<SystemUser> {
        let user = try parts.accounts.add(
            email: draft.email,
            name: draft.name,
            locale: draft.locale,
            at: context.now,
            in: tx
        )
        let invitation = try parts.accounts.invitation(of: user, into: .installation, by: context, in: tx)
        return Reply(
            user.systemUser(nil, invitation: invitation.shown),
            version: 1,
            location: "/api/v1/users/\(user.id)",
            audit: AuditDetail(resource: user.id.description),
            replayed: user.systemUser(nil, invitation: invitation.replayed)
        )
    }

    private func list(
        _ request: DirectoryRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<SystemUser>> {
        let order = request.sort ?? .oldestFirst
        let list = "users \(request.q ?? "") \(order.rawValue)"
        let after = try parts.cursors.open(request.cursor, list: list, clinic: .installation)?.first
            .flatMap(UserID.init)
        let limit = request.limit ?? Page<SystemUser>.usualLimit
        let found = try UserStore.list(word: request.q, order: order, after: after, limit: limit + 1, in: tx)
            .map { $0.user.systemUser($0.role) }
        return Reply(
            Page(found, limit: limit) { parts.cursors.seal([$0.id.description], list: list, clinic: .installation) }
        )
    }

    private func setRole(
        _ assignment: SystemRoleAssignment,
        _ context: OperationContext
    ) async throws -> Reply<SystemUser> {
        let grant = try Self.grant(assignment, at: context.now)
        let all = try await parts.database.through(.installation) { tx in
            try ClinicStore.list(only: nil, after: nil, limit: SystemRoleAssignment.mostClinics, in: tx).map(
                \.clinic.id
            )
        }
        if let unknown = grant?.clinicIds.map({ Set($0).subtracting(all) }), !unknown.isEmpty {
            throw Problem.invalid("/clinicIds", "names a clinic that is not there")
        }
        return try await context.commit { tx in try set(grant, for: assignment.userId, all: all, context, in: tx) }
    }

    private static func grant(_ assignment: SystemRoleAssignment, at now: Instant) throws(Problem) -> SystemGrant? {
        guard let role = assignment.role else { return nil }
        if role == .superAdmin && assignment.clinicIds != nil {
            throw .invalid("/clinicIds", "is for SYSTEM_AUDITOR only")
        }
        if let expiry = assignment.expiresAt, expiry <= now { throw .invalid("/expiresAt", "has passed") }
        return SystemGrant(
            role: role == .superAdmin ? .superAdmin : .systemAuditor,
            clinicIds: assignment.clinicIds,
            expiresAt: assignment.expiresAt
        )
    }

    private func set(
        _ grant: SystemGrant?,
        for user: UserID,
        all: [ClinicID],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<SystemUser> {
        // Raised first: two that take each other's role away must see one another.
        let version = try PolicyVersionStore.raise(in: tx)
        guard let account = try UserStore.find(user, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: account.version)
        let before = try SystemRoleStore.find(user, in: tx)
        if before?.role == .superAdmin, grant?.role != .superAdmin || grant?.expiresAt != nil,
            try !SystemRoleStore.anotherSuperAdmin(than: user, at: context.now, in: tx)
        {
            throw Problem.conflict(
                "last_admin",
                "The installation needs somebody else with the role SUPER_ADMIN first."
            )
        }
        if let grant {
            SystemRoleStore.set(grant, for: user, by: context.principal.id, at: context.now, in: tx)
        } else {
            SystemRoleStore.remove(user, in: tx)
        }
        UserStore.touch(user, policyVersion: version, in: tx)
        AuditStore.append(Self.records(of: user, [before, grant], all: all, context), in: tx)
        return Reply(
            account.systemUser(grant),
            version: account.version,
            audit: AuditDetail(resource: user.description)
        )
    }

    /// Entries for every clinic that the role reached before or reaches now; the installation's own comes with the reply.
    private static func records(
        of user: UserID,
        _ grants: [SystemGrant?],
        all: [ClinicID],
        _ context: OperationContext
    ) -> [AuditRecord] {
        let concerned = grants.compactMap(\.self).reduce(into: Set<ClinicID>()) { $0.formUnion($1.clinicIds ?? all) }
        return concerned.sorted().map { clinic in
            var record = context.auditRecord(.succeeded, AuditDetail(resource: user.description))
            record.id = AuditEntryID(at: context.now)
            record.clinicId = clinic
            return record
        }
    }
}

extension StoredUser {
    func systemUser(_ role: SystemGrant?, invitation: Invitation? = nil) -> SystemUser {
        SystemUser(
            id: id,
            email: email,
            phone: phone,
            name: name,
            status: status,
            systemRoles: role.map { [$0.wire] } ?? [],
            createdAt: createdAt,
            invitation: invitation
        )
    }
}
