import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// The people of a clinic: who may give what to whom.
@Suite(.serialized, .timeLimit(.minutes(5))) struct MemberTests {
    let desk: AccessDesk
    private let endpoints = MemberEndpoints()

    init() throws { desk = try AccessDesk() }

    private func assign(
        _ roles: [String],
        to person: UserID,
        in clinic: ClinicID,
        by giver: AccessDesk.Person
    ) async throws -> (status: Int, code: String?) {
        let reply = try await desk.call(
            endpoints.assignRoles,
            RoleAssignment(clinicId: clinic, userId: person, roles: roles.map { AssignedRole(role: $0) }),
            as: giver,
            in: clinic
        )
        return (reply.status, reply.code)
    }

    @Test func anInvitationIsGoodOnce() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let member = try await desk.invite(["RECEPTIONIST"], into: clinic, by: root)
        #expect(member.status == .invited)
        let token = try #require(member.invitation?.token)
        #expect(member.invitation?.url == "https://test.example/invitation#\(token)")
        let person = try await desk.accept(token, member.email)
        #expect(person.id == member.id)
        let accept = AuthenticationEndpoints().acceptInvitation
        let again = try await desk.call(accept, AcceptInvitation(token: token, password: "correct horse battery"))
        #expect(again.status == 410)
        let unknown = try await desk.call(accept, AcceptInvitation(token: "x", password: "correct horse battery"))
        #expect(unknown.status == 404)
        let shown = try await desk.ask(
            endpoints.read,
            MemberPath(clinicId: clinic, userId: person.id),
            as: root,
            in: clinic
        )
        #expect(shown.status == .active)
        #expect(shown.invitation == nil)
    }

    @Test func aNewInvitationReplacesTheOld() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let member = try await desk.invite(["RECEPTIONIST"], into: clinic, by: root)
        let path = MemberPath(clinicId: clinic, userId: member.id)
        let fresh = try await desk.ask(endpoints.invite, path, as: root, in: clinic)
        let old = try await desk.call(
            AuthenticationEndpoints().acceptInvitation,
            AcceptInvitation(token: try #require(member.invitation?.token), password: "correct horse battery")
        )
        #expect(old.status == 410)
        _ = try await desk.accept(try #require(fresh.token), member.email)
        #expect(try await desk.call(endpoints.invite, path, as: root, in: clinic).code == "already_active")
    }

    /// Whoever sends an invitation has seen its token: it must not open an account that exists.
    @Test func anInvitationIsNoWayIntoAnothersAccount() async throws {
        let root = try await desk.superAdmin()
        let first = try await desk.clinic(by: root)
        let second = try await desk.clinic(by: root)
        let doctor = try await desk.member(["DOCTOR"], of: first, by: root)
        let invited = try await desk.invite(["NURSE"], into: second, by: root, email: doctor.email)
        #expect(invited.id == doctor.id)
        let token = try #require(invited.invitation?.token)
        let accept = AuthenticationEndpoints().acceptInvitation
        let stolen = try await desk.call(accept, AcceptInvitation(token: token, password: "a password of my own"))
        #expect(stolen.code == "invalid_credentials")
        #expect(try await desk.call(accept, AcceptInvitation(token: token)).code == "invalid_credentials")
        #expect(try await desk.login(doctor).id == doctor.id)
        _ = try await desk.accept(token, doctor.email, password: doctor.password)
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: doctor)
        #expect(Set(me.memberships.map(\.clinicId)) == [first, second])
    }

    @Test func aRepeatedRequestDoesNotShowTheTokenAgain() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let draft = MemberDraft(
            clinicId: clinic,
            email: try AccessDesk.address("once"),
            name: "Once",
            roles: [AssignedRole(role: "NURSE")]
        )
        let first = try await desk.call(endpoints.create, draft, as: root, in: clinic, key: "once")
        let second = try await desk.call(endpoints.create, draft, as: root, in: clinic, key: "once")
        #expect(first.status == 201)
        #expect(second.status == 201)
        #expect(second.headers.contains { $0 == ("Idempotency-Replayed", "true") })
        #expect(try JSONTape(first.body).decode(Member.self).invitation?.token != nil)
        #expect(try JSONTape(second.body).decode(Member.self).invitation?.token == nil)
    }

    @Test func nobodyGrantsMoreThanTheyHold() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: admin)
        #expect(try await assign(["CLINIC_ADMIN"], to: nurse.id, in: clinic, by: admin).status == 200)
        #expect(try await assign(["SUPER_ADMIN"], to: nurse.id, in: clinic, by: admin).status == 422)
        #expect(try await assign(["WIZARD"], to: nurse.id, in: clinic, by: admin).status == 422)
        #expect(try await assign(["NURSE", "NURSE"], to: nurse.id, in: clinic, by: admin).status == 422)
        #expect(try await assign(["DOCTOR"], to: nurse.id, in: clinic, by: admin).status == 200)
        #expect(try await assign(["NURSE"], to: admin.id, in: clinic, by: nurse).status == 403)
        // Another clinic's administrator has nothing to do here.
        let other = try await desk.clinic(by: root)
        let stranger = try await desk.member(["CLINIC_ADMIN"], of: other, by: root)
        #expect(try await assign(["NURSE"], to: nurse.id, in: clinic, by: stranger).status == 404)
    }

    @Test func theLastAdministratorStays() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        #expect(try await assign(["NURSE"], to: admin.id, in: clinic, by: root).code == "last_admin")
        let path = MemberPath(clinicId: clinic, userId: admin.id)
        #expect(try await desk.call(endpoints.remove, path, as: root, in: clinic).code == "last_admin")
        let suspend = MemberPatch(clinicId: clinic, userId: admin.id, status: .suspended)
        #expect(try await desk.call(endpoints.update, suspend, as: root, in: clinic).code == "last_admin")
        // Somebody who was only invited administers nothing yet.
        let second = try await desk.invite(["CLINIC_ADMIN"], into: clinic, by: admin)
        #expect(try await desk.call(endpoints.remove, path, as: root, in: clinic).code == "last_admin")
        _ = try await desk.accept(try #require(second.invitation?.token), second.email)
        #expect(try await desk.call(endpoints.remove, path, as: root, in: clinic).status == 204)
        #expect(try await desk.call(endpoints.read, path, as: root, in: clinic).status == 404)
    }

    @Test func twoAdministratorsCannotRemoveEachOther() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let first = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let second = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let desk = desk
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for victim in [first.id, second.id] {
                group.addTask {
                    let path = MemberPath(clinicId: clinic, userId: victim)
                    return try await desk.call(MemberEndpoints().remove, path, as: root, in: clinic).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.sorted() == [204, 409])
    }

    @Test func aMemberIsOneOnce() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let email = try AccessDesk.address("twice")
        let desk = desk
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    let draft = MemberDraft(
                        clinicId: clinic,
                        email: email,
                        name: "Twice",
                        roles: [AssignedRole(role: "NURSE")]
                    )
                    return try await desk.call(MemberEndpoints().create, draft, as: root, in: clinic).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.sorted() == [201, 409, 409, 409, 409, 409])
    }

    @Test func aRemovedMemberMayComeBack() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        let path = MemberPath(clinicId: clinic, userId: nurse.id)
        #expect(try await desk.call(endpoints.remove, path, as: root, in: clinic).status == 204)
        #expect(
            try await desk.call(ClinicEndpoints().read, ClinicPath(clinicId: clinic), as: nurse, in: clinic).status
                == 404
        )
        let back = try await desk.invite(["DOCTOR"], into: clinic, by: root, email: nurse.email)
        #expect(back.id == nurse.id)
        #expect(back.roles == [AssignedRole(role: "DOCTOR")])
        _ = try await desk.accept(try #require(back.invitation?.token), nurse.email, password: nurse.password)
        #expect(
            try await desk.call(ClinicEndpoints().read, ClinicPath(clinicId: clinic), as: nurse, in: clinic).status
                == 200
        )
    }

    @Test func anotherVersionIsNotOverwritten() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        let patch = MemberPatch(clinicId: clinic, userId: nurse.id, name: "Other")
        #expect(try await desk.call(endpoints.update, patch, as: root, in: clinic, ifMatch: "\"1\"").status == 412)
        #expect(try await desk.call(endpoints.update, patch, as: root, in: clinic, ifMatch: "\"2\"").status == 200)
    }

    @Test func listsGoOnFromTheirCursorAndFilter() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        for role in ["NURSE", "DOCTOR", "NURSE"] { _ = try await desk.invite([role], into: clinic, by: root) }
        let first = try await desk.ask(
            endpoints.list,
            MemberListRequest(clinicId: clinic, role: "NURSE", limit: 1),
            as: root,
            in: clinic
        )
        let rest = try await desk.ask(
            endpoints.list,
            MemberListRequest(clinicId: clinic, role: "NURSE", cursor: first.nextCursor),
            as: root,
            in: clinic
        )
        #expect(first.items.count + rest.items.count == 2)
        #expect(rest.nextCursor == nil)
        let foreign = try await desk.call(
            endpoints.list,
            MemberListRequest(clinicId: clinic, role: "DOCTOR", cursor: first.nextCursor),
            as: root,
            in: clinic
        )
        #expect(foreign.status == 422)
        let named = try await desk.ask(
            endpoints.list,
            MemberListRequest(clinicId: clinic, q: "some"),
            as: root,
            in: clinic
        )
        #expect(named.items.count == 3)
        let wild = try await desk.ask(endpoints.list, MemberListRequest(clinicId: clinic, q: "%"), as: root, in: clinic)
        #expect(wild.items.isEmpty)
    }

    @Test(arguments: [nil, TimeOrder.oldestFirst, .newestFirst])
    func listsHaveTheOrderAskedFor(_ order: TimeOrder?) async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        var made: [UserID] = []
        for _ in 0..<3 { made.append(try await desk.invite(["NURSE"], into: clinic, by: root).id) }
        let expected = order == .newestFirst ? made.reversed() : made
        let request = MemberListRequest(clinicId: clinic, role: "NURSE", sort: order, limit: 2)
        let first = try await desk.ask(endpoints.list, request, as: root, in: clinic)
        var rest = request
        rest.cursor = first.nextCursor
        let second = try await desk.ask(endpoints.list, rest, as: root, in: clinic)
        #expect((first.items + second.items).map(\.id) == expected && second.nextCursor == nil)
        rest.sort = order == nil ? .newestFirst : nil
        #expect(try await desk.call(endpoints.list, rest, as: root, in: clinic).status == 422)
    }

    @Test func clinicsAndAccountsAreFound() async throws {
        let root = try await desk.superAdmin()
        let word = "Search \(RequestID())"
        let made = [
            try await desk.clinic(by: root, name: "\(word) one"), try await desk.clinic(by: root, name: "\(word) two"),
        ]
        func clinics(_ request: DirectoryRequest) async throws -> [ClinicID] {
            try await desk.ask(ClinicEndpoints().list, request, as: root).items.map(\.id)
        }
        #expect(try await clinics(DirectoryRequest(q: word)) == made)
        #expect(try await clinics(DirectoryRequest(q: word.uppercased(), sort: .newestFirst)) == made.reversed())
        #expect(try await clinics(DirectoryRequest(q: "\(word) two")) == [made[1]])
        #expect(try await clinics(DirectoryRequest(q: "%\(word)")).isEmpty)
        let slug = try await desk.ask(ClinicEndpoints().read, ClinicPath(clinicId: made[0]), as: root, in: made[0]).slug
        #expect(try await clinics(DirectoryRequest(q: "\(slug)")) == [made[0]])
        let accounts = SystemUserEndpoints().list
        let found = try await desk.ask(accounts, DirectoryRequest(q: "\(root.email)".uppercased()), as: root).items
        #expect(found.map(\.id) == [root.id])
        let one = try await desk.ask(SystemUserEndpoints().read, SystemUserPath(userId: root.id), as: root)
        #expect(one == found.first)
        let nobody = SystemUserPath(userId: UserID())
        #expect(try await desk.call(SystemUserEndpoints().read, nobody, as: root).status == 404)
        #expect(try await desk.ask(accounts, DirectoryRequest(q: "@"), as: root).items.isEmpty)
        let newest = try await desk.ask(accounts, DirectoryRequest(sort: .newestFirst, limit: 2), as: root).items
        #expect(newest.map(\.id) == newest.map(\.id).sorted(by: >) && newest.count == 2)
    }

    @Test func aPresetGivesItsRoles() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        func given(_ preset: RolePreset, by person: AccessDesk.Person) async throws -> BusReply {
            let draft = MemberDraft(
                clinicId: clinic,
                email: try AccessDesk.address("preset"),
                name: "Somebody",
                preset: preset
            )
            return try await desk.call(endpoints.create, draft, as: person, in: clinic)
        }
        let owner = try JSONTape(try await given(.owner, by: root).body).decode(Member.self)
        #expect(owner.roles.map(\.role) == ["CLINIC_ADMIN", "ACCOUNTANT"])
        let person = try await desk.accept(try #require(owner.invitation?.token), owner.email)
        let staff = RoleAssignment(clinicId: clinic, userId: person.id, preset: .staff)
        #expect(try await desk.call(endpoints.assignRoles, staff, as: root, in: clinic).code == "last_admin")
        let colleague = try JSONTape(try await given(.owner, by: person).body).decode(Member.self)
        let changed = try await desk.ask(
            endpoints.assignRoles,
            RoleAssignment(clinicId: clinic, userId: colleague.id, preset: .staff),
            as: person,
            in: clinic
        )
        #expect(changed.roles.map(\.role) == ["RECEPTIONIST", "INVENTORY_MANAGER"])
        // One of both, and never more than one holds.
        let neither = RoleAssignment(clinicId: clinic, userId: colleague.id)
        #expect(try await desk.call(endpoints.assignRoles, neither, as: person, in: clinic).status == 422)
        let both = RoleAssignment(
            clinicId: clinic,
            userId: colleague.id,
            roles: [AssignedRole(role: "NURSE")],
            preset: .staff
        )
        #expect(try await desk.call(endpoints.assignRoles, both, as: person, in: clinic).status == 422)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        #expect(try await given(.staff, by: nurse).status == 403)
    }

    @Test func aHeadOfOneLocationSeesItsPeopleOnly() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        var places: [LocationID] = []
        for name in ["Here", "There"] {
            let draft = LocationDraft(clinicId: clinic, name: name)
            places.append(try await desk.ask(LocationEndpoints().create, draft, as: root, in: clinic).id)
        }
        func member(_ role: String, at place: LocationID?) async throws -> AccessDesk.Person {
            let person = try await desk.member([role], of: clinic, by: root)
            let roles = [AssignedRole(role: role, locationIds: place.map { [$0] })]
            let assignment = RoleAssignment(clinicId: clinic, userId: person.id, roles: roles)
            _ = try await desk.ask(endpoints.assignRoles, assignment, as: root, in: clinic)
            return person
        }
        let head = try await member("LOCATION_HEAD", at: places[0])
        let colleague = try await member("NURSE", at: places[0])
        let stranger = try await member("NURSE", at: places[1])
        let everywhere = try await member("RECEPTIONIST", at: nil)
        let list = try await desk.ask(endpoints.list, MemberListRequest(clinicId: clinic), as: head, in: clinic)
        #expect(Set(list.items.map(\.id)) == [head.id, colleague.id, everywhere.id])
        func status(_ person: AccessDesk.Person) async throws -> Int {
            let path = MemberPath(clinicId: clinic, userId: person.id)
            return try await desk.call(endpoints.read, path, as: head, in: clinic).status
        }
        #expect(try await status(colleague) == 200)
        #expect(try await status(everywhere) == 200)
        #expect(try await status(stranger) == 404)
        let seen = try await desk.ask(
            LocationEndpoints().list,
            ClinicListRequest(clinicId: clinic),
            as: head,
            in: clinic
        )
        #expect(seen.items.count == 2, "where the clinic is, everybody may know")
    }

    /// What a request smuggles in is refused before it is read; what it may say does not raise anybody.
    @Test func nobodyRaisesThemselves() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: admin)
        #expect(try await assign(["CLINIC_ADMIN"], to: nurse.id, in: clinic, by: nurse).status == 403)
        #expect(try await assign(["SUPER_ADMIN"], to: admin.id, in: clinic, by: admin).status == 422)
        #expect(try await assign(["SYSTEM_AUDITOR"], to: admin.id, in: clinic, by: root).status == 422)
        let system = SystemRoleAssignment(userId: admin.id, role: .superAdmin)
        #expect(try await desk.call(SystemUserEndpoints().setSystemRoles, system, as: admin).status == 403)
        for schema in try [endpoints.update.inputSchema, AuthenticationEndpoints().updateMe.inputSchema] {
            let known = Set(schema.properties.map(\.name))
            let foreign = ["roles", "systemRoles", "permissions", "email", "patientId", "doctorId", "version", "id"]
            #expect(known.isDisjoint(with: foreign), "\(known)")
        }
        let patch = try RoleEndpoints().update.inputSchema.properties.map(\.name)
        #expect(Set(patch) == ["clinicId", "roleId", "name", "description", "permissions"])
    }

    @Test func aRoleMayBeLimitedToLocationsOfTheClinicOnly() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let other = try await desk.clinic(by: root)
        let here = try await desk.ask(
            LocationEndpoints().create,
            LocationDraft(clinicId: clinic, name: "Here"),
            as: root,
            in: clinic
        )
        let there = try await desk.ask(
            LocationEndpoints().create,
            LocationDraft(clinicId: other, name: "There"),
            as: root,
            in: other
        )
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        func limited(to location: LocationID) -> RoleAssignment {
            RoleAssignment(
                clinicId: clinic,
                userId: nurse.id,
                roles: [AssignedRole(role: "NURSE", locationIds: [location])]
            )
        }
        #expect(try await desk.call(endpoints.assignRoles, limited(to: there.id), as: root, in: clinic).status == 422)
        #expect(try await desk.call(endpoints.assignRoles, limited(to: here.id), as: root, in: clinic).status == 200)
        let path = LocationPath(clinicId: clinic, locationId: here.id)
        #expect(try await desk.call(LocationEndpoints().delete, path, as: root, in: clinic).code == "location_in_use")
        let foreign = LocationPath(clinicId: clinic, locationId: there.id)
        #expect(try await desk.call(LocationEndpoints().read, foreign, as: root, in: clinic).status == 404)
    }
}
