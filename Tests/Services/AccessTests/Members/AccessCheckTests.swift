import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import TestKit
import Testing

@testable import Access

/// Decisions with their reasons.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AccessCheckTests {
    let desk: AccessDesk
    private let check = RoleEndpoints().check

    init() throws { desk = try AccessDesk() }

    private func reasons(
        _ checks: [AccessCheck],
        as person: AccessDesk.Person,
        about user: UserID? = nil,
        in clinic: ClinicID
    ) async throws -> [AccessAnswer] {
        try await desk.ask(check, AccessCheckRequest(checks: checks, user: user), as: person, in: clinic).items
    }

    @Test func everyAnswerHasItsReason() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let draft = LocationDraft(clinicId: clinic, name: "Here")
        let here = try await desk.ask(LocationEndpoints().create, draft, as: root, in: clinic)
        let person = try await desk.member(["RECEPTIONIST", "PATIENT"], of: clinic, by: root)
        let roles = [AssignedRole(role: "RECEPTIONIST", locationIds: [here.id]), AssignedRole(role: "DOCTOR")]
        let assignment = RoleAssignment(clinicId: clinic, userId: person.id, roles: roles)
        _ = try await desk.ask(MemberEndpoints().assignRoles, assignment, as: root, in: clinic)
        let answers = try await reasons(
            [
                AccessCheck(permission: Permission("appointments:read")),
                AccessCheck(
                    permission: Permission("appointments:read"),
                    resource: CheckedResource(locationId: here.id)
                ),
                AccessCheck(
                    permission: Permission("appointments:read"),
                    resource: CheckedResource(locationId: LocationID())
                ),
                AccessCheck(permission: Permission("users:delete")),
                AccessCheck(permission: Permission("surely:unknown")),
            ],
            as: person,
            in: clinic
        )
        #expect(
            answers.map(\.reason) == [
                "allowed_by_role", "allowed_by_role", "location_out_of_scope", "forbidden", "unknown_permission",
            ]
        )
        #expect(answers.map(\.allowed) == [true, true, false, false, false])
        #expect(answers[0].role == "RECEPTIONIST" && answers[0].scope == .locations)
        #expect(answers[0].locationIds == [here.id])
        // A doctor without a record treats nobody.
        let doctor = try await desk.member(["DOCTOR"], of: clinic, by: root)
        let treated = try await reasons(
            [AccessCheck(permission: Permission("patients:read"))],
            as: doctor,
            in: clinic
        )
        #expect(treated.map(\.reason) == ["record_missing"])
    }

    @Test func othersAreAskedAboutByThoseWhoAssignRoles() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let other = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        let stranger = try await desk.member(["NURSE"], of: other, by: root)
        let checks = [AccessCheck(permission: Permission("messages:send"))]
        let told = try await reasons(checks, as: admin, about: nurse.id, in: clinic)
        #expect(told.map(\.role) == ["NURSE"])
        // People of other clinics are told apart from nobody by no answer.
        for unknown in [stranger.id, UserID()] {
            let answers = try await reasons(checks, as: admin, about: unknown, in: clinic)
            #expect(answers.map(\.reason) == ["not_member"])
        }
        let input = AccessCheckRequest(checks: checks, user: admin.id)
        #expect(try await desk.call(check, input, as: nurse, in: clinic).status == 403)
        let foreign = AccessCheckRequest(checks: checks, user: stranger.id)
        #expect(try await desk.call(check, foreign, as: admin, in: other).status == 403)
        let byRoot = try await reasons(checks, as: root, in: clinic)
        #expect(byRoot.map(\.role) == ["SUPER_ADMIN"])
    }
}
