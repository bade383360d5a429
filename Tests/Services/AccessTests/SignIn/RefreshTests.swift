import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

@Suite struct RefreshRuleTests {
    private static let now = Instant(seconds: 1_000_000)
    private static let fresh = RefreshRule.Known(
        tokenExpiresAt: now + .seconds(60),
        signInExpiresAt: now + .seconds(600)
    )

    private static func known(_ change: (inout RefreshRule.Known) -> Void) -> RefreshRule.Known {
        var known = fresh
        change(&known)
        return known
    }

    @Test(arguments: [
        (fresh, RefreshRule.Decision.rotate),
        (known { $0.tokenExpiresAt = now }, .refuse),
        (known { $0.signInExpiresAt = now }, .refuse),
        (known { $0.signInEnded = true }, .refuse),
        (known { $0.userActive = false }, .refuse),
        (known { $0.replacedAt = now - .seconds(30) }, .repeatSuccessor),
        (known { $0.replacedAt = now - .seconds(31) }, .reused),
        (known { ($0.replacedAt, $0.successorReplaced) = (now - .seconds(1), true) }, .reused),
        (known { ($0.replacedAt, $0.signInEnded) = (now - .seconds(60), true) }, .refuse),
        // A stolen token ends the sign-in though it has expired by now.
        (known { ($0.replacedAt, $0.tokenExpiresAt) = (now - .seconds(60), now) }, .reused),
    ]) func decides(_ known: RefreshRule.Known, _ expected: RefreshRule.Decision) {
        #expect(RefreshRule.decide(known, at: Self.now) == expected)
    }
}

/// Refresh tokens: each good for one exchange, and what happens to those that are not.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RefreshTests {
    let desk: AccessDesk
    private let endpoints = AuthenticationEndpoints()

    init() throws { desk = try AccessDesk() }

    private func refresh(_ token: String) async throws -> SignedIn? {
        let reply = try await desk.call(endpoints.refresh, RefreshRequest(refreshToken: token))
        if reply.status == 401 {
            #expect(reply.code == "invalid_refresh_token")
            return nil
        }
        #expect(reply.status == 200)
        return try JSONTape(reply.body).decode(SignedIn.self)
    }

    @Test func everyExchangeGivesANewToken() async throws {
        let root = try await desk.newSuperAdmin()
        let second = try #require(try await refresh(root.refreshToken))
        let third = try #require(try await refresh(second.refreshToken))
        #expect(Set([root.refreshToken, second.refreshToken, third.refreshToken]).count == 3)
        #expect(try AccessDesk.claims(third.accessToken).sid == root.signIn)
        #expect(third.user.id == root.id)
    }

    @Test func aLostReplyIsRepeatedWhileTheSuccessorIsUnused() async throws {
        let root = try await desk.newSuperAdmin()
        let first = try #require(try await refresh(root.refreshToken))
        let again = try #require(try await refresh(root.refreshToken))
        #expect(first.refreshToken == again.refreshToken)
        #expect(try await refresh(again.refreshToken) != nil)
    }

    @Test func exchangesOfOneTokenAtOnceAgree() async throws {
        let root = try await desk.newSuperAdmin()
        let desk = desk
        let successors = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let reply = try await desk.call(
                        AuthenticationEndpoints().refresh,
                        RefreshRequest(refreshToken: root.refreshToken)
                    )
                    return try JSONTape(reply.body).decode(SignedIn.self).refreshToken
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(successors.count == 1)
    }

    @Test func reuseEndsTheWholeSignIn() async throws {
        let root = try await desk.newSuperAdmin()
        let second = try #require(try await refresh(root.refreshToken))
        let third = try #require(try await refresh(second.refreshToken))
        #expect(try await refresh(root.refreshToken) == nil)
        #expect(try await refresh(third.refreshToken) == nil)
        let person = AccessDesk.Person(
            id: root.id,
            email: root.email,
            password: root.password,
            signIn: root.signIn,
            accessToken: third.accessToken,
            refreshToken: third.refreshToken
        )
        #expect(try await desk.call(SystemUserEndpoints().list, DirectoryRequest(), as: person).status == 401)
        let entries = try await desk.entries(of: .installation, action: "access.auth.refresh")
        #expect(entries.contains { $0.reason == "reuse" && $0.resource.id == root.signIn.description })
        // Another sign-in of the same person goes on.
        #expect(try await refresh(try await desk.login(root).refreshToken) != nil)
    }

    @Test func signingOutEndsIt() async throws {
        let root = try await desk.newSuperAdmin()
        let out = try await desk.call(endpoints.logout, LogoutRequest(refreshToken: root.refreshToken))
        #expect(out.status == 204)
        #expect(try await refresh(root.refreshToken) == nil)
        let other = try await desk.login(root)
        #expect(try await desk.call(endpoints.logout, LogoutRequest(), as: other).status == 204)
        #expect(try await refresh(other.refreshToken) == nil)
        #expect(try await desk.call(endpoints.logout, LogoutRequest()).status == 401)
    }

    @Test func unknownTokensAreRefused() async throws {
        #expect(try await refresh("not a token") == nil)
    }

    @Test func noTokenStandsInTheDatabase() async throws {
        let root = try await desk.newSuperAdmin()
        let found = try await desk.test.inspect(
            """
            select count(*) from refresh_tokens where position(convert_to(\(root.refreshToken), 'UTF8') in token_hash) > 0
                or octet_length(token_hash) <> 32
            """
        ) { rows -> Int in try rows[0][0] }
        #expect(found == 0)
    }
}
