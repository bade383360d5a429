import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// Registering, and what it tells of who has registered before.
@Suite(.timeLimit(.minutes(5))) struct RegistrationTests {
    let desk: AccessDesk
    private let endpoints = OneTimeCodeEndpoints()

    init() throws { desk = try AccessDesk() }

    private func newClinic() async throws -> Clinic {
        let root = try await desk.superAdmin()
        let id = try await desk.clinic(by: root)
        return try await desk.ask(ClinicEndpoints().read, ClinicPath(clinicId: id), as: root, in: id)
    }

    private func draft(_ slug: String = "c-" + RequestID().description.suffix(20)) throws -> ClinicDraft {
        ClinicDraft(
            name: "New Practice",
            slug: try #require(Slug(slug)),
            timeZone: try #require(TimeZoneName("Europe/Berlin")),
            currency: try #require(Currency("EUR")),
            country: "DE"
        )
    }

    @Test func aPatientProvesTheAddressAndIsIn() async throws {
        let clinic = try await newClinic()
        let email = try AccessDesk.address("new")
        let registration = Registration(
            clinicSlug: clinic.slug,
            email: email,
            name: "Nora Neu",
            password: "a long enough password"
        )
        let begun = try await desk.call(endpoints.register, registration)
        #expect(begun.status == 202)
        // Until the address is proved there is nobody.
        let login = LoginRequest(email: email, password: "a long enough password")
        #expect(try await desk.call(AuthenticationEndpoints().login, login).status == 401)
        let code = try #require(try await desk.codes(of: clinic.id, to: email).last)
        let proof = CodeProof(clinicSlug: clinic.slug, email: email, code: code, purpose: .registration)
        let person = try AccessDesk.person(
            try await desk.ask(endpoints.verify, proof),
            email,
            "a long enough password"
        )
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: person)
        #expect(me.user.name == "Nora Neu" && me.user.email == email)
        #expect(me.memberships.map(\.clinicId) == [clinic.id])
        #expect(me.memberships.first?.roles == ["PATIENT"] && me.memberships.first?.patientId == nil)
        #expect(me.systemRoles.isEmpty)
        #expect(try await desk.login(person).id == person.id)
        #expect(try await desk.call(endpoints.verify, proof).code == "invalid_code")
        let told = try await desk.notices(of: clinic.id, to: email).map(\.request.template)
        #expect(told == [.oneTimeCode, .welcome])
        let entries = try await desk.entries(of: clinic.id, action: "access.auth.verify_code")
        #expect(entries.contains { $0.reason == "registered" && $0.outcome == .succeeded })
    }

    /// What the calendar ties a record by: an address that is proved, and the date that was given.
    @Test func theCalendarIsToldOnceTheAddressIsProved() async throws {
        let clinic = try await newClinic()
        let email = try AccessDesk.address("new")
        let birthDate = try #require(CalendarDate("1984-02-29"))
        let registration = Registration(clinicId: clinic.id, email: email, name: "Nora", birthDate: birthDate)
        _ = try await desk.ask(endpoints.register, registration)
        func told() async throws -> [PatientRegistered] {
            try await desk.test.inspect(
                "select payload from outbox where clinic_id = \(clinic.id) and name = \(PatientRegistered.kind)"
            ) { rows in try rows.map { try JSONTape(try $0[0]).decode(PatientRegistered.self) } }
        }
        for wrong in ["000000", "999999"] {
            _ = try await desk.call(endpoints.verify, CodeProof(clinicId: clinic.id, email: email, code: wrong))
        }
        #expect(try await told() == [])
        let code = try #require(try await desk.codes(of: clinic.id, to: email).last)
        let proof = CodeProof(clinicId: clinic.id, email: email, code: code)
        let user = try await desk.ask(endpoints.verify, proof).user.id
        #expect(try await told() == [PatientRegistered(userId: user, email: email, birthDate: birthDate)])
    }

    @Test func withoutAPasswordOneSignsInWithCodes() async throws {
        let clinic = try await newClinic()
        let email = try AccessDesk.address("new")
        _ = try await desk.ask(endpoints.register, Registration(clinicId: clinic.id, email: email, name: "Nora"))
        let code = try #require(try await desk.codes(of: clinic.id, to: email).last)
        // Whoever says nothing of the purpose means whichever there is.
        _ = try await desk.ask(endpoints.verify, CodeProof(clinicId: clinic.id, email: email, code: code))
        _ = try await desk.ask(endpoints.request, CodeRequest(clinicSlug: clinic.slug, email: email))
        let next = try #require(try await desk.codes(of: clinic.id, to: email).last)
        let signedIn = try await desk.ask(
            endpoints.verify,
            CodeProof(clinicId: clinic.id, email: email, code: next, purpose: .signIn)
        )
        #expect(signedIn.user.email == email)
    }

    @Test func anAddressThatIsKnownIsNotTold() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await newClinic()
        let nurse = try await desk.member(["NURSE"], of: clinic.id, by: root)
        var replies: Set<String> = []
        for email in [nurse.email, root.email, try AccessDesk.address("new")] {
            let registration = Registration(
                clinicId: clinic.id,
                email: email,
                name: "Somebody Else",
                password: "another password"
            )
            let reply = try await desk.call(endpoints.register, registration)
            replies.insert("\(reply.status) \(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(replies == [#"202 {"expiresIn":600}"#])
        for email in [nurse.email, root.email] {
            #expect(try await desk.codes(of: clinic.id, to: email).isEmpty)
            let told = try await desk.notices(of: clinic.id, to: email).last
            #expect(told?.request.template == .accountExists)
            for code in ["000000", "123456"] {
                let proof = CodeProof(clinicId: clinic.id, email: email, code: code, purpose: .registration)
                #expect(try await desk.call(endpoints.verify, proof).code == "invalid_code")
            }
        }
        #expect(try await desk.login(nurse).id == nurse.id)
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: nurse)
        #expect(me.user.name == "Somebody" && me.memberships.first?.roles == ["NURSE"])
    }

    @Test func whoIsInvitedMeanwhileIsNotOvertaken() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await newClinic()
        let email = try AccessDesk.address("new")
        _ = try await desk.ask(endpoints.register, Registration(clinicId: clinic.id, email: email, name: "Nora"))
        let code = try #require(try await desk.codes(of: clinic.id, to: email).last)
        let invited = try await desk.invite(["DOCTOR"], into: clinic.id, by: root, email: email)
        let proof = CodeProof(clinicId: clinic.id, email: email, code: code)
        #expect(try await desk.call(endpoints.verify, proof).code == "invalid_code")
        #expect(try await desk.accept(try #require(invited.invitation?.token), email).id == invited.id)
    }

    @Test func ofTwoProofsOneMakesTheAccount() async throws {
        let clinic = try await newClinic()
        let email = try AccessDesk.address("new")
        _ = try await desk.ask(endpoints.register, Registration(clinicId: clinic.id, email: email, name: "Nora"))
        let code = try #require(try await desk.codes(of: clinic.id, to: email).last)
        let proof = CodeProof(clinicId: clinic.id, email: email, code: code)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<6 { group.addTask { try await desk.call(endpoints.verify, proof).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 200 } == 1 && statuses.count { $0 == 401 } == 5)
    }

    @Test func whatWasSaidIsSealed() async throws {
        let clinic = try await newClinic()
        let email = try AccessDesk.address("new")
        _ = try await desk.ask(endpoints.register, Registration(clinicId: clinic.id, email: email, name: "Nora Neu"))
        let rows = try await desk.test.inspect(
            """
            select encode(sealed, 'escape') || c::text from one_time_codes as c
            where clinic_id = \(clinic.id) and sealed is not null
            """
        ) { rows -> [String] in try rows.map { try $0[0] } }
        #expect(rows.count == 1)
        for row in rows { #expect(!row.contains("Nora") && !row.contains(email.address)) }
    }

    @Test func anOwnerComesWithTheirClinic() async throws {
        let email = try AccessDesk.address("owner")
        let draft = try draft()
        let registration = Registration(
            clinic: draft,
            email: email,
            name: "Olga Owner",
            password: "a long enough password"
        )
        _ = try await desk.ask(endpoints.register, registration)
        let code = try #require(try await desk.codes(of: .installation, to: email).last)
        let proof = CodeProof(email: email, code: code, purpose: .clinicRegistration)
        let owner = try AccessDesk.person(
            try await desk.ask(endpoints.verify, proof),
            email,
            "a long enough password"
        )
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: owner)
        let clinic = try #require(me.memberships.first)
        #expect(me.memberships.count == 1 && clinic.roles == ["CLINIC_ADMIN"] && clinic.name == "New Practice")
        let path = ClinicPath(clinicId: clinic.clinicId)
        let found = try await desk.ask(ClinicEndpoints().read, path, as: owner, in: clinic.clinicId)
        #expect(found.slug == draft.slug)
        #expect(try await desk.login(owner).id == owner.id)
        // The job that follows appoints nobody twice.
        try await AnnounceClinic.appoint(owner.id, to: clinic.clinicId, desk.database)
        let again = Registration(
            clinic: draft,
            email: try AccessDesk.address("owner"),
            name: "O",
            password: "a long enough password"
        )
        #expect(try await desk.call(endpoints.register, again).code == "slug_taken")
    }

    @Test func ownersRegisterWhereTheOperatorAllowsIt() async throws {
        let closed = try AccessDesk(ownersMayRegister: false)
        let registration = Registration(
            clinic: try draft(),
            email: try AccessDesk.address("owner"),
            name: "O",
            password: "a long enough password"
        )
        let reply = try await closed.call(endpoints.register, registration)
        #expect(reply.status == 403 && reply.code == "registration_closed")
    }

    @Test func whatIsNotThereIsNotTold() async throws {
        let email = try AccessDesk.address("new")
        let requests = [
            Registration(clinicId: ClinicID(), email: email, name: "N"),
            Registration(clinicSlug: Slug("no-such-clinic-at-all"), email: email, name: "N"),
            Registration(clinicId: ClinicID(), phone: PhoneNumber("+4915112345678"), name: "N"),
        ]
        for request in requests { #expect(try await desk.call(endpoints.register, request).status == 202) }
        #expect(try await desk.codes(of: .installation, to: email).isEmpty)
        let wrong = [
            Registration(email: email, name: "N"), Registration(clinicId: ClinicID(), name: "N"),
            Registration(clinicId: ClinicID(), clinic: try draft(), email: email, name: "N"),
            Registration(clinic: try draft(), email: email, name: "N"),
        ]
        for request in wrong { #expect(try await desk.call(endpoints.register, request).status == 422) }
    }
}
