import Authorization
import Bus
import Contracts
import Core
import NIOHTTP1
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2)))
struct AccessTests {
    @Test func memberIsLetInWithScopeAndRoles() async throws {
        try await TestGateway.run { gateway in
            let (clinic, user) = gateway.access.member([.patient], patient: PatientID())
            let answer = try await gateway.eventuallyGet(
                "/api/v1/things",
                [bearer(try gateway.tokens.token(for: user))]
            )
            let told = try answer.told
            #expect(told["clinic"] == clinic.description)
            #expect(told["scope"] == "own")
            #expect(told["roles"] == "PATIENT")
            #expect(told["principal"] == user.description)
            #expect(told["kind"] == "user")
        }
    }

    @Test func withoutATokenNothingIsShown() async throws {
        try await TestGateway.run { gateway in
            for path in ["/api/v1/things", "/api/v1/me", "/api/v1/clinics/\(ClinicID())/things"] {
                let answer = try await gateway.get(path)
                #expect(answer.status == 401)
                #expect(answer.header("WWW-Authenticate") == "Bearer")
                #expect(try answer.code == "unauthenticated")
            }
            let wrong = try await gateway.get("/api/v1/things", [bearer("not-a-token")])
            #expect(wrong.status == 401)
            #expect(wrong.header("WWW-Authenticate") == "Bearer error=\"invalid_token\"")
            let basic = try await gateway.get("/api/v1/things", [("Authorization", "Basic YTpi")])
            #expect(basic.status == 401)
            #expect(gateway.access.denials.isEmpty)
        }
    }

    @Test func roleWithoutThePermissionIsRefusedAndRecordedFirst() async throws {
        try await TestGateway.run { gateway in
            let (clinic, user) = gateway.access.member([.inventoryManager])
            let token = try gateway.tokens.token(for: user)
            let thing = AppointmentID()
            let answer = try await gateway.eventuallyGet("/api/v1/things/\(thing)", [bearer(token)], status: 403)
            #expect(try answer.code == "forbidden")
            let entry = try #require(gateway.access.denials.first)
            #expect(entry.clinicId == clinic)
            #expect(entry.actor.id == user.description)
            #expect(entry.actor.roles == ["INVENTORY_MANAGER"])
            #expect(entry.action == "appointments:read")
            #expect(entry.resource == AuditRecord.Resource(type: "appointments", id: thing.description))
            #expect(entry.outcome == .denied)
            #expect(entry.requestId.description == answer.header("X-Request-Id"))
            // The same again within the minute is counted, not sent once more.
            for _ in 0..<5 {
                #expect(try await gateway.get("/api/v1/things/\(thing)", [bearer(token)]).status == 403)
            }
            #expect(gateway.access.denials.count == 1)
            await gateway.stop()
            try await eventually("the count is written") { gateway.access.denials.count == 2 }
            #expect(gateway.access.denials.last?.count == 5)
        }
    }

    @Test func anotherClinicIsNotThereAndTheCallersClinicKnows() async throws {
        try await TestGateway.run { gateway in
            let (home, user) = gateway.access.member([.clinicAdmin])
            let (other, _) = gateway.access.member([.clinicAdmin])
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            for request in [
                ("/api/v1/clinics/\(other)/things", []), ("/api/v1/things", [("X-Clinic-Id", other.description)]),
                ("/api/v1/clinics/\(ClinicID())/things", []), ("/api/v1/clinics/nonsense/things", []),
            ] {
                let answer = try await gateway.get(request.0, request.1 + [bearer(token)])
                #expect(answer.status == 404)
                #expect(try answer.code == "not_found")
            }
            #expect(gateway.access.denials.map(\.clinicId) == [home])
            #expect(gateway.access.denials.first?.reason == "not_found")
        }
    }

    @Test func clinicIsNamedOnceAndAlike() async throws {
        try await TestGateway.run { gateway in
            let (one, user) = gateway.access.member([.doctor], doctor: DoctorID())
            let (two, _) = gateway.access.member([.nurse])
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            let mismatch = try await gateway.get(
                "/api/v1/clinics/\(one)/things",
                [bearer(token), ("X-Clinic-Id", two.description)]
            )
            #expect(mismatch.status == 400)
            #expect(try mismatch.code == "clinic_mismatch")
            let same = try await gateway.get(
                "/api/v1/clinics/\(one)/things",
                [bearer(token), ("X-Clinic-Id", one.description)]
            )
            #expect(same.status == 200)
            let twice = try await gateway.get(
                "/api/v1/things",
                [bearer(token), ("X-Clinic-Id", "\(one)"), ("X-Clinic-Id", "\(two)")]
            )
            #expect(twice.status == 400)
            // A member of two clinics says which.
            gateway.access.change { changes in
                for index in changes.users.indices where changes.users[index].id == user {
                    let grant = MembershipGrant(clinicId: two, roles: [RoleGrant(role: .nurse)])
                    changes.users[index].memberships.append(grant)
                }
            }
            let needed = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)], status: 400)
            #expect(try needed.code == "clinic_required")
            let named = try await gateway.get("/api/v1/things", [bearer(token), ("X-Clinic-Id", "\(two)")])
            #expect(try named.told["clinic"] == two.description)
            #expect(try named.told["roles"] == "NURSE")
        }
    }

    @Test func systemRolesNameTheClinicAndExpire() async throws {
        try await TestGateway.run { gateway in
            let (clinic, _) = gateway.access.member([.nurse])
            let root = UserID()
            gateway.access.change { changes in
                changes.users.append(UserGrants(id: root, systemRoles: [SystemGrant(role: .superAdmin)]))
            }
            let token = try gateway.tokens.token(for: root)
            let unnamed = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)], status: 400)
            #expect(try unnamed.code == "clinic_required")
            let named = try await gateway.get("/api/v1/things", [bearer(token), ("X-Clinic-Id", "\(clinic)")])
            #expect(try named.told["scope"] == "clinic")
            #expect(try named.told["roles"] == "SUPER_ADMIN")
            gateway.access.change { changes in
                for index in changes.users.indices where changes.users[index].id == root {
                    changes.users[index].systemRoles = [SystemGrant(role: .superAdmin, expiresAt: Instant(seconds: 1))]
                }
            }
            _ = try await gateway.eventuallyGet(
                "/api/v1/things",
                [bearer(token), ("X-Clinic-Id", "\(clinic)")],
                status: 404
            )
        }
    }

    @Test func revokedSignInInactiveUserAndSuspendedClinicAreShutOut() async throws {
        try await TestGateway.run { gateway in
            let (clinic, user) = gateway.access.member([.clinicAdmin])
            let signIn = SignInID()
            let token = try gateway.tokens.token(for: user, signIn: signIn)
            let other = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            gateway.access.change {
                $0.revocations.append(RevokedSignIn(id: signIn, until: .now() + .seconds(900)))
            }
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)], status: 401)
            #expect(try await gateway.get("/api/v1/things", [bearer(other)]).status == 200)
            gateway.access.change { $0.clinics[0].status = .suspended }
            let suspended = try await gateway.eventuallyGet("/api/v1/things", [bearer(other)], status: 403)
            #expect(try suspended.code == "clinic_suspended")
            #expect(gateway.access.denials.last?.clinicId == clinic)
            gateway.access.change { $0.users[0].active = false }
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(other)], status: 401)
        }
    }

    /// As somebody does who accepts an invitation and signs in at once.
    @Test func whoHasJustBecomeActiveIsLetInBeforeTheNewsComes() async throws {
        try await TestGateway.run { gateway in
            let (_, invited) = gateway.access.member([.clinicAdmin])
            gateway.access.change { $0.users[0].active = false }
            let (_, bystander) = gateway.access.member([.clinicAdmin])
            let (token, other) = (try gateway.tokens.token(for: invited), try gateway.tokens.token(for: bystander))
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(other)])
            // Access may just have been asked about somebody else: this one is asked about all the same.
            gateway.access.silence(true)
            gateway.access.change { $0.users[0].active = true }
            #expect(try await gateway.get("/api/v1/things", [bearer(token)]).status == 200)
        }
    }

    @Test func locationsOfARoleBecomeTheScope() async throws {
        try await TestGateway.run { gateway in
            let (_, user) = gateway.access.member([.receptionist], locations: [LocationID()])
            let token = try gateway.tokens.token(for: user)
            let answer = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            #expect(try answer.told["scope"] == "locations")
        }
    }

    @Test func aChangeOfAClinicsOwnRoleIsInForce() async throws {
        try await TestGateway.run { gateway in
            let (clinic, user) = gateway.access.member([.inventoryManager])
            let role = RoleID()
            func define(_ permissions: [PermissionReach]) {
                gateway.access.change { changes in
                    changes.roles = [RolePolicy(id: role, clinicId: clinic, permissions: permissions)]
                }
            }
            define([PermissionReach(permission: Permission("appointments:read"), scope: .clinic)])
            gateway.access.change { $0.users[0].memberships[0].roles = [RoleGrant(role: .custom(role))] }
            let token = try gateway.tokens.token(for: user)
            let answer = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            #expect(try answer.told["roles"] == role.description)
            #expect(try answer.told["within"] == "")
            // What the operation asks for past its guard is decided by the clinic's own roles as well.
            define([
                PermissionReach(permission: Permission("appointments:read"), scope: .clinic),
                PermissionReach(permission: Permission("doctors:update"), scope: .locations),
            ])
            try await eventually("the role holds more") {
                let told = try await gateway.get("/api/v1/things", [bearer(token)]).told
                return told["within"] == "doctors:update"
            }
            define([PermissionReach(permission: Permission("doctors:read"), scope: .clinic)])
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)], status: 403)
            #expect(gateway.access.denials.last?.actor.roles == [role.description])
        }
    }

    @Test func signedInOperationsNeedNoClinic() async throws {
        try await TestGateway.run { gateway in
            let user = UserID()
            gateway.access.change { $0.users.append(UserGrants(id: user)) }
            let answer = try await gateway.eventuallyGet("/api/v1/me", [bearer(try gateway.tokens.token(for: user))])
            #expect(try answer.told["scope"] == "account")
            #expect(try answer.told["clinic"] == nil)
        }
    }

    /// News that come late are no reason to refuse anybody while access can be asked.
    @Test func withoutNewsAccessIsAsked() async throws {
        try await TestGateway.run { gateway in
            let (_, user) = gateway.access.member([.clinicAdmin])
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            gateway.access.silence(true)
            try await eventually("the policy is old", within: .seconds(10)) {
                try await gateway.get("/health/ready").status == 503
            }
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await gateway.get("/api/v1/things", [bearer(token)]).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers) == [200])
            // What was taken away meanwhile is known as well.
            gateway.access.change { changes in
                for index in changes.users.indices where changes.users[index].id == user {
                    changes.users[index].memberships = []
                }
            }
            try await eventually("it is not allowed any more", within: .seconds(10)) {
                try await gateway.get("/api/v1/things", [bearer(token)]).status != 200
            }
        }
    }

    @Test func withoutAccessEveryGuardedRequestIsRefused() async throws {
        try await TestGateway.run { gateway in
            let (_, user) = gateway.access.member([.clinicAdmin])
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            gateway.access.leave(true)
            let stale = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)], status: 503)
            #expect(stale.header("Retry-After") == "1")
            #expect(try await gateway.get("/health/ready").status == 503)
            #expect(try await gateway.get("/health/live").status == 200)
            let open = try await gateway.post("/api/v1/auth/sign-in", body: #"{"name":"a"}"#)
            #expect(open.status == 200)
            gateway.access.leave(false)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
        }
    }

    @Test func refusalThatCannotBeRecordedIsNotTold() async throws {
        try await TestGateway.run { gateway in
            let (_, user) = gateway.access.member([.inventoryManager])
            let token = try gateway.tokens.token(for: user)
            gateway.access.loseDenials()
            let answer = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)], status: 503)
            #expect(try answer.code == "unavailable")
        }
    }

    @Test func serviceRefusalsOfUnauditedReadsAreRecorded() async throws {
        try await TestGateway.run(handler: { request in
            .reply(
                BusReply(
                    status: 404,
                    contentType: Problem.mediaType,
                    body: Problem.notFound.body(instance: request.id)
                )
            )
        }) { gateway in
            let (clinic, user) = gateway.access.member([.clinicAdmin])
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things/\(AppointmentID())", [bearer(token)], status: 404)
            #expect(gateway.access.denials.map(\.clinicId) == [clinic])
            // A change records its own failure in its service.
            let change = try await gateway.send(.DELETE, "/api/v1/things/\(AppointmentID())", [bearer(token)])
            #expect(change.status == 404)
            #expect(gateway.access.denials.count == 1)
        }
    }
}

func bearer(_ token: String) -> (String, String) { ("Authorization", "Bearer \(token)") }

extension TestGateway {
    /// Asks until policy that was just changed has arrived.
    func eventuallyGet(
        _ path: String,
        _ headers: [(String, String)] = [],
        status: Int = 200
    ) async throws -> Answer {
        try await eventually("\(path) answers \(status)", within: .seconds(10)) {
            let answer = try await get(path, headers)
            return answer.status == status ? answer : nil
        }
    }
}
