import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// Accounts without an e-mail address: registering and signing in with a number.
@Suite(.timeLimit(.minutes(5))) struct PhoneAccountTests {
    let phones: PhoneDesk
    private var desk: AccessDesk { phones.desk }

    init() throws { phones = try PhoneDesk() }

    private static func wrong(_ code: String) -> String { code == "000000" ? "000001" : "000000" }

    @Test func aPatientRegistersAndSignsInWithTheNumberAlone() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        let person = try await phones.patient(phone, of: clinic, born: "1984-02-29")
        let me = try await phones.me(person)
        #expect(me.user.phone == phone && me.user.email == nil)
        #expect(me.memberships.map(\.clinicId) == [clinic] && me.memberships.first?.roles == ["PATIENT"])
        let told = try await desk.test.inspect(
            "select payload from outbox where clinic_id = \(clinic) and name = \(PatientRegistered.kind)"
        ) { rows in try rows.map { try JSONTape(try $0[0]).decode(PatientRegistered.self) } }
        let date = CalendarDate("1984-02-29")
        #expect(told == [PatientRegistered(userId: person.id, email: nil, phone: phone, birthDate: date)])
        let notices = try await desk.notices(of: clinic, phone: phone)
        #expect(notices.map(\.request.template) == [.oneTimeCode, .welcome])
        #expect(notices.allSatisfy { $0.content.channels == [.sms, .whatsapp] && $0.content.email == nil })
        #expect(try await phones.signIn(phone, at: clinic).id == person.id)
        let refreshed = try await desk.ask(
            AuthenticationEndpoints().refresh,
            RefreshRequest(refreshToken: person.refreshToken)
        )
        #expect(refreshed.user.phone == phone)
        let root = try await desk.superAdmin()
        let path = MemberPath(clinicId: clinic, userId: person.id)
        let member = try await desk.ask(MemberEndpoints().read, path, as: root, in: clinic)
        #expect(member.phone == phone && member.email == nil && member.status == .active)
        let listed = try await desk.ask(
            SystemUserEndpoints().list,
            DirectoryRequest(limit: 200),
            as: root
        )
        #expect(listed.items.allSatisfy { $0.email != nil || $0.phone != nil })
    }

    @Test func theChannelThatIsAskedForIsTriedFirst() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        _ = try await phones.patient(phone, of: clinic)
        _ = try await phones.ask(phone, at: clinic, by: .whatsapp)
        #expect(try await desk.notices(of: clinic, phone: phone).last?.content.channels == [.whatsapp, .sms])
        let email = try AccessDesk.address("channel")
        let wrong = [
            CodeRequest(clinicId: clinic, email: email, channel: .sms),
            CodeRequest(clinicId: clinic, phone: phone, channel: .email),
            CodeRequest(clinicId: clinic, email: email, phone: phone),
        ]
        for request in wrong {
            #expect(try await desk.call(phones.endpoints.request, request, from: phones.source).status == 422)
        }
    }

    /// Known, unknown, another clinic's, of nobody who may come in: the same reply after the same steps.
    @Test func whoeverAsksIsToldTheSame() async throws {
        let root = try await desk.superAdmin()
        let (clinic, other) = (try await phones.clinic(), try await phones.clinic())
        let (known, elsewhere) = (try PhoneDesk.number(), try PhoneDesk.number())
        let (stranger, invited) = (try PhoneDesk.number(), try PhoneDesk.number())
        let patient = try await phones.patient(known, of: clinic)
        _ = try await phones.patient(elsewhere, of: other)
        let draft = MemberDraft(clinicId: clinic, phone: invited, name: "I", roles: [AssignedRole(role: "NURSE")])
        _ = try await desk.ask(MemberEndpoints().create, draft, as: root, in: clinic)
        var replies: Set<String> = []
        for number in [known, elsewhere, stranger, invited] {
            let before = try await traces(of: clinic)
            replies.insert(try await phones.ask(number, at: clinic))
            let after = try await traces(of: clinic)
            #expect(after.map { $0 - before[0] }.first == 1 && after[1] - before[1] == 1)
            let notice = try #require(try await desk.notices(of: clinic, phone: number).last)
            #expect(notice.request.template == .oneTimeCode && notice.code?.count == 6)
            #expect((notice.request.expiresAt > .now()) == (number == known))
        }
        #expect(replies == [#"202 {"expiresIn":600}"#])
        var registering: Set<String> = []
        for number in [known, elsewhere, stranger, try PhoneDesk.number()] {
            let registration = Registration(clinicId: clinic, phone: number, name: "Somebody Else")
            registering.insert(try await phones.register(registration))
        }
        #expect(registering == [#"202 {"expiresIn":600}"#])
        for number in [known, elsewhere] {
            #expect(try await desk.notices(of: clinic, phone: number).last?.request.template == .accountExists)
        }
        #expect(try await phones.me(patient).user.name == "Nora")
    }

    /// Notices asked for and codes kept.
    private func traces(of clinic: ClinicID) async throws -> [Int64] {
        try await desk.test.inspect(
            """
            select (select count(*) from outbox where clinic_id = \(clinic) and name = \(NoticeRequested.kind)),
                (select count(*) from one_time_codes where clinic_id = \(clinic) and purpose = 'sign_in')
            """
        ) { rows in [try rows[0][0], try rows[0][1]] }
    }

    @Test func wrongExpiredUsedAndTooManyAreRefusedAlike() async throws {
        let (clinic, other, phone) = (try await phones.clinic(), try await phones.clinic(), try PhoneDesk.number())
        _ = try await phones.patient(phone, of: clinic)
        _ = try await phones.ask(phone, at: clinic)
        let code = try await phones.code(of: clinic, to: phone)
        for place in [other, ClinicID(), .installation] {
            #expect(try await phones.verify(code, phone, at: place).code == "invalid_code")
        }
        // The same digits at another number, and as an e-mail address's code.
        #expect(try await phones.verify(code, try PhoneDesk.number(), at: clinic).code == "invalid_code")
        for _ in 0..<OneTimeCode.tries {
            #expect(try await phones.verify(Self.wrong(code), phone, at: clinic).code == "invalid_code")
        }
        #expect(try await phones.verify(code, phone, at: clinic).code == "invalid_code")
        _ = try await phones.ask(phone, at: clinic)
        let fresh = try await phones.code(of: clinic, to: phone)
        try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            tx.execute(
                "update one_time_codes set expires_at = now() - interval '1 second' where clinic_id = \(clinic)"
            )
        }
        #expect(try await phones.verify(fresh, phone, at: clinic).code == "invalid_code")
        let reasons = try await desk.entries(of: clinic, action: "access.auth.verify_code").compactMap(\.reason)
        #expect(reasons.count { $0 == "wrong_code" } == OneTimeCode.tries)
        #expect(reasons.contains("too_many_tries") && reasons.contains("expired"))
    }

    @Test func ofManyWhoPresentACodeOneIsLetIn() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        _ = try await phones.register(Registration(clinicId: clinic, phone: phone, name: "Nora"))
        for _ in 0..<2 {
            let code = try await phones.code(of: clinic, to: phone)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await phones.verify(code, phone, at: clinic).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 200 } == 1 && statuses.count { $0 == 401 } == 7)
            // Once more as a sign-in.
            _ = try await phones.ask(phone, at: clinic)
        }
    }

    /// One number, two clinics: it opens nothing at the second, and nobody is locked out of the first.
    @Test func withoutAPasswordOneBelongsToOneClinic() async throws {
        let root = try await desk.superAdmin()
        let (clinic, second, phone) = (try await phones.clinic(), try await phones.clinic(), try PhoneDesk.number())
        let person = try await phones.patient(phone, of: clinic)
        let draft = MemberDraft(clinicId: second, phone: phone, name: "N", roles: [AssignedRole(role: "PATIENT")])
        let invited = try await desk.ask(MemberEndpoints().create, draft, as: root, in: second)
        #expect(invited.id == person.id && invited.status == .invited)
        let token = try #require(invited.invitation?.token)
        // Who has sent the invitation has seen it, and comes into the account no more than anybody else.
        let accept = AuthenticationEndpoints().acceptInvitation
        for password in [nil, "a password of my own"] {
            let stolen = try await desk.call(accept, AcceptInvitation(token: token, password: password))
            #expect(stolen.code == "invalid_credentials")
        }
        let own = try await desk.call(accept, AcceptInvitation(token: token), as: person)
        #expect(own.status == 409 && own.code == "email_required")
        _ = try await phones.ask(phone, at: second)
        #expect(try await desk.codes(of: second, to: phone).isEmpty)
        #expect(try await phones.signIn(phone, at: clinic).id == person.id)
    }

    @Test func aPasswordGoesWithAnEmailAddress() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        let registration = Registration(clinicId: clinic, phone: phone, name: "N", password: "a long enough password")
        #expect(try await phones.register(registration).hasPrefix("422"))
        #expect(try await desk.notices(of: clinic, phone: phone).isEmpty)
    }

    @Test func oneNetworkAsksForSoManyTexts() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        _ = try await phones.patient(phone, of: clinic)
        for _ in 0..<CodeLimit.network.requests { _ = try await phones.ask(try PhoneDesk.number(), at: clinic) }
        #expect(try await phones.ask(phone, at: clinic).hasPrefix("202"))
        #expect(try await desk.codes(of: clinic, to: phone).count == 1)
        // Others are not kept from it.
        let elsewhere = try PhoneDesk()
        _ = try await elsewhere.ask(phone, at: clinic)
        #expect(try await desk.codes(of: clinic, to: phone).count == 2)
    }

    @Test func neitherNumberNorCodeIsKeptInTheClear() async throws {
        let (clinic, phone) = (try await phones.clinic(), try PhoneDesk.number())
        _ = try await phones.register(Registration(clinicId: clinic, phone: phone, name: "Nora Neu"))
        let code = try await phones.code(of: clinic, to: phone)
        let rows = try await desk.test.inspect(
            """
            select encode(sealed, 'escape') || c::text from one_time_codes as c where clinic_id = \(clinic)
            union all select convert_from(payload, 'UTF8') from outbox
                where clinic_id = \(clinic) and name = \(NoticeRequested.kind)
            """
        ) { rows -> [String] in try rows.map { try $0[0] } }
        #expect(rows.count == 2)
        for row in rows {
            #expect(!row.contains(phone.number) && !row.contains("Nora") && !row.contains("\"\(code)\""))
        }
    }
}

@Suite struct NoticeRouteTests {
    private static let email = EmailAddress.placeholder
    private static let phone = PhoneNumber.placeholder

    @Test(
        arguments: [
            (nil, email, phone, [.email, .sms, .whatsapp]),
            (nil, email, nil, [.email]),
            (nil, nil, phone, [.sms, .whatsapp]),
            ([.whatsapp], email, phone, [.whatsapp, .email, .sms]),
            ([.sms, .email], email, phone, [.sms, .email, .whatsapp]),
            // What the account has no address for is passed over.
            ([.push, .sms], email, nil, [.email]),
            ([], nil, phone, [.sms, .whatsapp]),
        ] as [([NoticeChannel]?, EmailAddress?, PhoneNumber?, [NoticeChannel])]
    )
    func whatIsPreferredComesFirst(
        _ preferred: [NoticeChannel]?,
        _ email: EmailAddress?,
        _ phone: PhoneNumber?,
        _ channels: [NoticeChannel]
    ) {
        #expect(NoticeRoute.channels(preferred, email: email, phone: phone) == channels)
    }
}
