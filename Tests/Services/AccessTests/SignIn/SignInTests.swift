import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Crypto
import Postgres
import TestKit
import Testing

@testable import Access

/// Signing in: the same answer for every refusal, an entry for every try.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SignInTests {
    let desk: AccessDesk
    private let endpoints = AuthenticationEndpoints()

    init() throws { desk = try AccessDesk() }

    @Test func theTokenIsSignedByThePublishedKey() async throws {
        let root = try await desk.superAdmin()
        let person = try await desk.login(root)
        let keys = try await desk.ask(endpoints.keys, EmptyInput())
        let parts = person.accessToken.split(separator: ".").map(String.init)
        struct Header: Decodable { var alg, kid, typ: String }
        let header = try JSONTape(try #require(AccessDesk.decode(parts[0]))).decode(Header.self)
        let key = try #require(keys.keys.first { $0.kid == header.kid })
        #expect(keys.keys.count == 2)
        #expect(header.alg == "ES256")
        let point = [4] + (AccessDesk.decode(key.x) ?? []) + (AccessDesk.decode(key.y) ?? [])
        let publicKey = try P256.Signing.PublicKey(x963Representation: point)
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(AccessDesk.decode(parts[2])))
        #expect(publicKey.isValidSignature(signature, for: Array("\(parts[0]).\(parts[1])".utf8)))
        let claims = try AccessDesk.claims(person.accessToken)
        #expect(claims.sub == root.id)
        #expect(claims.aud == "polyclinic")
        #expect(claims.iss == "https://test.example")
        #expect(claims.exp - claims.iat == 900)
    }

    @Test func everyRefusalReadsTheSameAndIsRecorded() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        let invited = try await desk.invite(["NURSE"], into: clinic, by: root)
        let tries = [
            LoginRequest(email: nurse.email, password: "not the password"),
            LoginRequest(email: try #require(invited.email), password: "correct horse battery"),
            LoginRequest(email: try AccessDesk.address("nobody"), password: "correct horse battery"),
        ]
        var bodies: Set<String> = []
        for request in tries {
            let reply = try await desk.call(endpoints.login, request)
            #expect(reply.status == 401)
            let text = String(decoding: reply.body, as: UTF8.self)
            bodies.insert(text.replacing(#/"instance":"[^"]*"/#, with: ""))
        }
        #expect(bodies.count == 1)
        let refused = try await desk.entries(of: clinic, action: "access.auth.login")
        #expect(refused.map(\.reason) == ["wrong_password"])
        #expect(refused.first?.outcome == .denied)
        #expect(refused.first?.actor.id == nurse.id.description)
        let strangers = try await desk.entries(of: .installation, action: "access.auth.login")
        #expect(strangers.contains { $0.reason == "unknown_account" && $0.outcome == .denied })
        #expect(strangers.contains { $0.reason == "not_active" })
    }

    @Test func aSignInIsToldInEveryClinicConcerned() async throws {
        let root = try await desk.superAdmin()
        let first = try await desk.clinic(by: root)
        let second = try await desk.clinic(by: root)
        let nurse = try await desk.member(["NURSE"], of: first, by: root)
        let again = try await desk.invite(["NURSE"], into: second, by: root, email: nurse.email)
        _ = try await desk.accept(try #require(again.invitation?.token), nurse.email, password: nurse.password)
        _ = try await desk.login(nurse)
        for clinic in [first, second] {
            let entries = try await desk.entries(of: clinic, action: "access.auth.login")
            #expect(entries.map(\.outcome) == [.succeeded])
        }
        let named = LoginRequest(email: nurse.email, password: nurse.password, clinicId: first)
        _ = try await desk.ask(endpoints.login, named)
        #expect(try await desk.entries(of: first, action: "access.auth.login").count == 2)
        #expect(try await desk.entries(of: second, action: "access.auth.login").count == 1)
    }

    @Test func sessionsAreListedAndEnded() async throws {
        let root = try await desk.newSuperAdmin()
        let other = try await desk.login(root)
        let sessions = try await desk.ask(endpoints.listSessions, ListRequest(), as: other).items
        #expect(sessions.map(\.id) == [other.signIn, root.signIn])
        #expect(sessions.map(\.current) == [true, false])
        let page = try await desk.ask(endpoints.listSessions, ListRequest(limit: 1), as: other)
        let rest = try await desk.ask(endpoints.listSessions, ListRequest(limit: 1, cursor: page.nextCursor), as: other)
        #expect(rest.items.map(\.id) == [root.signIn])
        #expect(rest.nextCursor == nil)
        #expect(try await desk.call(endpoints.endSession, SessionPath(id: root.signIn), as: other).status == 204)
        #expect(try await desk.call(endpoints.endSession, SessionPath(id: root.signIn), as: other).status == 404)
        // An ended sign-in is refused wherever a permission is asked for.
        #expect(try await desk.call(SystemUserEndpoints().list, DirectoryRequest(), as: root).status == 401)
        #expect(try await desk.call(SystemUserEndpoints().list, DirectoryRequest(), as: other).status == 200)
    }

    @Test func nobodyEndsAnothersSession() async throws {
        let first = try await desk.newSuperAdmin()
        let second = try await desk.newSuperAdmin()
        #expect(try await desk.call(endpoints.endSession, SessionPath(id: first.signIn), as: second).status == 404)
    }

    @Test func oneselfIsDescribedWithAllThatIsGranted() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root, name: "Lindenhof")
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        let me = try await desk.ask(endpoints.me, EmptyInput(), as: nurse)
        #expect(me.user.email == nurse.email)
        #expect(me.memberships.map(\.clinicId) == [clinic])
        #expect(me.memberships.first?.name == "Lindenhof")
        #expect(me.memberships.first?.roles == ["NURSE"])
        #expect(me.memberships.first?.permissions == Roles.permissionNames(of: [.nurse]))
        #expect(me.systemRoles.isEmpty)
        let rootMe = try await desk.ask(endpoints.me, EmptyInput(), as: root)
        #expect(rootMe.systemRoles == [SystemRole(role: "SUPER_ADMIN")])
        let renamed = try await desk.ask(endpoints.updateMe, MePatch(name: "Nora", locale: .set("de")), as: nurse)
        #expect(renamed.user.name == "Nora")
        #expect(renamed.user.locale == "de")
    }
}
