import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

@Suite struct PreferenceRuleTests {
    private static let reminder = NoticePreference(kind: .appointmentReminder)

    private static func time(_ text: String) -> TimeOfDay { TimeOfDay(text) ?? TimeOfDay.placeholder }

    @Test(arguments: [
        (Preferences(), [String]()),
        (Preferences(timeZone: TimeZoneName("Asia/Kolkata"), notices: [reminder]), []),
        (Preferences(timeZone: TimeZoneName("Europe/Atlantis")), ["/timeZone"]),
        (Preferences(notices: [reminder, NoticePreference(kind: .invoice), reminder]), ["/notices/2/kind"]),
        (
            Preferences(notices: [NoticePreference(kind: .invoice, channels: [.sms, .email, .sms])]),
            ["/notices/0/channels"]
        ),
        (
            Preferences(notices: [
                NoticePreference(kind: .invoice, quietHours: QuietHours(from: time("22:00"), to: time("07:00"))),
                NoticePreference(kind: .marketing, quietHours: QuietHours(from: time("07:00"), to: time("07:00"))),
            ]),
            ["/notices/1/quietHours"]
        ),
        (Preferences(notices: [NoticePreference(kind: .accountSecurity, channels: [.sms, .email])]), []),
        (
            Preferences(notices: [
                NoticePreference(
                    kind: .accountSecurity,
                    channels: [],
                    quietHours: QuietHours(from: time("22:00"), to: time("07:00"))
                )
            ]),
            ["/notices/0/channels", "/notices/0/quietHours"]
        ),
    ]) func namesWhatIsWrong(_ preferences: Preferences, _ pointers: [String]) {
        do {
            try PreferenceRule.check(preferences)
            #expect(pointers.isEmpty)
        } catch {
            #expect(error.errors.compactMap(\.pointer) == pointers)
        }
    }
}

/// One's own name, language and preferences: who may change them, and who hears of it.
@Suite(.timeLimit(.minutes(5))) struct PreferenceTests {
    let desk: AccessDesk
    private let endpoints = PreferenceEndpoints()

    init() throws { desk = try AccessDesk() }

    private func nurse() async throws -> (AccessDesk.Person, ClinicID) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (try await desk.member(["NURSE"], of: clinic, by: root), clinic)
    }

    private var chosen: Preferences {
        get throws {
            let quiet = QuietHours(from: try #require(TimeOfDay("21:30")), to: try #require(TimeOfDay("06:00")))
            return Preferences(
                locale: "hi-IN",
                timeZone: TimeZoneName("Asia/Kolkata"),
                notices: [
                    NoticePreference(kind: .appointmentReminder, channels: [.whatsapp, .sms], quietHours: quiet),
                    NoticePreference(kind: .marketing, channels: []),
                ]
            )
        }
    }

    @Test func whatIsChosenIsKept() async throws {
        let (nurse, _) = try await nurse()
        #expect(try await desk.ask(endpoints.read, EmptyInput(), as: nurse) == Preferences())
        let chosen = try chosen
        #expect(try await desk.ask(endpoints.update, chosen, as: nurse) == chosen)
        #expect(try await desk.ask(endpoints.read, EmptyInput(), as: nurse) == chosen)
        // The language is the account's.
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: nurse)
        #expect(me.user.locale == "hi-IN")
        #expect(try await desk.ask(endpoints.update, Preferences(), as: nurse) == Preferences())
        #expect(try await desk.ask(endpoints.read, EmptyInput(), as: nurse) == Preferences())
    }

    @Test func anotherVersionIsNotOverwritten() async throws {
        let (nurse, _) = try await nurse()
        let tag = try #require(try await desk.call(endpoints.read, EmptyInput(), as: nurse).headers.first).1
        let first = try await desk.call(endpoints.update, try chosen, as: nurse, ifMatch: tag)
        #expect(first.status == 200)
        #expect(first.headers.contains { $0.0 == "ETag" && $0.1 != tag })
        #expect(try await desk.call(endpoints.update, Preferences(), as: nurse, ifMatch: tag).status == 412)
        let rename = MePatch(name: "Nora")
        let updateMe = AuthenticationEndpoints().updateMe
        #expect(try await desk.call(updateMe, rename, as: nurse, ifMatch: tag).status == 412)
        #expect(try await desk.ask(endpoints.read, EmptyInput(), as: nurse) == (try chosen))
    }

    @Test func eachPersonHasTheirOwn() async throws {
        let (nurse, _) = try await nurse()
        let (other, _) = try await self.nurse()
        _ = try await desk.ask(endpoints.update, try chosen, as: nurse)
        #expect(try await desk.ask(endpoints.read, EmptyInput(), as: other) == Preferences())
        #expect(try await desk.call(endpoints.read, EmptyInput()).status == 401)
        #expect(try await desk.call(endpoints.update, Preferences()).status == 401)
    }

    @Test func unknownTimeZonesAreNamed() async throws {
        let (nurse, _) = try await nurse()
        let wrong = Preferences(timeZone: TimeZoneName("Europe/Atlantis"))
        let reply = try await desk.call(endpoints.update, wrong, as: nurse)
        #expect(reply.status == 422)
        #expect(String(decoding: reply.body, as: UTF8.self).contains("/timeZone"))
    }

    /// Every clinic of the person's hears of it, with a version above the last.
    @Test func everyClinicHearsOfIt() async throws {
        let (nurse, first) = try await nurse()
        let root = try await desk.superAdmin()
        let second = try await desk.clinic(by: root)
        let again = try await desk.invite(["NURSE"], into: second, by: root, email: nurse.email)
        _ = try await desk.accept(try #require(again.invitation?.token), nurse.email, password: nurse.password)
        let before = try await told(of: nurse, in: first)
        _ = try await desk.ask(endpoints.update, try chosen, as: nurse)
        _ = try await desk.ask(AuthenticationEndpoints().updateMe, MePatch(locale: .set("de")), as: nurse)
        let chosen = try chosen
        try await desk.withJobs {
            for clinic in [first, second] {
                try await eventually("\(clinic) hears of it") {
                    try await told(of: nurse, in: clinic).contains { $0.event.locale == "de" }
                }
            }
        }
        for clinic in [first, second] {
            let last = try #require(try await told(of: nurse, in: clinic).last)
            #expect(last.event.timeZone == chosen.timeZone)
            #expect(last.event.notices == chosen.notices)
            #expect(!last.event.deleted)
        }
        let versions = try await told(of: nurse, in: first).map(\.version)
        #expect(versions.count > before.count)
        #expect(versions == versions.sorted() && Set(versions).count == versions.count)
    }

    private func told(of person: AccessDesk.Person, in clinic: ClinicID) async throws -> [(
        version: Int64, event: UserChanged
    )] {
        let rows = try await desk.test.inspect(
            """
            select aggregate_version, payload from outbox
            where clinic_id = \(clinic) and name = \(UserChanged.kind) and aggregate_id = \("member:\(person.id)")
            order by position
            """
        ) { rows -> [(Int64, [UInt8])] in try rows.map { (try $0[0], try $0[1]) } }
        return try rows.map { ($0.0, try JSONTape($0.1).decode(UserChanged.self)) }
    }
}
