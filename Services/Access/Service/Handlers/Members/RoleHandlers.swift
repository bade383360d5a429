import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// Roles and permissions: those there are, and those a clinic makes for itself.
struct RoleHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = RoleEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.read(endpoints.list) { _, context, tx in
            let own = try RoleStore.list(of: context.clinic, in: tx).map { RoleDescription($0.role) }
            return Reply(RoleList(items: Role.allCases.map { RoleDescription($0) } + own))
        }
        table.steps(endpoints.permissions) { _, _ in
            let rules = zip(Roles.rules, PermissionCatalog.all).sorted { $0.0.permission.name < $1.0.permission.name }
            return Reply(PermissionList(items: rules.map { PermissionDescription($0, $1.bit) }))
        }
        table.change(endpoints.create) { try create($0, $1, $2) }
        table.read(endpoints.listOwn) { try list($0, $1, $2) }
        table.read(endpoints.read) { path, context, tx in
            let stored = try find(path.roleId, context, forUpdate: false, in: tx)
            return Reply(stored.role, version: stored.version)
        }
        table.change(endpoints.update) { try update($0, $1, $2) }
        table.change(endpoints.delete) { try delete($0, $1, $2) }
    }

    private func find(
        _ id: RoleID,
        _ context: OperationContext,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredRole {
        let stored = try RoleStore.find(id, of: context.clinic, forUpdate: forUpdate, in: tx)
        guard let stored else { throw Problem.notFound }
        return stored
    }

    private func create(
        _ draft: RoleDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<ClinicRole> {
        let role = StoredRole(
            id: RoleID(at: context.now),
            clinic: context.clinic,
            name: draft.name,
            description: draft.description,
            permissions: try RoleRule.parse(draft.permissions),
            createdAt: context.now,
            updatedAt: context.now,
            version: 1
        )
        try RoleRule.check(name: role.name)
        // Two that make a role at once must not pass the limit together.
        guard try ClinicStore.lock(context.clinic, in: tx) != nil else { throw Problem.notFound }
        try GrantRule.check(role.permissions, definedBy: try GrantRule.Giver(context, in: tx))
        guard try RoleStore.list(of: context.clinic, in: tx).count < ClinicRole.mostRoles else {
            throw Problem.conflict("too_many_roles", "The clinic has \(ClinicRole.mostRoles) roles of its own already.")
        }
        let policy = try PolicyVersionStore.raise(in: tx)
        try Self.takingName { try RoleStore.insert(role, policyVersion: policy, in: tx) }
        return Reply(
            role.role,
            version: 1,
            location: "/api/v1/clinics/\(context.clinic)/roles/\(role.id)",
            audit: AuditDetail(resource: role.id.description)
        )
    }

    private func list(
        _ request: ClinicListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<ClinicRole>> {
        let order = request.sort ?? .oldestFirst
        let list = "roles \(order.rawValue)"
        let after = try parts.cursors.open(request.cursor, list: list, clinic: context.clinic)?.first
            .flatMap(RoleID.init)
        let limit = request.limit ?? Page<ClinicRole>.usualLimit
        let found = try RoleStore.list(of: context.clinic, order: order, after: after, limit: limit + 1, in: tx)
        return Reply(
            Page(found.map(\.role), limit: limit) {
                parts.cursors.seal([$0.id.description], list: list, clinic: context.clinic)
            }
        )
    }

    /// A change gives and takes for everybody who holds the role: nobody touches what opens more than they hold, before
    /// the change or after it.
    private func update(
        _ patch: RolePatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<ClinicRole> {
        var stored = try find(patch.roleId, context, in: tx)
        try context.checkMatch(version: stored.version)
        let giver = try GrantRule.Giver(context, in: tx)
        try GrantRule.check(stored.permissions, definedBy: giver)
        if let permissions = patch.permissions {
            stored.permissions = try RoleRule.parse(permissions)
            try GrantRule.check(stored.permissions, definedBy: giver)
        }
        stored.name = patch.name ?? stored.name
        stored.description = patch.description.applied(to: stored.description)
        stored.updatedAt = context.now
        try RoleRule.check(name: stored.name)
        let policy = try PolicyVersionStore.raise(in: tx)
        let changed = stored
        stored.version = try Self.takingName { try RoleStore.update(changed, policyVersion: policy, in: tx) }
        return Reply(stored.role, version: stored.version, audit: AuditDetail(resource: stored.id.description))
    }

    private func delete(
        _ path: RolePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        let stored = try find(path.roleId, context, in: tx)
        try context.checkMatch(version: stored.version)
        if try MemberStore.anybodyHas(stored.id, in: context.clinic, tx: tx)
            || APIKeyStore.anyHas(stored.id, in: context.clinic, tx: tx)
        {
            throw Problem.conflict("role_in_use", "Somebody or an API key has this role.")
        }
        let policy = try PolicyVersionStore.raise(in: tx)
        RoleStore.remove(stored, at: context.now, policyVersion: policy, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: stored.id.description))
    }

    private static func takingName<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError where error.constraint == "roles_name" {
            throw Problem.conflict("role_name_taken", "Another role of the clinic has this name.")
        }
    }
}

extension RoleDescription {
    /// A built-in role.
    fileprivate init(_ role: Role) {
        let permissions = Roles.grants(of: role).map { grant in
            RolePermission(
                permission: PermissionCatalog.all[grant.bit.index].permission.name,
                scope: PermissionScope(grant.reach)
            )
        }
        self.init(
            role: role.rawValue,
            name: role.rawValue,
            description: role.summary,
            system: role.isSystem,
            custom: false,
            permissions: permissions.sorted { $0.permission < $1.permission }
        )
    }

    /// One that the clinic made.
    fileprivate init(_ role: ClinicRole) {
        self.init(
            role: role.id.description,
            name: role.name,
            description: role.description,
            system: false,
            custom: true,
            permissions: role.permissions.sorted { $0.permission < $1.permission }
        )
    }
}

extension PermissionDescription {
    fileprivate init(_ rule: PermissionRule, _ bit: PermissionBit) {
        self.init(
            permission: rule.permission.name,
            resource: rule.permission.resource,
            action: rule.permission.action,
            description: rule.summary,
            scopes: Roles.reaches(of: bit).sorted().map { PermissionScope($0) }
        )
    }
}
