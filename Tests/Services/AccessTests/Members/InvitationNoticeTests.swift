import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// Invitations by e-mail.
@Suite(.timeLimit(.minutes(5))) struct InvitationNoticeTests {
    let desk: AccessDesk

    init() throws { desk = try AccessDesk() }

    @Test func theInvitedAreSentTheirLink() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let member = try await desk.invite(["NURSE"], into: clinic, by: root)
        let notices = try await desk.notices(of: clinic)
        let notice = try #require(notices.first)
        #expect(notices.count == 1)
        #expect(notice.request.template == .invitation && notice.request.userId == member.id)
        #expect(notice.content.email == member.email)
        #expect(notice.link?.hasPrefix("https://test.example/invitation#") == true)
        #expect(notice.token == member.invitation?.token)
        let lasting = notice.request.expiresAt.microseconds - member.createdAt.microseconds
        #expect(lasting == InvitationStore.lifetime.microseconds)
        _ = try await desk.accept(try #require(notice.token), member.email)
        let again = try await desk.call(
            AuthenticationEndpoints().acceptInvitation,
            AcceptInvitation(token: try #require(notice.token), password: "correct horse battery")
        )
        #expect(again.status == 410)
    }

    @Test func aNewLinkEndsTheFormer() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let member = try await desk.invite(["NURSE"], into: clinic, by: root)
        let path = MemberPath(clinicId: clinic, userId: member.id)
        _ = try await desk.ask(MemberEndpoints().invite, path, as: root, in: clinic)
        let tokens = try await desk.notices(of: clinic).compactMap(\.token)
        #expect(Set(tokens).count == 2)
        let former = AcceptInvitation(token: tokens[0], password: "correct horse battery")
        #expect(try await desk.call(AuthenticationEndpoints().acceptInvitation, former).status == 410)
        #expect(try await desk.accept(tokens[1], member.email).id == member.id)
    }

    /// The link reaches the address that the account has, and stands in no table.
    @Test func nothingOfItIsStored() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let member = try await desk.invite(["NURSE"], into: clinic, by: root)
        let token = try #require(member.invitation?.token)
        let found = try await desk.test.inspect(
            """
            select count(*) from outbox where clinic_id = \(clinic)
                and position(convert_to(\(token), 'UTF8') in payload) > 0
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(found == 0)
    }
}
