import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import TestKit
import Testing

@testable import Access

/// Roles that clinics make for themselves.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ClinicRoleTests {
    let desk: AccessDesk
    private let endpoints = RoleEndpoints()

    init() throws { desk = try AccessDesk() }

    private static func held(_ names: String..., scope: PermissionScope = .clinic) -> [RolePermission] {
        names.map { RolePermission(permission: $0, scope: scope) }
    }

    private func make(
        _ name: String,
        _ permissions: [RolePermission],
        in clinic: ClinicID,
        by person: AccessDesk.Person
    ) async throws -> BusReply {
        let draft = RoleDraft(clinicId: clinic, name: name, description: "Greets", permissions: permissions)
        return try await desk.call(endpoints.create, draft, as: person, in: clinic)
    }

    private func made(
        _ name: String,
        _ permissions: [RolePermission],
        in clinic: ClinicID,
        by person: AccessDesk.Person
    ) async throws -> ClinicRole {
        let reply = try await make(name, permissions, in: clinic, by: person)
        try #require(reply.status == 201, "\(String(decoding: reply.body, as: UTF8.self))")
        return try JSONTape(reply.body).decode(ClinicRole.self)
    }

    private func assign(
        _ role: RoleID,
        locations: [LocationID]? = nil,
        to person: UserID,
        in clinic: ClinicID,
        by giver: AccessDesk.Person
    ) async throws -> (status: Int, code: String?) {
        let assignment = RoleAssignment(
            clinicId: clinic,
            userId: person,
            roles: [AssignedRole(role: role.description, locationIds: locations)]
        )
        let reply = try await desk.call(MemberEndpoints().assignRoles, assignment, as: giver, in: clinic)
        return (reply.status, reply.code)
    }

    private func mayList(_ person: AccessDesk.Person, in clinic: ClinicID) async throws -> Int {
        try await desk.call(MemberEndpoints().list, MemberListRequest(clinicId: clinic), as: person, in: clinic).status
    }

    @Test func aRoleIsInForceAsSoonAsItIsAssignedAndChanged() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let person = try await desk.member(["INVENTORY_MANAGER"], of: clinic, by: admin)
        let role = try await made("Greeter", Self.held("users:read"), in: clinic, by: admin)
        #expect(role.permissions == Self.held("users:read"))
        #expect(try await mayList(person, in: clinic) == 403)
        #expect(try await assign(role.id, to: person.id, in: clinic, by: admin).status == 200)
        #expect(try await mayList(person, in: clinic) == 200)
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: person)
        #expect(me.memberships.first?.roles == [role.id.description])
        #expect(me.memberships.first?.permissions == ["users:read"])
        // Everybody who holds it may do something else from now on.
        let patch = RolePatch(clinicId: clinic, roleId: role.id, permissions: Self.held("locations:read"))
        #expect(try await desk.call(endpoints.update, patch, as: admin, in: clinic).status == 200)
        #expect(try await mayList(person, in: clinic) == 403)
    }

    @Test func aRoleInUseStays() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let person = try await desk.member(["NURSE"], of: clinic, by: root)
        let role = try await made("Greeter", Self.held("users:read"), in: clinic, by: root)
        let path = RolePath(clinicId: clinic, roleId: role.id)
        #expect(try await assign(role.id, to: person.id, in: clinic, by: root).status == 200)
        let inUse = try await desk.call(endpoints.delete, path, as: root, in: clinic)
        #expect(inUse.status == 409 && inUse.code == "role_in_use")
        let nurse = RoleAssignment(clinicId: clinic, userId: person.id, roles: [AssignedRole(role: "NURSE")])
        _ = try await desk.ask(MemberEndpoints().assignRoles, nurse, as: root, in: clinic)
        #expect(try await desk.call(endpoints.delete, path, as: root, in: clinic).status == 204)
        #expect(try await desk.call(endpoints.read, path, as: root, in: clinic).status == 404)
        #expect(try await assign(role.id, to: person.id, in: clinic, by: root).status == 422)
        // Its name is free again.
        _ = try await made("Greeter", Self.held("users:read"), in: clinic, by: root)
    }

    @Test func assigningAndRemovingAtOnceLeavesNoHolderOfNothing() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let person = try await desk.member(["NURSE"], of: clinic, by: root)
        let desk = desk
        for turn in 0..<5 {
            let role = try await made("Turn \(turn)", Self.held("users:read"), in: clinic, by: root)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    let path = RolePath(clinicId: clinic, roleId: role.id)
                    return try await desk.call(RoleEndpoints().delete, path, as: root, in: clinic).status
                }
                group.addTask {
                    let roles = [AssignedRole(role: role.id.description)]
                    let assignment = RoleAssignment(clinicId: clinic, userId: person.id, roles: roles)
                    return try await desk.call(MemberEndpoints().assignRoles, assignment, as: root, in: clinic).status
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect([[204, 422], [200, 409]].contains(statuses.sorted()), "\(statuses)")
        }
    }

    @Test func nobodyMakesEditsOrAssignsWhatTheyDoNotHold() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let keeper = try await made(
            "Keeper",
            Self.held("roles:create", "roles:read", "roles:update", "roles:delete", "roles:assign", "users:read"),
            in: clinic,
            by: admin
        )
        let person = try await desk.member(["INVENTORY_MANAGER"], of: clinic, by: admin)
        #expect(try await assign(keeper.id, to: person.id, in: clinic, by: admin).status == 200)
        // Theirs to give.
        let own = try await made("Small", Self.held("users:read"), in: clinic, by: person)
        // Not theirs: by making, by changing what they hold themselves or give others, by assigning.
        let greedy = try await make("Greedy", Self.held("users:delete"), in: clinic, by: person)
        #expect(greedy.status == 403 && greedy.code == "grant_exceeds_own")
        for id in [own.id, keeper.id] {
            let patch = RolePatch(clinicId: clinic, roleId: id, permissions: Self.held("users:read", "users:delete"))
            #expect(try await desk.call(endpoints.update, patch, as: person, in: clinic).code == "grant_exceeds_own")
        }
        let strong = try await made("Strong", Self.held("users:delete"), in: clinic, by: admin)
        let weaken = RolePatch(clinicId: clinic, roleId: strong.id, permissions: Self.held("users:read"))
        #expect(try await desk.call(endpoints.update, weaken, as: person, in: clinic).code == "grant_exceeds_own")
        #expect(try await assign(strong.id, to: person.id, in: clinic, by: person).code == "grant_exceeds_own")
        // What others have beside their roles does not help.
        let foreign = RolePath(clinicId: clinic, roleId: strong.id)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: admin)
        #expect(try await desk.call(endpoints.delete, foreign, as: nurse, in: clinic).status == 403)
    }

    @Test func whoeverIsLimitedToALocationDefinesNothingForAll() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let draft = LocationDraft(clinicId: clinic, name: "Here")
        let here = try await desk.ask(LocationEndpoints().create, draft, as: root, in: clinic)
        let keeper = try await made(
            "Keeper",
            Self.held("roles:create", "roles:assign") + Self.held("patients:read", scope: .locations),
            in: clinic,
            by: root
        )
        let person = try await desk.member(["NURSE"], of: clinic, by: root)
        #expect(try await assign(keeper.id, locations: [here.id], to: person.id, in: clinic, by: root).status == 200)
        let wide = try await make("Wide", Self.held("patients:read", scope: .locations), in: clinic, by: person)
        #expect(wide.code == "grant_exceeds_own")
        #expect(try await assign(keeper.id, to: person.id, in: clinic, by: person).code == "grant_exceeds_own")
        let other = try await desk.member(["NURSE"], of: clinic, by: root)
        #expect(try await assign(keeper.id, locations: [here.id], to: other.id, in: clinic, by: person).status == 200)
    }

    @Test func badDefinitionsAreNamed() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let cases: [(String, [RolePermission])] = [
            ("A", Self.held("nothing:read")), ("A", Self.held("nonsense")), ("A", Self.held("clinics:create")),
            ("A", Self.held("users:system")), ("A", Self.held("users:create", scope: .own)),
            ("A", Self.held("users:read", "users:read")), ("Clinic_Admin", Self.held("users:read")),
            ("   ", Self.held("users:read")),
        ]
        for (name, permissions) in cases {
            #expect(try await make(name, permissions, in: clinic, by: root).status == 422, "\(name) \(permissions)")
        }
        _ = try await made("Taken", Self.held("users:read"), in: clinic, by: root)
        let taken = try await make("TAKEN", Self.held("users:read"), in: clinic, by: root)
        #expect(taken.status == 409 && taken.code == "role_name_taken")
    }

    @Test func aClinicHasItsOwnRolesAndSoMany() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let other = try await desk.clinic(by: root)
        let role = try await made("First", Self.held("users:read"), in: clinic, by: root)
        // Another clinic neither sees nor assigns it.
        let path = RolePath(clinicId: other, roleId: role.id)
        #expect(try await desk.call(endpoints.read, path, as: root, in: other).status == 404)
        let member = try await desk.member(["NURSE"], of: other, by: root)
        #expect(try await assign(role.id, to: member.id, in: other, by: root).status == 422)
        for number in 1..<ClinicRole.mostRoles {
            _ = try await made("Role \(number)", Self.held("users:read"), in: clinic, by: root)
        }
        let past = try await make("Past", Self.held("users:read"), in: clinic, by: root)
        #expect(past.status == 409 && past.code == "too_many_roles")
        let first = try await desk.ask(
            endpoints.listOwn,
            ClinicListRequest(clinicId: clinic, limit: 30),
            as: root,
            in: clinic
        )
        let rest = try await desk.ask(
            endpoints.listOwn,
            ClinicListRequest(clinicId: clinic, limit: 30, cursor: first.nextCursor),
            as: root,
            in: clinic
        )
        #expect(Set((first.items + rest.items).map(\.id)).count == ClinicRole.mostRoles)
        let all = try await desk.ask(endpoints.list, EmptyInput(), as: root, in: clinic).items
        #expect(all.count == Role.allCases.count + ClinicRole.mostRoles)
        #expect(all.contains { $0.role == role.id.description && $0.custom && $0.description == "Greets" })
        #expect(all.filter { !$0.custom }.allSatisfy { $0.description?.isEmpty == false })
    }

    @Test func everyPermissionSaysWhatItIsAndHowFarItReaches() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let all = try await desk.ask(endpoints.permissions, EmptyInput(), as: root, in: clinic).items
        #expect(all.count == Roles.rules.count)
        #expect(all.allSatisfy { $0.description.count > 5 })
        let ofPatients = try #require(all.first { $0.permission == "patients:read" })
        #expect(ofPatients.scopes == [.own, .treated, .locations, .clinic])
        #expect(all.first { $0.permission == "clinics:create" }?.scopes == [])
    }

    @Test func anOldVersionIsNotOverwritten() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let role = try await made("Greeter", Self.held("users:read"), in: clinic, by: root)
        let patch = RolePatch(clinicId: clinic, roleId: role.id, name: "Other", description: .clear)
        #expect(try await desk.call(endpoints.update, patch, as: root, in: clinic, ifMatch: "\"7\"").status == 412)
        let reply = try await desk.call(endpoints.update, patch, as: root, in: clinic, ifMatch: "\"1\"")
        let changed = try JSONTape(reply.body).decode(ClinicRole.self)
        #expect(changed.name == "Other" && changed.description == nil)
        #expect(changed.permissions == role.permissions)
    }
}
