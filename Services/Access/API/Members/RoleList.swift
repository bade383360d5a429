package import Contracts

/// The roles there are in a clinic: the built-in ones, then its own.
package struct RoleList: Wire, Hashable {
    package var items: [RoleDescription]

    package init(items: [RoleDescription]) { self.items = items }
}

/// A role and what it may do.
package struct RoleDescription: Wire, Hashable {
    /// What one assigns it by: a built-in role's name, the id of a clinic's own.
    package var role: String
    /// The same for a built-in role, the clinic's name for one of its own.
    package var name: String
    package var description: String?
    /// Held outside clinics; no clinic can give it.
    package var system: Bool
    /// Made by the clinic.
    package var custom: Bool
    package var permissions: [RolePermission]

    package init(
        role: String,
        name: String,
        description: String?,
        system: Bool,
        custom: Bool,
        permissions: [RolePermission]
    ) {
        self.role = role
        self.name = name
        self.description = description
        self.system = system
        self.custom = custom
        self.permissions = permissions
    }
}

/// How far a role's permission reaches.
package enum PermissionScope: String, Hashable, Sendable, Codable, CaseIterable {
    /// The holder's own patient record and what belongs to it.
    case own
    /// Patients whom the holder's doctor record treats, and that doctor's calendar.
    case treated
    /// The locations the role is assigned for; the whole clinic where it is assigned without.
    case locations
    /// The whole clinic.
    case clinic
}

/// A permission of a role with its reach.
package struct RolePermission: Wire, Hashable {
    package var permission: String
    package var scope: PermissionScope

    package init(permission: String, scope: PermissionScope) {
        self.permission = permission
        self.scope = scope
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.permission, 1...100), .example(CodingKeys.permission, "appointments:read")]
    }
}

/// All permissions there are.
package struct PermissionList: Wire, Hashable {
    package var items: [PermissionDescription]

    package init(items: [PermissionDescription]) { self.items = items }
}

/// A permission: `resource:action`.
package struct PermissionDescription: Wire, Hashable {
    package var permission: String
    package var resource: String
    package var action: String
    package var description: String
    /// How far a clinic's own role may let it reach; empty where no clinic can give it.
    package var scopes: [PermissionScope]

    package init(
        permission: String,
        resource: String,
        action: String,
        description: String,
        scopes: [PermissionScope]
    ) {
        self.permission = permission
        self.resource = resource
        self.action = action
        self.description = description
        self.scopes = scopes
    }
}
