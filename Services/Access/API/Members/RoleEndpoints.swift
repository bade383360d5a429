package import Contracts
import Core

/// Roles and permissions: the built-in ones, and those a clinic makes for itself.
package struct RoleEndpoints: Sendable {
    package let list = Endpoint(
        "access.roles.list",
        .GET,
        "/roles",
        service: .access,
        guard: .permission(AccessPermissions.readRoles),
        takes: EmptyInput.self,
        gives: RoleList.self,
        audit: .none(because: "holds no health data"),
        summary: "Roles and what each may do"
    )
    package let permissions = Endpoint(
        "access.permissions.list",
        .GET,
        "/permissions",
        service: .access,
        guard: .permission(AccessPermissions.readRoles),
        takes: EmptyInput.self,
        gives: PermissionList.self,
        audit: .none(because: "the same for everybody"),
        summary: "All permissions"
    )
    package let create = Endpoint(
        "access.clinic_roles.create",
        .POST,
        "/clinics/{clinicId}/roles",
        service: .access,
        guard: .permission(AccessPermissions.createRoles),
        takes: RoleDraft.self,
        gives: ClinicRole.self,
        status: 201,
        audit: .change,
        errors: [
            ErrorCode(403, "grant_exceeds_own"), ErrorCode(409, "role_name_taken"), ErrorCode(409, "too_many_roles"),
        ],
        summary: "Make a role that may do no more than the caller"
    )
    package let listOwn = Endpoint(
        "access.clinic_roles.list",
        .GET,
        "/clinics/{clinicId}/roles",
        service: .access,
        guard: .permission(AccessPermissions.readRoles),
        takes: ClinicListRequest.self,
        gives: Page<ClinicRole>.self,
        audit: .none(because: "holds no health data"),
        summary: "The roles a clinic made for itself"
    )
    package let read = Endpoint(
        "access.clinic_roles.read",
        .GET,
        "/clinics/{clinicId}/roles/{roleId}",
        service: .access,
        guard: .permission(AccessPermissions.readRoles),
        takes: RolePath.self,
        gives: ClinicRole.self,
        audit: .none(because: "holds no health data"),
        summary: "One of the roles a clinic made for itself"
    )
    package let update = Endpoint(
        "access.clinic_roles.update",
        .PATCH,
        "/clinics/{clinicId}/roles/{roleId}",
        service: .access,
        guard: .permission(AccessPermissions.updateRoles),
        takes: RolePatch.self,
        gives: ClinicRole.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(403, "grant_exceeds_own"), ErrorCode(409, "role_name_taken")],
        summary: "Change a role for everybody who holds it"
    )
    package let delete = Endpoint(
        "access.clinic_roles.delete",
        .DELETE,
        "/clinics/{clinicId}/roles/{roleId}",
        service: .access,
        guard: .permission(AccessPermissions.deleteRoles),
        takes: RolePath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "role_in_use")],
        summary: "Remove a role that nobody holds"
    )
    package let check = Endpoint(
        "access.check",
        .POST,
        "/access/check",
        service: .access,
        guard: .signedIn,
        takes: AccessCheckRequest.self,
        gives: AccessCheckReply.self,
        audit: .none(because: "it changes nothing and shows no health data"),
        errors: [ErrorCode(403, "forbidden")],
        summary: "Whether somebody may do things in a clinic, and why"
    )

    package init() {}

    package var all: [any EndpointDescription] { [list, permissions, create, listOwn, read, update, delete, check] }
}
