import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// Changing a password, and getting by without the one that was forgotten.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PasswordHandlerTests {
    let desk: AccessDesk
    private let endpoints = PasswordEndpoints()
    private let new = "another long password"

    init() throws { desk = try AccessDesk() }

    private func nurse() async throws -> (AccessDesk.Person, ClinicID) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (try await desk.member(["NURSE"], of: clinic, by: root), clinic)
    }

    private func signIn(_ person: AccessDesk.Person, _ password: String) async throws -> Int {
        let request = LoginRequest(email: person.email, password: password)
        return try await desk.call(AuthenticationEndpoints().login, request).status
    }

    private func isSignedIn(_ person: AccessDesk.Person, in clinic: ClinicID) async throws -> Bool {
        let request = ClinicListRequest(clinicId: clinic)
        let reply = try await desk.call(LocationEndpoints().list, request, as: person, in: clinic)
        #expect([200, 401].contains(reply.status))
        return reply.status == 200
    }

    private func notices(_ template: NoticeTemplate, of clinic: ClinicID) async throws -> [ReadNotice] {
        try await desk.notices(of: clinic).filter { $0.request.template == template }
    }

    @Test func aChangeEndsTheOtherSignIns() async throws {
        let (nurse, clinic) = try await nurse()
        let other = try await desk.login(nurse)
        let change = PasswordChange(currentPassword: nurse.password, newPassword: new)
        #expect(try await desk.call(endpoints.change, change, as: nurse).status == 204)
        #expect(try await isSignedIn(nurse, in: clinic))
        #expect(try await !isSignedIn(other, in: clinic))
        let refresh = RefreshRequest(refreshToken: other.refreshToken)
        #expect(try await desk.call(AuthenticationEndpoints().refresh, refresh).status == 401)
        #expect(try await signIn(nurse, nurse.password) == 401)
        #expect(try await signIn(nurse, new) == 200)
        let ends = try await desk.test.inspect(
            "select end_reason from sign_ins where id = \(other.signIn)"
        ) { rows -> [String] in try rows.map { try $0[0] } }
        #expect(ends == ["password"])
        #expect(try await desk.entries(of: clinic, action: "access.password.change").map(\.outcome) == [.succeeded])
        let told = try await desk.withJobs {
            try await eventually("the nurse is told") {
                try await notices(.passwordChanged, of: clinic).first { $0.content.email == nurse.email }
            }
        }
        #expect(told.request.userId == nurse.id)
    }

    @Test func aChangeNeedsThePresentPassword() async throws {
        let (nurse, clinic) = try await nurse()
        let change = PasswordChange(currentPassword: "a wrong guess", newPassword: new)
        let refused = try await desk.call(endpoints.change, change, as: nurse)
        #expect(refused.status == 401)
        #expect(refused.code == "invalid_credentials")
        #expect(try await desk.call(endpoints.change, change).status == 401)
        #expect(try await signIn(nurse, nurse.password) == 200)
        let entries = try await desk.entries(of: clinic, action: "access.password.change")
        #expect(entries.map(\.outcome) == [.denied])
        #expect(entries.map(\.reason) == ["wrong_password"])
        // Guessing here counts as it does at the door.
        for _ in 0..<Lockout.triesPerSource { _ = try await desk.call(endpoints.change, change, as: nurse) }
        let right = PasswordChange(currentPassword: nurse.password, newPassword: new)
        #expect(try await desk.call(endpoints.change, right, as: nurse).status == 401)
    }

    /// Whoever is named: the same bytes.
    @Test func forgettingTellsNobodyWhoHasAnAccount() async throws {
        let (nurse, clinic) = try await nurse()
        let (disabled, _) = try await self.nurse()
        try desk.test.asOwner("update access.users set status = 'disabled' where id = '\(disabled.id)'")
        let root = try await desk.superAdmin()
        let invited = try await desk.invite(["NURSE"], into: clinic, by: root)
        var replies: Set<String> = []
        for email in [nurse.email, disabled.email, try #require(invited.email), try AccessDesk.address("nobody")] {
            let reply = try await desk.call(endpoints.forgot, ForgottenPassword(email: email))
            let headers = reply.headers.map { "\($0.0): \($0.1)" }.joined(separator: "\n")
            replies.insert("\(reply.status) \(headers) \(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(replies == ["202  {\"status\":\"accepted\"}"])
        try await desk.withJobs {
            try await eventually("the nurse is sent a link") {
                try await notices(.passwordReset, of: clinic).count == 1
            }
            try await eventually("all of it is done") { try await jobs() == 0 }
        }
        let sent = try await notices(.passwordReset, of: clinic)
        #expect(sent.map(\.content.email) == [nurse.email])
        let entries = try await desk.entries(of: clinic, action: "access.password.forgot")
        #expect(entries.map(\.outcome) == [.succeeded])
    }

    @Test func theLinkSetsANewPasswordOnce() async throws {
        let (nurse, clinic) = try await nurse()
        let other = try await desk.login(nurse)
        let token = try await link(for: nurse, in: clinic)
        let reset = NewPassword(token: token, password: new)
        #expect(try await desk.call(endpoints.reset, reset).status == 204)
        for person in [nurse, other] { #expect(try await !isSignedIn(person, in: clinic)) }
        #expect(try await signIn(nurse, nurse.password) == 401)
        #expect(try await signIn(nurse, new) == 200)
        let again = try await desk.call(endpoints.reset, reset)
        #expect(again.status == 410)
        #expect(again.code == "reset_expired")
        #expect(try await desk.call(endpoints.reset, NewPassword(token: "none", password: new)).status == 404)
        #expect(try await desk.entries(of: clinic, action: "access.password.reset").map(\.outcome) == [.succeeded])
        try await desk.withJobs {
            try await eventually("the nurse is told") {
                try await notices(.passwordChanged, of: clinic).contains { $0.content.email == nurse.email }
            }
        }
    }

    /// A clinic's provider carries no link that opens another clinic.
    @Test func anAccountThatReachesFurtherGetsItsLinkFromTheInstallation() async throws {
        let (nurse, first) = try await nurse()
        let root = try await desk.superAdmin()
        let second = try await desk.clinic(by: root)
        let member = try await desk.invite(["NURSE"], into: second, by: root, email: nurse.email)
        _ = try await desk.accept(try #require(member.invitation?.token), nurse.email, password: nurse.password)
        _ = try await desk.ask(endpoints.forgot, ForgottenPassword(email: nurse.email, clinicId: second))
        try await desk.withJobs {
            try await eventually("the installation sends it") {
                try await notices(.passwordReset, of: .installation).contains { $0.content.email == nurse.email }
            }
        }
        for clinic in [first, second] { #expect(try await notices(.passwordReset, of: clinic).isEmpty) }
        #expect(PasswordReset.sender(clinics: [first], hasSystemRole: false) == first)
        #expect(PasswordReset.sender(clinics: [first], hasSystemRole: true) == .installation)
        #expect(PasswordReset.sender(clinics: [], hasSystemRole: false) == .installation)
    }

    @Test func theLinkIsOverAfterAnHour() async throws {
        let (nurse, clinic) = try await nurse()
        let token = try await link(for: nurse, in: clinic)
        try desk.test.asOwner(
            "update access.password_resets set expires_at = now() - interval '1 second' where user_id = '\(nurse.id)'"
        )
        #expect(try await desk.call(endpoints.reset, NewPassword(token: token, password: new)).status == 410)
        #expect(try await signIn(nurse, nurse.password) == 200)
    }

    @Test func aLinkUsedManyTimesAtOnceCountsOnce() async throws {
        let (nurse, clinic) = try await nurse()
        let token = try await link(for: nurse, in: clinic)
        let (desk, reset) = (desk, endpoints.reset)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<5 {
                group.addTask {
                    let request = NewPassword(token: token, password: "another password \(number)")
                    return try await desk.call(reset, request).status
                }
            }
            return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses == [204: 1, 410: 4])
    }

    /// Somebody who is slowed down for a crowd of strangers gets in by the mail that only they can read.
    @Test func theLinkMakesTheDeviceKnown() async throws {
        let (nurse, clinic) = try await nurse()
        let token = try await link(for: nurse, in: clinic)
        let guess = LoginRequest(email: nurse.email, password: "a wrong guess")
        let login = AuthenticationEndpoints().login
        let there = RequestSource(address: "198.51.100.77", userAgent: "test")
        for _ in 0..<Lockout.triesPerSource { _ = try await desk.call(login, guess, from: there) }
        let right = LoginRequest(email: nurse.email, password: new)
        let reset = NewPassword(token: token, password: new)
        #expect(try await desk.call(endpoints.reset, reset, from: there).status == 204)
        #expect(try await desk.call(login, right, from: there).status == 200)
    }

    @Test func nobodyIsFloodedWithLinks() async throws {
        let (nurse, clinic) = try await nurse()
        for _ in 0..<PasswordReset.mostPerHour + 2 {
            _ = try await desk.ask(endpoints.forgot, ForgottenPassword(email: nurse.email))
        }
        try await desk.withJobs { try await eventually("all of it is done") { try await jobs() == 0 } }
        #expect(try await notices(.passwordReset, of: clinic).count == PasswordReset.mostPerHour)
    }

    @Test func noLinkStandsInTheClear() async throws {
        let (nurse, clinic) = try await nurse()
        let token = try await link(for: nurse, in: clinic)
        let found = try await desk.test.inspect(
            """
            select (select count(*) from outbox where position(convert_to(\(token), 'UTF8') in payload) > 0)
                + (select count(*) from password_resets where position(convert_to(\(token), 'UTF8') in token_hash) > 0)
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(found == 0)
    }

    /// Has a link sent and reads it as communication would.
    private func link(for person: AccessDesk.Person, in clinic: ClinicID) async throws -> String {
        _ = try await desk.ask(endpoints.forgot, ForgottenPassword(email: person.email, clinicId: clinic))
        return try await desk.withJobs {
            try await eventually("a link for \(person.id)") {
                try await notices(.passwordReset, of: clinic).first { $0.content.email == person.email }?.token
            }
        }
    }

    /// Jobs of the installation's that send links and wait to be done.
    private func jobs() async throws -> Int {
        try await desk.test.inspect("select count(*) from jobs where handler = \(SendPasswordReset.name)") { rows in
            try rows[0][0]
        }
    }
}
