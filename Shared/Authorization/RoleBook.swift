package import Contracts
import Core

/// A permission with how far it reaches, as its bit.
package struct PermissionGrant: Hashable, Sendable {
    package let bit: PermissionBit
    package let reach: ScopeRule

    package init(_ bit: PermissionBit, _ reach: ScopeRule) {
        self.bit = bit
        self.reach = reach
    }
}

/// A permission with how far it reaches, by name: how a clinic's own role is stored and told.
package struct PermissionReach: Wire, Hashable {
    package var permission: Permission
    package var scope: ScopeRule

    package init(permission: Permission, scope: ScopeRule) {
        self.permission = permission
        self.scope = scope
    }

    /// `nil` for a permission that is not, or not any more, a clinic's to give so far.
    package var grant: PermissionGrant? {
        guard let bit = PermissionCatalog.bit(of: permission), Roles.reaches(of: bit).contains(scope) else {
            return nil
        }
        return PermissionGrant(bit, scope)
    }
}

/// What the roles of one clinic open: the built-in ones and its own.
package struct RoleBook: Sendable {
    private var own: [RoleID: [PermissionGrant]] = [:]

    package init(_ roles: [RolePolicy] = []) { for role in roles { take(role) } }

    /// Takes in a role's present state; one that opens nothing is gone.
    mutating func take(_ role: RolePolicy) {
        let grants = role.permissions.compactMap(\.grant)
        own[role.id] = grants.isEmpty ? nil : grants
    }

    /// What a role opens; nothing where the clinic has no such role.
    package func grants(of role: RoleReference) -> [PermissionGrant] {
        switch role {
        case .builtIn(let role): Roles.grants(of: role)
        case .custom(let id): own[id] ?? []
        }
    }

    /// The names of all permissions that these roles hold together, sorted.
    package func permissionNames(of roles: some Sequence<RoleReference>) -> [String] {
        var held = PermissionSet()
        for role in roles { for grant in grants(of: role) { held.insert(grant.bit) } }
        return PermissionCatalog.names(in: held)
    }
}
