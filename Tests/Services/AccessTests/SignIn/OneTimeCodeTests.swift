import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing
import Vault

@testable import Access

/// Signing in with a code that was sent.
@Suite(.timeLimit(.minutes(5))) struct OneTimeCodeTests {
    let desk: AccessDesk
    private let endpoints = OneTimeCodeEndpoints()

    init() throws { desk = try AccessDesk() }

    private func patient() async throws -> (person: AccessDesk.Person, clinic: ClinicID) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (try await desk.member(["PATIENT"], of: clinic, by: root), clinic)
    }

    /// Asks for a code and reads what was sent.
    private func code(for person: AccessDesk.Person, in clinic: ClinicID) async throws -> String {
        _ = try await desk.ask(endpoints.request, CodeRequest(clinicId: clinic, email: person.email))
        return try #require(try await desk.codes(of: clinic, to: person.email).last)
    }

    private func verify(_ code: String, _ person: AccessDesk.Person, in clinic: ClinicID) async throws -> BusReply {
        try await desk.call(endpoints.verify, CodeProof(clinicId: clinic, email: person.email, code: code))
    }

    private func expire(_ clinic: ClinicID) async throws {
        try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            tx.execute(
                "update one_time_codes set expires_at = now() - interval '1 second' where clinic_id = \(clinic)"
            )
        }
    }

    private static func wrong(_ code: String) -> String { code == "000000" ? "000001" : "000000" }

    @Test func aCodeSignsInOnce() async throws {
        let (patient, clinic) = try await patient()
        let code = try await code(for: patient, in: clinic)
        #expect(code.count == 6 && code.allSatisfy(\.isNumber))
        let proof = CodeProof(clinicId: clinic, email: patient.email, code: code)
        let signedIn = try await desk.ask(endpoints.verify, proof)
        let person = try AccessDesk.person(signedIn, patient.email, "")
        #expect(person.id == patient.id)
        #expect(try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: person).user.id == patient.id)
        let again = try await desk.call(endpoints.verify, proof)
        #expect(again.status == 401 && again.code == "invalid_code")
        let entries = try await desk.entries(of: clinic, action: "access.auth.verify_code")
        #expect(entries.map(\.reason).contains("used") && entries.contains { $0.outcome == .succeeded })
        let asked = try await desk.entries(of: clinic, action: "access.auth.request_code")
        #expect(asked.map(\.reason) == ["code_sent"])
    }

    @Test func whoeverAsksIsToldTheSame() async throws {
        let root = try await desk.superAdmin()
        let (patient, clinic) = try await patient()
        let other = try await desk.clinic(by: root)
        let invited = try await desk.invite(["PATIENT"], into: clinic, by: root)
        let stranger = try AccessDesk.address("stranger")
        let requests = [
            CodeRequest(clinicId: clinic, email: patient.email), CodeRequest(clinicId: clinic, email: stranger),
            CodeRequest(clinicId: other, email: patient.email), CodeRequest(clinicId: ClinicID(), email: patient.email),
            CodeRequest(clinicSlug: Slug("no-such-clinic-at-all"), email: patient.email),
            CodeRequest(clinicId: clinic, email: invited.email), CodeRequest(clinicId: clinic, email: root.email),
            CodeRequest(clinicId: clinic, phone: PhoneNumber("+4915112345678")),
        ]
        var replies: Set<String> = []
        for request in requests {
            let reply = try await desk.call(endpoints.request, request)
            replies.insert("\(reply.status) \(String(decoding: reply.body, as: UTF8.self))")
        }
        #expect(replies == [#"202 {"expiresIn":600}"#])
        #expect(try await desk.codes(of: clinic, to: patient.email).count == 1)
        for address in [stranger, invited.email, root.email] {
            #expect(try await desk.codes(of: clinic, to: address).isEmpty)
        }
        for elsewhere in [other, .installation] {
            #expect(try await desk.codes(of: elsewhere, to: patient.email).isEmpty)
        }
    }

    @Test func wrongCodesUseUpTheRightOne() async throws {
        let (patient, clinic) = try await patient()
        let code = try await code(for: patient, in: clinic)
        // All at once: each is counted.
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<12 {
                group.addTask { try await verify(Self.wrong(code), patient, in: clinic).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [Int](repeating: 401, count: 12))
        #expect(try await verify(code, patient, in: clinic).code == "invalid_code")
        let reasons = try await desk.entries(of: clinic, action: "access.auth.verify_code").map(\.reason)
        #expect(reasons.count { $0 == "wrong_code" } == OneTimeCode.tries)
        #expect(reasons.count { $0 == "too_many_tries" } == 13 - OneTimeCode.tries)
    }

    @Test func ofTwoWhoPresentACodeOneIsLetIn() async throws {
        let (patient, clinic) = try await patient()
        let code = try await code(for: patient, in: clinic)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await verify(code, patient, in: clinic).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 200 } == 1)
        #expect(statuses.count { $0 == 401 } == 7)
    }

    @Test func aNewCodeEndsTheFormer() async throws {
        let (patient, clinic) = try await patient()
        let former = try await code(for: patient, in: clinic)
        let fresh = try await code(for: patient, in: clinic)
        if former != fresh { #expect(try await verify(former, patient, in: clinic).status == 401) }
        #expect(try await verify(fresh, patient, in: clinic).status == 200)
    }

    @Test func codesExpire() async throws {
        let (patient, clinic) = try await patient()
        let code = try await code(for: patient, in: clinic)
        try await expire(clinic)
        #expect(try await verify(code, patient, in: clinic).code == "invalid_code")
        #expect(
            try await desk.entries(of: clinic, action: "access.auth.verify_code").map(\.reason) == ["expired"]
        )
    }

    @Test func tooManyRequestsSendNothingMore() async throws {
        let (patient, clinic) = try await patient()
        var last = ""
        for _ in 0..<CodeLimit.client.requests { last = try await code(for: patient, in: clinic) }
        let reply = try await desk.call(endpoints.request, CodeRequest(clinicId: clinic, email: patient.email))
        #expect(reply.status == 202)
        #expect(try await desk.codes(of: clinic, to: patient.email).count == CodeLimit.client.requests)
        let reasons = try await desk.entries(of: clinic, action: "access.auth.request_code").map(\.reason)
        #expect(reasons.count { $0 == "too_many_requests" } == 1)
        // What was sent before stays good: who asks for others' codes locks nobody out.
        #expect(try await verify(last, patient, in: clinic).status == 200)
    }

    /// A clinic's provider carries the code, so it opens nothing beyond that clinic.
    @Test func whoReachesFurtherNeedsTheirPassword() async throws {
        let root = try await desk.superAdmin()
        let (patient, clinic) = try await patient()
        let second = try await desk.clinic(by: root)
        let again = try await desk.invite(["PATIENT"], into: second, by: root, email: patient.email)
        let before = try await code(for: patient, in: clinic)
        _ = try await desk.accept(
            try #require(again.invitation?.token),
            patient.email,
            password: patient.password
        )
        #expect(try await verify(before, patient, in: clinic).status == 401)
        for place in [clinic, second] {
            _ = try await desk.ask(endpoints.request, CodeRequest(clinicId: place, email: patient.email))
        }
        #expect(try await desk.codes(of: second, to: patient.email).isEmpty)
        #expect(try await desk.codes(of: clinic, to: patient.email).count == 1)
        let reasons = try await desk.entries(of: second, action: "access.auth.request_code").map(\.reason)
        #expect(reasons == ["reaches_further"])
    }

    @Test func aCodeIsGoodAtItsClinicOnly() async throws {
        let root = try await desk.superAdmin()
        let (patient, clinic) = try await patient()
        let other = try await desk.clinic(by: root)
        let code = try await code(for: patient, in: clinic)
        for place in [other, ClinicID(), .installation] {
            #expect(try await verify(code, patient, in: place).code == "invalid_code")
        }
        let nowhere = CodeProof(email: patient.email, code: code)
        #expect(try await desk.call(endpoints.verify, nowhere).status == 401)
        #expect(try await verify(code, patient, in: clinic).status == 200)
    }

    @Test func noCodeIsKept() async throws {
        let (patient, clinic) = try await patient()
        let code = try await code(for: patient, in: clinic)
        let rows = try await desk.test.inspect(
            """
            select c::text from one_time_codes as c where clinic_id = \(clinic)
            union all select convert_from(payload, 'UTF8') from outbox
                where clinic_id = \(clinic) and name = \(NoticeRequested.kind)
            """
        ) { rows -> [String] in try rows.map { try $0[0] } }
        #expect(rows.count == 3)
        for row in rows { #expect(!row.contains("\"\(code)\"") && !row.contains(patient.email.address)) }
    }

    @Test func whatIsNotOneAddressAtOneClinicIsRefused() async throws {
        let email = try AccessDesk.address("a")
        let requests = [
            CodeRequest(email: email), CodeRequest(clinicId: ClinicID()),
            CodeRequest(clinicId: ClinicID(), clinicSlug: Slug("abc"), email: email),
            CodeRequest(clinicId: ClinicID(), email: email, phone: PhoneNumber("+4915112345678")),
        ]
        for request in requests { #expect(try await desk.call(endpoints.request, request).status == 422) }
    }

    @Test func whatIsOverIsForgotten() async throws {
        let (patient, clinic) = try await patient()
        let code = try await code(for: patient, in: clinic)
        try await expire(clinic)
        let forgotten = try await desk.database.through(.installation) { tx in
            try OneTimeCodeStore.forget(limit: 10_000, in: tx)
        }
        #expect(forgotten >= 1)
        _ = try await desk.database.through(.installation) { tx in try CodeRequestStore.forget(limit: 10_000, in: tx) }
        #expect(try await verify(code, patient, in: clinic).status == 401)
    }

    @Test(arguments: [
        (0, 1, false, true, OneTimeCode.Verdict.right), (4, 1, false, true, .right), (0, 1, false, false, .wrong),
        (5, 1, false, true, .tooManyTries), (5, 1, false, false, .tooManyTries), (0, 0, false, true, .expired),
        (0, -1, false, true, .expired), (0, 1, true, true, .used), (9, -1, true, false, .used),
    ])
    func judging(tries: Int, seconds: Int, isUsed: Bool, isRight: Bool, verdict: OneTimeCode.Verdict) {
        let now = Instant(seconds: 1_000)
        let known = OneTimeCode.Known(
            hash: [1, 2],
            tries: tries,
            expiresAt: now + .seconds(seconds),
            isUsed: isUsed
        )
        #expect(OneTimeCode.judge(isRight ? [1, 2] : [1, 3], known, at: now) == verdict)
    }
}

extension AccessDesk {
    /// The codes a clinic has really sent to an address, oldest first.
    func codes(of clinic: ClinicID, to address: EmailAddress?) async throws -> [String] {
        try await codes(of: clinic, to: address, phone: nil)
    }

    /// The same for a number.
    func codes(of clinic: ClinicID, to phone: PhoneNumber) async throws -> [String] {
        try await codes(of: clinic, to: nil, phone: phone)
    }

    private func codes(of clinic: ClinicID, to address: EmailAddress?, phone: PhoneNumber?) async throws -> [String] {
        try await notices(of: clinic, to: address, phone: phone).filter { $0.request.expiresAt > .now() }
            .compactMap(\.code)
    }
}
