package import Contracts
import Core

/// The people of a clinic and what they may do there.
package struct MemberEndpoints: Sendable {
    package let create = Endpoint(
        "access.members.create",
        .POST,
        "/clinics/{clinicId}/users",
        service: .access,
        guard: .permission(AccessPermissions.createUsers),
        takes: MemberDraft.self,
        gives: Member.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(403, "grant_exceeds_own"), ErrorCode(409, "already_member")],
        summary: "Invite somebody into a clinic; the invitation's link is shown once"
    )
    package let list = Endpoint(
        "access.members.list",
        .GET,
        "/clinics/{clinicId}/users",
        service: .access,
        guard: .permission(AccessPermissions.readUsers),
        takes: MemberListRequest.self,
        gives: Page<Member>.self,
        audit: .none(because: "holds no health data"),
        summary: "The people of a clinic"
    )
    package let read = Endpoint(
        "access.members.read",
        .GET,
        "/clinics/{clinicId}/users/{userId}",
        service: .access,
        guard: .permission(AccessPermissions.readUsers),
        takes: MemberPath.self,
        gives: Member.self,
        audit: .none(because: "holds no health data"),
        summary: "One of the people of a clinic"
    )
    package let update = Endpoint(
        "access.members.update",
        .PATCH,
        "/clinics/{clinicId}/users/{userId}",
        service: .access,
        guard: .permission(AccessPermissions.updateUsers),
        takes: MemberPatch.self,
        gives: Member.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "last_admin")],
        summary: "Change the name a clinic has for somebody, or suspend and reinstate them"
    )
    package let remove = Endpoint(
        "access.members.remove",
        .DELETE,
        "/clinics/{clinicId}/users/{userId}",
        service: .access,
        guard: .permission(AccessPermissions.deleteUsers),
        takes: MemberPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "last_admin")],
        summary: "Remove somebody from a clinic"
    )
    package let invite = Endpoint(
        "access.members.invite",
        .POST,
        "/clinics/{clinicId}/users/{userId}/invitation",
        service: .access,
        guard: .permission(AccessPermissions.createUsers),
        takes: MemberPath.self,
        gives: Invitation.self,
        status: 201,
        audit: .change,
        body: BodyKind.none,
        errors: [ErrorCode(409, "already_active")],
        summary: "Invite somebody anew; earlier links stop working"
    )
    package let assignRoles = Endpoint(
        "access.members.assign_roles",
        .PUT,
        "/clinics/{clinicId}/users/{userId}/roles",
        service: .access,
        guard: .permission(AccessPermissions.assignRoles),
        takes: RoleAssignment.self,
        gives: Member.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(403, "grant_exceeds_own"), ErrorCode(409, "last_admin")],
        summary: "Replace the roles somebody has in a clinic"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, update, remove, invite, assignRoles] }
}

/// Users of the installation and the roles that reach past one clinic.
package struct SystemUserEndpoints: Sendable {
    package let create = Endpoint(
        "access.users.create",
        .POST,
        "/users",
        service: .access,
        guard: .permission(AccessPermissions.systemUsers),
        tenancy: Tenancy.none,
        takes: SystemUserDraft.self,
        gives: SystemUser.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(409, "email_taken")],
        summary: "Make an account; its invitation's link is shown once"
    )
    package let list = Endpoint(
        "access.users.list",
        .GET,
        "/users",
        service: .access,
        guard: .permission(AccessPermissions.systemUsers),
        tenancy: Tenancy.none,
        takes: DirectoryRequest.self,
        gives: Page<SystemUser>.self,
        audit: .none(because: "holds no health data"),
        summary: "All accounts of the installation"
    )
    package let read = Endpoint(
        "access.users.read",
        .GET,
        "/users/{userId}",
        service: .access,
        guard: .permission(AccessPermissions.systemUsers),
        tenancy: Tenancy.none,
        takes: SystemUserPath.self,
        gives: SystemUser.self,
        audit: .none(because: "holds no health data"),
        summary: "One account of the installation"
    )
    package let setSystemRoles = Endpoint(
        "access.users.set_system_roles",
        .PUT,
        "/users/{userId}/system-roles",
        service: .access,
        guard: .permission(AccessPermissions.systemUsers),
        tenancy: Tenancy.none,
        takes: SystemRoleAssignment.self,
        gives: SystemUser.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "last_admin")],
        summary: "Give somebody a system role, or take it away"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, setSystemRoles] }
}
