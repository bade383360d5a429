package import Contracts
package import Core

/// A role that a clinic made for itself; it is assigned by its id.
package struct ClinicRole: Wire, Hashable {
    /// Most roles of its own that a clinic may have.
    package static let mostRoles = 50
    package static let mostPermissions = 200
    package static let longestName = 64
    package static let longestDescription = 500

    package var id: RoleID
    package var clinicId: ClinicID
    package var name: String
    package var description: String?
    package var permissions: [RolePermission]
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: RoleID,
        clinicId: ClinicID,
        name: String,
        description: String?,
        permissions: [RolePermission],
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.clinicId = clinicId
        self.name = name
        self.description = description
        self.permissions = permissions
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A role to be made.
package struct RoleDraft: Wire {
    package var clinicId: ClinicID
    /// Unlike those of the clinic's other roles, whatever the case of letters.
    package var name: String
    package var description: String?
    /// Each at most once, and none that the caller does not hold as widely.
    package var permissions: [RolePermission]

    package init(clinicId: ClinicID, name: String, description: String? = nil, permissions: [RolePermission]) {
        self.clinicId = clinicId
        self.name = name
        self.description = description
        self.permissions = permissions
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...ClinicRole.longestName),
            .length(CodingKeys.description, 1...ClinicRole.longestDescription),
            .count(CodingKeys.permissions, 1...ClinicRole.mostPermissions),
        ]
    }
}

/// What may be changed of a role: for all who hold it, at once.
package struct RolePatch: Wire {
    package var clinicId: ClinicID
    package var roleId: RoleID
    package var name: String?
    package var description: Patch<String>
    package var permissions: [RolePermission]?

    package init(
        clinicId: ClinicID,
        roleId: RoleID,
        name: String? = nil,
        description: Patch<String> = .absent,
        permissions: [RolePermission]? = nil
    ) {
        self.clinicId = clinicId
        self.roleId = roleId
        self.name = name
        self.description = description
        self.permissions = permissions
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...ClinicRole.longestName),
            .length(CodingKeys.description, 1...ClinicRole.longestDescription),
            .count(CodingKeys.permissions, 1...ClinicRole.mostPermissions),
        ]
    }
}

/// Names a clinic's own role.
package struct RolePath: Wire {
    package var clinicId: ClinicID
    package var roleId: RoleID

    package init(clinicId: ClinicID, roleId: RoleID) {
        self.clinicId = clinicId
        self.roleId = roleId
    }
}
