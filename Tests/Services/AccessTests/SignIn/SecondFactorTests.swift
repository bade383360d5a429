import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// An authenticator app: from enrolling to doing without it, and what a code is good for.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SecondFactorTests {
    let desk: AccessDesk
    private let endpoints = SecondFactorEndpoints()
    private let login = AuthenticationEndpoints().login

    init() throws { desk = try AccessDesk() }

    /// Somebody with an app, and what the app knows.
    private struct Enrolled {
        var person: AccessDesk.Person
        var clinic: ClinicID
        var totp: TOTP
        var recoveryCodes: [String]
    }

    private func nurse() async throws -> (AccessDesk.Person, ClinicID) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (try await desk.member(["NURSE"], of: clinic, by: root), clinic)
    }

    private func enrolled() async throws -> Enrolled {
        let (person, clinic) = try await nurse()
        let begun = try await desk.ask(endpoints.enroll, EnrollTOTP(password: person.password), as: person)
        let totp = TOTP(secret: try #require(Self.bytes(base32: begun.secret)))
        #expect(begun.uri.contains("secret=\(begun.secret)&"))
        let codes = try await desk.ask(endpoints.confirm, ConfirmTOTP(code: code(totp)), as: person).recoveryCodes
        // Its step is over with the confirmation; tests need not wait for the next one.
        try forgetSteps(of: person)
        return Enrolled(person: person, clinic: clinic, totp: totp, recoveryCodes: codes)
    }

    private func code(_ totp: TOTP, _ distance: Int64 = 0) -> String { totp.code(at: TOTP.step(at: .now()) + distance) }

    private func forgetSteps(of person: AccessDesk.Person) throws {
        try desk.test.asOwner("update access.totp_factors set last_step = 0 where user_id = '\(person.id)'")
    }

    private func signIn(_ person: AccessDesk.Person, _ totp: String?) async throws -> BusReply {
        let request = LoginRequest(email: person.email, password: person.password, totp: totp)
        return try await desk.call(login, request)
    }

    private static func bytes(base32 text: String) -> [UInt8]? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var (bytes, buffer, bits): ([UInt8], UInt32, Int) = ([], 0, 0)
        for letter in text {
            guard let value = alphabet.firstIndex(of: letter) else { return nil }
            buffer = buffer << 5 | UInt32(value)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return bytes
    }

    @Test func onceConfirmedACodeIsAskedForAfterThePassword() async throws {
        let enrolled = try await enrolled()
        let person = enrolled.person
        #expect(Set(enrolled.recoveryCodes).count == RecoveryCode.count)
        let missing = try await signIn(person, nil)
        #expect(missing.status == 401)
        #expect(missing.code == "totp_required")
        let wrong = try await signIn(person, "000000")
        #expect(wrong.status == 401)
        #expect(wrong.code == "totp_invalid")
        #expect(try await signIn(person, code(enrolled.totp)).status == 200)
        // A wrong password is told nothing of the app, with a right code or without.
        for totp in [nil, code(enrolled.totp, 1)] {
            let request = LoginRequest(email: person.email, password: "a wrong guess", totp: totp)
            #expect(try await desk.call(login, request).code == "invalid_credentials")
        }
        let entries = try await desk.entries(of: enrolled.clinic, action: "access.auth.login")
        #expect(
            entries.compactMap(\.reason).sorted() == [
                "totp", "totp_required", "wrong_password", "wrong_password", "wrong_totp",
            ]
        )
    }

    @Test func aCodeIsGoodOnce() async throws {
        let enrolled = try await enrolled()
        let now = code(enrolled.totp)
        #expect(try await signIn(enrolled.person, now).status == 200)
        #expect(try await signIn(enrolled.person, now).code == "totp_invalid")
        // Nor is the one before it good any more, while the next one is.
        #expect(try await signIn(enrolled.person, code(enrolled.totp, -1)).code == "totp_invalid")
        #expect(try await signIn(enrolled.person, code(enrolled.totp, 1)).status == 200)
    }

    @Test func aCodeGivenManyTimesAtOnceIsTakenOnce() async throws {
        let enrolled = try await enrolled()
        let (desk, login) = (desk, login)
        for given in [code(enrolled.totp), enrolled.recoveryCodes[0]] {
            let request = LoginRequest(email: enrolled.person.email, password: enrolled.person.password, totp: given)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 { group.addTask { try await desk.call(login, request).status } }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [200: 1, 401: 5])
        }
    }

    @Test func guessesAtTheCodeMakeTheGuesserWait() async throws {
        let enrolled = try await enrolled()
        for _ in 0..<Lockout.triesPerSource { _ = try await signIn(enrolled.person, "000000") }
        #expect(try await signIn(enrolled.person, code(enrolled.totp)).code == "invalid_credentials")
    }

    @Test func aRecoveryCodeOpensOnceAndNewOnesReplaceThem() async throws {
        let enrolled = try await enrolled()
        let person = enrolled.person
        #expect(try await signIn(person, enrolled.recoveryCodes[0].uppercased()).status == 200)
        #expect(try await signIn(person, enrolled.recoveryCodes[0]).code == "totp_invalid")
        let proof = ProvenRequest(password: person.password, code: code(enrolled.totp))
        let renewed = try await desk.ask(endpoints.recoveryCodes, proof, as: person).recoveryCodes
        #expect(Set(renewed).isDisjoint(with: enrolled.recoveryCodes))
        #expect(try await signIn(person, enrolled.recoveryCodes[1]).code == "totp_invalid")
        #expect(try await signIn(person, renewed[1]).status == 200)
        let entries = try await desk.entries(of: enrolled.clinic, action: "access.auth.login")
        #expect(entries.filter { $0.reason == "recovery_code" }.count == 2)
    }

    @Test func enrollingNeedsThePassword() async throws {
        let (person, clinic) = try await nurse()
        let wrong = try await desk.call(endpoints.enroll, EnrollTOTP(password: "a wrong guess"), as: person)
        #expect(wrong.status == 401)
        #expect(wrong.code == "invalid_credentials")
        #expect(try await desk.call(endpoints.enroll, EnrollTOTP(password: person.password)).status == 401)
        // Without a beginning there is nothing to confirm; a beginning alone asks for nothing.
        let early = try await desk.call(endpoints.confirm, ConfirmTOTP(code: "123456"), as: person)
        #expect(early.code == "totp_not_enrolled")
        _ = try await desk.ask(endpoints.enroll, EnrollTOTP(password: person.password), as: person)
        #expect(try await desk.call(endpoints.confirm, ConfirmTOTP(code: "000000"), as: person).code == "totp_invalid")
        #expect(try await signIn(person, nil).status == 200)
        try desk.test.asOwner(
            "update access.totp_factors set enrolled_at = now() - interval '1 hour' where user_id = '\(person.id)'"
        )
        let late = try await desk.call(endpoints.confirm, ConfirmTOTP(code: "000000"), as: person)
        #expect(late.code == "totp_not_enrolled")
        let refused = try await desk.entries(of: clinic, action: "access.totp.enroll")
        #expect(refused.compactMap(\.reason) == ["wrong_password"])
        #expect(refused.map(\.outcome.rawValue).sorted() == ["denied", "succeeded"])
    }

    @Test func whatIsConfirmedIsNotReplaced() async throws {
        let enrolled = try await enrolled()
        let again = EnrollTOTP(password: enrolled.person.password)
        #expect(try await desk.call(endpoints.enroll, again, as: enrolled.person).code == "totp_enabled")
        let confirm = ConfirmTOTP(code: code(enrolled.totp))
        #expect(try await desk.call(endpoints.confirm, confirm, as: enrolled.person).code == "totp_enabled")
        #expect(try await signIn(enrolled.person, code(enrolled.totp)).status == 200)
    }

    @Test func doingWithoutItNeedsPasswordAndCode() async throws {
        let enrolled = try await enrolled()
        let person = enrolled.person
        for (password, code, problem) in [
            ("a wrong guess", code(enrolled.totp), "invalid_credentials"), (person.password, "000000", "totp_invalid"),
        ] {
            let request = ProvenRequest(password: password, code: code)
            #expect(try await desk.call(endpoints.disable, request, as: person).code == problem)
        }
        #expect(try await signIn(person, nil).code == "totp_required")
        let proof = ProvenRequest(password: person.password, code: code(enrolled.totp))
        #expect(try await desk.call(endpoints.disable, proof, as: person).status == 204)
        #expect(try await signIn(person, nil).status == 200)
        #expect(try await desk.call(endpoints.disable, proof, as: person).code == "totp_not_enabled")
        let entries = try await desk.entries(of: enrolled.clinic, action: "access.totp.disable")
        #expect(entries.map(\.outcome.rawValue).sorted() == ["denied", "denied", "failed", "succeeded"])
    }

    @Test func anInvitationIsNoWayRoundIt() async throws {
        let enrolled = try await enrolled()
        let root = try await desk.superAdmin()
        let second = try await desk.clinic(by: root)
        let member = try await desk.invite(["NURSE"], into: second, by: root, email: enrolled.person.email)
        let token = try #require(member.invitation?.token)
        let accept = AuthenticationEndpoints().acceptInvitation
        let without = AcceptInvitation(token: token, password: enrolled.person.password)
        #expect(try await desk.call(accept, without).code == "totp_required")
        let with = AcceptInvitation(token: token, password: enrolled.person.password, totp: code(enrolled.totp))
        #expect(try await desk.call(accept, with).status == 200)
    }

    @Test func anAdministratorTakesALostOneAway() async throws {
        let enrolled = try await enrolled()
        let (person, clinic) = (enrolled.person, enrolled.clinic)
        let root = try await desk.superAdmin()
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let path = MemberPath(clinicId: clinic, userId: person.id)
        #expect(try await desk.call(endpoints.reset, path, as: admin, in: clinic).status == 204)
        #expect(try await signIn(person, nil).status == 200)
        #expect(try await signIn(person, enrolled.recoveryCodes[0]).status == 200, "no code is asked for any more")
        let notices = try await desk.notices(of: clinic, to: person.email).filter {
            $0.request.template == .secondFactorReset
        }
        #expect(notices.count == 1 && notices.first?.request.userId == person.id)
        let again = try await desk.call(endpoints.reset, path, as: admin, in: clinic)
        #expect(again.code == "totp_not_enabled")
        let told = try await desk.test.audit(of: clinic).filter {
            $0.action == "users:reset_second_factor" && $0.outcome == .succeeded
        }
        #expect(told.map(\.resource.id) == [person.id.description])
        #expect(told.map(\.actor.id) == [admin.id.description])
        // A new one is set up from the beginning.
        let begun = try await desk.ask(endpoints.enroll, EnrollTOTP(password: person.password), as: person)
        #expect(Self.bytes(base32: begun.secret) != enrolled.totp.secret)
    }

    @Test func nobodyTakesTheirOwnAwayNorThatOfWhoMayMore() async throws {
        let enrolled = try await enrolled()
        let (person, clinic) = (enrolled.person, enrolled.clinic)
        let root = try await desk.superAdmin()
        func reset(by caller: AccessDesk.Person, in place: ClinicID) async throws -> BusReply {
            try await desk.call(
                endpoints.reset,
                MemberPath(clinicId: place, userId: person.id),
                as: caller,
                in: place
            )
        }
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        #expect(try await reset(by: nurse, in: clinic).status == 403)
        let other = try await desk.clinic(by: root)
        let stranger = try await desk.member(["CLINIC_ADMIN"], of: other, by: root)
        #expect(try await reset(by: stranger, in: other).status == 404)
        #expect(try await reset(by: stranger, in: clinic).status == 404)
        // With a role of the clinic's own that may do this and little else.
        let roles = RoleEndpoints()
        let draft = RoleDraft(
            clinicId: clinic,
            name: "Desk",
            permissions: [RolePermission(permission: "users:reset_second_factor", scope: .clinic)]
        )
        let role = try await desk.ask(roles.create, draft, as: root, in: clinic)
        let helper = try await desk.member(["\(role.id)"], of: clinic, by: root)
        #expect(try await reset(by: helper, in: clinic).code == "grant_exceeds_own")
        // Somebody of two clinics is no one clinic's affair.
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let member = try await desk.invite(["NURSE"], into: other, by: root, email: person.email)
        let accept = AcceptInvitation(
            token: try #require(member.invitation?.token),
            password: person.password,
            totp: code(enrolled.totp)
        )
        #expect(try await desk.call(AuthenticationEndpoints().acceptInvitation, accept).status == 200)
        #expect(try await reset(by: admin, in: clinic).code == "reaches_further")
        #expect(try await signIn(person, nil).code == "totp_required")
        #expect(try await reset(by: root, in: clinic).status == 204)
    }

    @Test func anAdministratorDoesNotTakeTheirOwnAway() async throws {
        let enrolled = try await enrolled()
        let root = try await desk.superAdmin()
        let assignment = RoleAssignment(
            clinicId: enrolled.clinic,
            userId: enrolled.person.id,
            roles: [AssignedRole(role: "CLINIC_ADMIN")]
        )
        _ = try await desk.ask(MemberEndpoints().assignRoles, assignment, as: root, in: enrolled.clinic)
        let path = MemberPath(clinicId: enrolled.clinic, userId: enrolled.person.id)
        let own = try await desk.call(endpoints.reset, path, as: enrolled.person, in: enrolled.clinic)
        #expect(own.status == 409 && own.code == "own_account")
        #expect(try await signIn(enrolled.person, nil).code == "totp_required")
    }

    @Test func aSentCodeIsNoWayRoundIt() async throws {
        let enrolled = try await enrolled()
        let codes = OneTimeCodeEndpoints()
        let request = CodeRequest(clinicId: enrolled.clinic, email: enrolled.person.email)
        #expect(try await desk.call(codes.request, request).status == 202)
        let sent = try await desk.notices(of: enrolled.clinic, to: enrolled.person.email)
        let code = try #require(sent.compactMap(\.code).last)
        let proof = CodeProof(clinicId: enrolled.clinic, email: enrolled.person.email, code: code)
        #expect(try await desk.call(codes.verify, proof).status == 401)
        let reasons = try await desk.entries(of: enrolled.clinic, action: codes.request.name).map(\.reason)
        #expect(reasons == ["second_factor"])
    }

    @Test func nothingOfItStandsInTheClear() async throws {
        let enrolled = try await enrolled()
        let user = enrolled.person.id
        let (sealed, hashes) = try await desk.test.inspect(
            """
            select sealed, array(select encode(code_hash, 'escape') from recovery_codes where user_id = \(user))
            from totp_factors where user_id = \(user)
            """
        ) { rows -> ([UInt8], [String]) in
            let row = try #require(rows.first)
            return (try row[0], try row[1])
        }
        #expect(!sealed.hex.contains(enrolled.totp.secret.hex))
        #expect(hashes.count == RecoveryCode.count)
        #expect(Set(hashes).isDisjoint(with: enrolled.recoveryCodes))
    }
}
