import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing
import Vault

@testable import Access

@Suite struct LockoutRuleTests {
    private static let now = Instant(seconds: 1_000_000)
    private static let known = Lockout.Tries(succeededAt: now - .seconds(60))

    @Test(arguments: [
        (9, Duration?.none), (10, .seconds(60)), (11, .seconds(120)), (12, .seconds(240)), (13, .seconds(480)),
        (14, .seconds(900)), (200, .seconds(900)),
    ]) func everyFurtherTryWaitsLonger(_ failures: Int, _ wait: Duration?) {
        for device in [Lockout.Tries(), Self.known] {
            var lockout = Lockout(device: device)
            for _ in 0..<failures { lockout.fail(at: Self.now) }
            #expect(lockout.isBlocked(at: Self.now) == (wait != nil))
            guard let wait else { continue }
            #expect(lockout.isBlocked(at: Self.now + wait - .milliseconds(1)))
            #expect(!lockout.isBlocked(at: Self.now + wait))
        }
    }

    @Test func strangersKeepNoKnownDeviceOut() {
        var stranger = Lockout()
        for _ in 0..<1_000 { stranger.fail(at: Self.now) }
        #expect(stranger.isBlocked(at: Self.now))
        let owner = Lockout(device: Self.known, network: stranger.network, strangers: stranger.strangers)
        #expect(!owner.isBlocked(at: Self.now))
        #expect(
            Lockout(device: Lockout.Tries(succeededAt: Self.now - Lockout.deviceMemory)).isKnown(at: Self.now) == false
        )
    }

    @Test func oneNetworkSlowsDownItselfAlone() {
        var stubborn = Lockout()
        for hour in 0..<100 { stubborn.fail(at: Self.now + .seconds(hour * 3_600)) }
        #expect(stubborn.strangers.failures == Lockout.triesPerSource)
        #expect(!Lockout(strangers: stubborn.strangers).isBlocked(at: Self.now + .seconds(100 * 3_600)))
    }

    @Test func manyNetworksWaitForOneAnother() {
        var strangers = Lockout.Tries()
        for _ in 0..<Lockout.triesOfStrangers {
            var one = Lockout(strangers: strangers)
            #expect(!one.isBlocked(at: Self.now))
            one.fail(at: Self.now)
            strangers = one.strangers
        }
        #expect(Lockout(strangers: strangers).isBlocked(at: Self.now))
        #expect(!Lockout(strangers: strangers).isBlocked(at: Self.now + Lockout.firstWait))
    }

    @Test func failuresAreForgottenAfterAQuietDay() {
        var lockout = Lockout()
        for _ in 1..<Lockout.triesPerSource { lockout.fail(at: Self.now) }
        lockout.fail(at: Self.now + Lockout.memory)
        #expect(lockout.network.failures == 1)
    }

    @Test func successClearsTheDeviceAndNobodyElse() {
        var lockout = Lockout()
        for _ in 0..<3 { lockout.fail(at: Self.now) }
        lockout.succeed(at: Self.now)
        #expect(lockout.isKnown(at: Self.now))
        #expect(lockout.device.failures == 0)
        #expect(lockout.network.failures == 3)
        #expect(lockout.strangers.failures == 3)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
    ]) func aNetworkIsWhatOneSubscriberIsGiven(_ one: String, _ other: String, _ isSame: Bool) throws {
        let index = try BlindIndex(KeyFile.generate(), service: .access)
        let hash = [UInt8](repeating: 1, count: 32)
        let sources = [one, other].map { address in
            TrySources(emailHash: hash, address: address, userAgent: "browser", index: index)
        }
        #expect((sources[0] == sources[1]) == isSame)
        let program = TrySources(emailHash: hash, address: one, userAgent: "another", index: index)
        #expect(program.network == sources[0].network)
        #expect(program.device != sources[0].device)
    }
}

/// Guessing at passwords: who has to wait, and that nothing tells whether an account is there.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LockoutTests {
    let desk: AccessDesk
    private let login = AuthenticationEndpoints().login
    private let elsewhere = RequestSource(address: "198.51.100.9", userAgent: "stranger")

    init() throws { desk = try AccessDesk() }

    @Test func whoeverGuessesWaitsAndTheOwnerDoesNot() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let nurse = try await desk.login(try await desk.member(["NURSE"], of: clinic, by: root))
        for _ in 0..<Lockout.triesPerSource {
            let guess = LoginRequest(email: nurse.email, password: "a wrong guess")
            #expect(try await desk.call(login, guess, from: elsewhere).status == 401)
        }
        let right = LoginRequest(email: nurse.email, password: nurse.password)
        let late = try await desk.call(login, right, from: elsewhere)
        #expect(late.status == 401)
        #expect(late.code == "invalid_credentials")
        #expect(try await desk.call(login, right).status == 200)
        // Another program of the network that guessed waits as well, a network of its own does not.
        let neighbour = RequestSource(address: elsewhere.address, userAgent: "another")
        #expect(try await desk.call(login, right, from: neighbour).status == 401)
        let hotel = RequestSource(address: "203.0.113.5", userAgent: "test")
        #expect(try await desk.call(login, right, from: hotel).status == 200)
        let reasons = try await desk.entries(of: clinic, action: "access.auth.login").map(\.reason)
        #expect(reasons.filter { $0 == "wrong_password" }.count == Lockout.triesPerSource)
        #expect(reasons.filter { $0 == "locked" }.count == 2)
    }

    @Test func theWaitEnds() async throws {
        let nurse = try await nurse()
        let right = LoginRequest(email: nurse.email, password: nurse.password)
        try await block(nurse.email, from: elsewhere)
        #expect(try await desk.call(login, right, from: elsewhere).status == 401)
        let hash = desk.parts.accounts.emailHash(nurse.email).hex
        try desk.test.asOwner(
            """
            update access.sign_in_tries set blocked_until = now() - interval '1 second'
            where email_hash = '\\x\(hash)' and blocked_until is not null
            """
        )
        #expect(try await desk.call(login, right, from: elsewhere).status == 200)
    }

    /// Guesses that are made at once are judged one by one: no more of them count than if they came in a row.
    @Test func guessesMadeAtOnceCountOneByOne() async throws {
        let nurse = try await nurse()
        let (desk, login, elsewhere) = (desk, login, elsewhere)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 * Lockout.triesPerSource {
                group.addTask {
                    let guess = LoginRequest(email: nurse.email, password: "a wrong guess")
                    return try await desk.call(login, guess, from: elsewhere).status
                }
            }
            for try await status in group { #expect(status == 401) }
        }
        let hash = desk.parts.accounts.emailHash(nurse.email)
        let counts = try await desk.test.inspect(
            "select failures from sign_in_tries where email_hash = \(hash) and failures > 0"
        ) { rows -> [Int] in try rows.map { try $0[0] } }
        #expect(counts == [Lockout.triesPerSource, Lockout.triesPerSource])
    }

    @Test func rightPasswordsAtOnceAllPass() async throws {
        let nurse = try await nurse()
        let (desk, login) = (desk, login)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<15 {
                group.addTask {
                    let request = LoginRequest(email: nurse.email, password: nurse.password)
                    return try await desk.call(login, request).status
                }
            }
            for try await status in group { #expect(status == 200) }
        }
    }

    /// Unknown, locked, disabled, invited, without a password, and simply wrong: the same bytes for the same work.
    @Test func everyRefusalIsTheSameReplyForTheSameWork() async throws {
        let hasher = PasswordHasher(concurrency: 1)
        let desk = try AccessDesk(passwords: hasher)
        let nurse = try await nurse()
        let disabled = try await self.nurse()
        try desk.test.asOwner("update access.users set status = 'disabled' where id = '\(disabled.id)'")
        let root = try await desk.superAdmin()
        let invited = try await desk.invite(["NURSE"], into: try await desk.clinic(by: root), by: root)
        let locked = try await self.nurse()
        try await block(locked.email, from: elsewhere)
        let nobody = try AccessDesk.address("nobody")
        let lockedNobody = try AccessDesk.address("nobody")
        try await block(lockedNobody, from: elsewhere)
        let right = nurse.password
        var replies: Set<String> = []
        for (email, password) in [
            (nurse.email, "a wrong guess"), (disabled.email, right), (try #require(invited.email), right),
            (locked.email, right),
            (locked.email, "a wrong guess"), (nobody, right), (lockedNobody, right),
        ] {
            let before = hasher.runs
            let reply = try await desk.call(
                login,
                LoginRequest(email: email, password: password),
                from: elsewhere
            )
            #expect(hasher.runs == before + 1)
            let text = String(decoding: reply.body, as: UTF8.self)
            let headers = reply.headers.map { "\($0.0): \($0.1)" }.joined(separator: "\n")
            let body = text.replacing(#/"instance":"[^"]*"/#, with: "")
            replies.insert("\(reply.status) \(headers) \(body)")
        }
        #expect(replies.count == 1)
    }

    @Test func aHashOfLessWorkIsRenewedAtSignIn() async throws {
        let nurse = try await nurse()
        let old = try PasswordHash(of: Secret(nurse.password), cost: PasswordCost(cost: 14))
        try desk.test.asOwner(
            """
            update access.credentials set salt = '\\x\(old.salt.hex)', hash = '\\x\(old.hash.hex)', cost = 14
            where user_id = '\(nurse.id)'
            """
        )
        let wrong = LoginRequest(email: nurse.email, password: "a wrong guess")
        #expect(try await desk.call(login, wrong).status == 401)
        #expect(try await cost(of: nurse.id) == 14)
        _ = try await desk.login(nurse)
        #expect(try await cost(of: nurse.id) == PasswordCost.current.cost)
        _ = try await desk.login(nurse)
    }

    @Test func whatNothingFollowsFromIsForgotten() async throws {
        let nurse = try await nurse()
        try await block(nurse.email, from: elsewhere)
        let hash = desk.parts.accounts.emailHash(nurse.email)
        try desk.test.asOwner(
            "update access.sign_in_tries set updated_at = now() - interval '2 days' where email_hash = '\\x\(hash.hex)'"
        )
        _ = try await desk.database.through(.installation) { tx in
            try SignInTriesStore.forget(limit: 1_000, at: .now(), in: tx)
        }
        let left = try await desk.test.inspect(
            "select succeeded_at is not null from sign_in_tries where email_hash = \(hash)"
        ) { rows -> [Bool] in try rows.map { try $0[0] } }
        // The device that has signed in stays known.
        #expect(left == [true])
    }

    private func nurse() async throws -> AccessDesk.Person {
        let root = try await desk.superAdmin()
        return try await desk.login(
            try await desk.member(["NURSE"], of: try await desk.clinic(by: root), by: root)
        )
    }

    private func block(_ email: EmailAddress, from source: RequestSource) async throws {
        for _ in 0..<Lockout.triesPerSource {
            _ = try await desk.call(login, LoginRequest(email: email, password: "a wrong guess"), from: source)
        }
    }

    private func cost(of user: UserID) async throws -> Int {
        try await desk.test.inspect("select cost from credentials where user_id = \(user)") { rows in
            let row = try #require(rows.first)
            return try row[0]
        }
    }
}
