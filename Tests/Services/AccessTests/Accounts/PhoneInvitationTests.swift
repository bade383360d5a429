import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// Inviting somebody at a number, and what an invitation shows of an account that exists.
@Suite(.timeLimit(.minutes(5))) struct PhoneInvitationTests {
    let phones: PhoneDesk
    private var desk: AccessDesk { phones.desk }
    private let accept = AuthenticationEndpoints().acceptInvitation

    init() throws { phones = try PhoneDesk() }

    private func invite(
        _ email: EmailAddress? = nil,
        _ phone: PhoneNumber? = nil,
        as role: String = "NURSE",
        to clinic: ClinicID
    ) async throws -> Member {
        let draft = MemberDraft(
            clinicId: clinic,
            email: email,
            phone: phone,
            name: "Somebody",
            roles: [AssignedRole(role: role)]
        )
        return try await desk.ask(MemberEndpoints().create, draft, as: try await desk.superAdmin(), in: clinic)
    }

    @Test func whoHasOnlyANumberIsTextedTheLink() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        let member = try await invite(nil, phone, to: clinic)
        #expect(member.phone == phone && member.email == nil)
        let notice = try #require(try await desk.notices(of: clinic, phone: phone).last)
        #expect(notice.request.template == .invitation && notice.content.channels == [.sms, .whatsapp])
        let token = try #require(notice.token)
        #expect(token == member.invitation?.token)
        let secret = AcceptInvitation(token: token, password: "correct horse battery")
        #expect(try await desk.call(accept, secret).status == 422)
        let signedIn = try await desk.ask(accept, AcceptInvitation(token: token))
        #expect(signedIn.user.id == member.id && signedIn.user.phone == phone)
        #expect(try await phones.signIn(phone, at: clinic).id == member.id)
        #expect(try await desk.call(accept, AcceptInvitation(token: token)).status == 410)
    }

    @Test func aNumberBesideAnAddressOnlyCarriesTheLink() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        let email = try AccessDesk.address("both")
        let member = try await invite(email, phone, to: clinic)
        #expect(member.email == email && member.phone == nil)
        let notice = try #require(try await desk.notices(of: clinic, to: email).last)
        #expect(notice.content.phone == phone && notice.content.channels == [.email, .sms, .whatsapp])
        let person = try await desk.accept(try #require(notice.token), email)
        #expect(try await phones.me(person).user.phone == nil)
        // Nobody has proved it: whoever holds it is a stranger.
        _ = try await phones.ask(phone, at: clinic)
        #expect(try await desk.codes(of: clinic, to: phone).isEmpty)
    }

    @Test func ofWhoHasNotAcceptedNothingElseIsShown() async throws {
        let (home, clinic, phone) = (try await phones.clinic(), try await phones.clinic(), try PhoneDesk.number())
        let root = try await desk.superAdmin()
        let person = try await desk.member(["NURSE"], of: home, by: root)
        let patch = MePatch(phone: .set(phone), currentPassword: person.password)
        _ = try await phones.patch(patch, as: person)
        let code = try await phones.code(of: home, to: phone)
        #expect(try await phones.patch(MePatch(phone: .set(phone), phoneCode: code), as: person).status == 200)
        let order = NoticePreference(kind: .accountSecurity, channels: [.whatsapp, .email])
        _ = try await desk.ask(PreferenceEndpoints().update, Preferences(notices: [order]), as: person)

        let invited = try await invite(nil, phone, to: clinic)
        #expect(invited.id == person.id && invited.email == nil)
        // It reaches them as they want to be told of their account.
        let notice = try #require(try await desk.notices(of: clinic, phone: phone).last)
        #expect(notice.content.email == person.email && notice.content.channels == [.whatsapp, .email, .sms])
        let path = MemberPath(clinicId: clinic, userId: person.id)
        let shown = try await desk.ask(MemberEndpoints().read, path, as: root, in: clinic)
        #expect(shown.phone == phone && shown.email == nil)
        _ = try await desk.accept(try #require(notice.token), person.email, password: person.password)
        let joined = try await desk.ask(MemberEndpoints().read, path, as: root, in: clinic)
        #expect(joined.phone == phone && joined.email == person.email)

        let third = try await phones.clinic()
        let byEmail = try await invite(person.email, to: third)
        #expect(byEmail.id == person.id && byEmail.phone == nil)
    }

    /// A patient with codes alone is in use: an invitation's sender must not set the password.
    @Test func anAccountInUseWithoutAPasswordIsItsOwners() async throws {
        let (home, clinic) = (try await phones.clinic(), try await phones.clinic())
        let email = try AccessDesk.address("codes")
        let register = Registration(clinicId: home, email: email, name: "Nora")
        _ = try await desk.ask(phones.endpoints.register, register)
        let code = try #require(try await desk.codes(of: home, to: email).last)
        let proof = CodeProof(clinicId: home, email: email, code: code)
        let person = try AccessDesk.person(try await desk.ask(phones.endpoints.verify, proof), email, "")
        let token = try #require(try await invite(email, to: clinic).invitation?.token)
        let theirs = AcceptInvitation(token: token, password: "the inviter's password")
        #expect(try await desk.call(accept, theirs).code == "invalid_credentials")
        let own = AcceptInvitation(token: token, password: "my own new password")
        #expect(try await desk.ask(accept, own, as: person).user.id == person.id)
        let login = LoginRequest(email: email, password: "my own new password")
        #expect(try await desk.ask(AuthenticationEndpoints().login, login).user.id == person.id)
    }

    @Test func nobodyIsInvitedNowhere() async throws {
        let clinic = try await phones.clinic()
        let draft = MemberDraft(clinicId: clinic, name: "N", roles: [AssignedRole(role: "NURSE")])
        let root = try await desk.superAdmin()
        #expect(try await desk.call(MemberEndpoints().create, draft, as: root, in: clinic).status == 422)
    }
}
