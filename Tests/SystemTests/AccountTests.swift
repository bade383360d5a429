import Authorization
import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// One's own account, through the public API: what is ended is ended everywhere, what is forgotten is mended by mail.
    @Suite struct AccountTests {
        private static let another = "another long enough password"

        /// However a sign-in ends, every gateway refuses its access token within two seconds.
        @Test(.timeLimit(.minutes(3))) func anEndedSignInIsRefusedByAnotherGatewayWithinTwoSeconds() async throws {
            let suite = try await RunningSuite.shared.value
            let replica = try await suite.startReplica("gateway")
            defer { suite.stopReplicas() }
            let person = try await suite.person(with: .receptionist)
            let here = try await suite.api.signedIn(person)
            for end in ["ended", "logout", "password"] {
                let before = Set(try await sessions(of: here))
                let local = try await suite.api.signedIn(person)
                let new = Set(try await sessions(of: here)).subtracting(before)
                #expect(new.count == 1)
                var there = local
                there.base = replica + "/api/v1"
                let other = there
                try await eventually("the other gateway lets them in") {
                    (try? await other.send("GET", "/auth/me").status) == 200
                }
                switch end {
                case "ended":
                    try await here.expect(204, from: "DELETE", "/auth/sessions/\(try #require(new.first))")
                case "logout": try await local.expect(204, from: "POST", "/auth/logout", [:])
                default:
                    let change: JSONValue = [
                        "currentPassword": .string(person.password), "newPassword": .string(Self.another),
                    ]
                    try await here.expect(204, from: "POST", "/auth/password/change", change)
                }
                let ended = ContinuousClock.now
                try await eventually("the other gateway refuses them", within: .seconds(5)) {
                    try await other.send("GET", "/auth/me").status == 401
                }
                #expect(ContinuousClock.now - ended < .seconds(2), "\(end)")
                #expect(try await here.send("GET", "/auth/me").status == 200, "\(end)")
            }
        }

        @Test(.timeLimit(.minutes(3))) func aForgottenPasswordIsReplacedByTheLinkInTheMail() async throws {
            let suite = try await RunningSuite.shared.value
            let person = try await suite.person(with: .receptionist)
            let signedIn = try await suite.api.signedIn(person)
            let stranger = "nobody-\(RequestID())@sunrise.example"
            var replies: Set<String> = []
            for email in [person.email, stranger] {
                let forgot: JSONValue = ["email": .string(email)]
                replies.insert(try await suite.api.expect(202, from: "POST", "/auth/password/forgot", forgot).text)
            }
            #expect(replies.count == 1)
            let token = try await eventually("the link has arrived", within: .seconds(60)) {
                try await mails(to: person.email, suite).compactMap { mail in
                    mail.firstMatch(of: #/password-reset#([A-Za-z0-9_-]+)/#).map { String($0.1) }
                }.first
            }
            let reset: JSONValue = ["token": .string(token), "password": .string(Self.another)]
            try await suite.api.expect(204, from: "POST", "/auth/password/reset", reset)
            try await suite.api.expect(410, from: "POST", "/auth/password/reset", reset)
            try await eventually("the former sign-in is over") {
                try await signedIn.send("GET", "/auth/me").status == 401
            }
            var changed = person
            changed.password = Self.another
            #expect(try await suite.api.signedIn(changed).send("GET", "/auth/me").status == 200)
            try await eventually("they are told that it was changed", within: .seconds(60)) {
                try await mails(to: person.email, suite).contains { $0.contains("Your password was changed") }
            }
            #expect(try await mails(to: stranger, suite).isEmpty)
        }

        private func sessions(of client: Client) async throws -> [String] {
            try await client.expect(200, from: "GET", "/auth/sessions").items.map { try $0.text("id") }
        }

        /// What the sandbox has received for an address.
        private func mails(to address: String, _ suite: RunningSuite) async throws -> [String] {
            try await suite.sandbox.expect(200, from: "GET", "/messages").items.compactMap { item in
                let text = String(decoding: try JSONWriter.encode(item), as: UTF8.self)
                return text.contains(address) ? text : nil
            }
        }
    }
}
