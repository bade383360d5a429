import AccessAPI
import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct PreferenceRulesTests {
    private func draft(_ categories: [CategoryPreference], zone: String? = nil) -> ContactPreferencesDraft {
        ContactPreferencesDraft(
            contactId: ContactID(),
            timeZone: zone.flatMap { TimeZoneName($0) },
            categories: categories
        )
    }

    private func quiet(_ from: String, _ to: String) throws -> QuietTime {
        QuietTime(from: try #require(TimeOfDay(from)), to: try #require(TimeOfDay(to)))
    }

    @Test func everyFaultIsNamed() throws {
        var wrong = draft(
            [
                CategoryPreference(category: .care, channels: [.sms, .sms]),
                CategoryPreference(category: .care, quietHours: try quiet("08:00", "08:00")),
                CategoryPreference(category: .security, channels: [], quietHours: try quiet("22:00", "07:00")),
            ],
            zone: "Europe/Atlantis"
        )
        wrong.locale = "no language"
        let problem = #expect(throws: Problem.self) { try PreferenceRules.check(wrong, of: nil, []) }
        #expect(
            problem?.errors.map(\.pointer) == [
                "/locale", "/timeZone", "/categories/0/channels", "/categories/1/category", "/categories/1/quietHours",
                "/categories/2/channels", "/categories/2/quietHours",
            ]
        )
    }

    @Test func whatIsRightPasses() throws {
        let right = draft(
            [
                CategoryPreference(category: .marketing, channels: []),
                CategoryPreference(category: .care, channels: [.sms, .email], quietHours: try quiet("22:00", "07:00")),
                CategoryPreference(category: .security, channels: [.sms]),
            ],
            zone: "Asia/Kolkata"
        )
        try PreferenceRules.check(right, of: nil, [])
        try PreferenceRules.check(draft([], zone: "UTC"), of: PatientID(), [])
    }

    @Test(arguments: [
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z"),
        ("2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00Z"),
        ("2026-10-26", "Europe/Berlin", "2026-10-25T23:00:00Z"), ("2026-11-21", "Asia/Kolkata", "2026-11-20T18:30:00Z"),
        ("2026-11-21", "America/New_York", "2026-11-21T05:00:00Z"), ("2026-11-21", "UTC", "2026-11-21T00:00:00Z"),
        ("2026-11-21", nil, "2026-11-21T00:00:00Z"),
    ]) func daysBeginAtMidnight(day: String, zone: String?, instant: String) throws {
        let start = PreferenceRules.start(
            of: try #require(CalendarDate(day)),
            in: zone.flatMap { TimeZoneName($0) }
        )
        #expect(start.rfc3339 == instant)
    }

    @Test func consentKeepsItsTimeWhileItHolds() {
        let (first, second) = (Instant(seconds: 1_000), Instant(seconds: 2_000))
        let before = PreferenceRules.consents(
            [],
            [],
            after: [CategoryPreference(category: .care, channels: [.email])],
            by: "staff",
            at: first
        )
        #expect(before.count == 4 && before.filter(\.granted).map(\.channel) == [.email])
        let after = PreferenceRules.consents(
            before,
            before,
            after: [
                CategoryPreference(category: .care, channels: [.email, .sms]),
                CategoryPreference(category: .billing, quietHours: nil),
            ],
            by: "patient",
            at: second
        )
        #expect(after.count == 4 && after.first { $0.channel == .email }?.at == first)
        let sms = after.first { $0.channel == .sms }
        #expect(sms?.at == second && sms?.granted == true && sms?.source == "patient")
        #expect(after.first { $0.channel == .push }?.at == first)
    }

    @Test func whoOptedOutHasNotAgreedAnewWhereNothingElseIsChosen() {
        let (first, second, third) = (Instant(seconds: 1_000), Instant(seconds: 2_000), Instant(seconds: 3_000))
        let choice = [CategoryPreference(category: .marketing, channels: [.sms])]
        let said = PreferenceRules.consents([], [], after: choice, by: "patient", at: first)
        let standing = said.map { consent in
            guard consent.channel == .sms else { return consent }
            return Consent(category: .marketing, channel: .sms, granted: false, source: "inbound", at: second)
        }
        #expect(PreferenceRules.consents(said, standing, after: choice, by: "staff", at: third) == said)
        let declined = [CategoryPreference(category: .marketing, channels: [])]
        let after = PreferenceRules.consents(said, standing, after: declined, by: "staff", at: third)
        #expect(after.first { $0.channel == .sms }?.at == second)
    }

    struct Choice: Sendable {
        let wanted: [MessageChannel]
        let isAskedFor: Bool
        let chosen: [MessageChannel]?
        let expected: [MessageChannel]
    }

    @Test(
        arguments: [
            Choice(wanted: [.email, .sms], isAskedFor: false, chosen: nil, expected: [.email, .sms]),
            Choice(
                wanted: [.email, .sms],
                isAskedFor: false,
                chosen: [.sms, .email, .push],
                expected: [.sms, .email]
            ),
            Choice(wanted: [.email, .sms], isAskedFor: true, chosen: [.sms, .email], expected: [.email, .sms]),
            Choice(wanted: [.email, .sms], isAskedFor: true, chosen: [.sms], expected: [.sms]),
            Choice(wanted: [.email], isAskedFor: true, chosen: [.sms], expected: []),
            Choice(wanted: [.email, .sms], isAskedFor: false, chosen: [], expected: []),
        ]
    )
    func channelsAreTheContacts(_ choice: Choice) {
        let category = CategoryPreference(category: .care, channels: choice.chosen)
        let ofContact = RecipientPreferences(category: category)
        #expect(ofContact.channels(choice.wanted, .care, isAskedFor: choice.isAskedFor) == choice.expected)
        let channels = choice.chosen?.compactMap { NoticeChannel(rawValue: $0.rawValue) }
        let ofAccount = RecipientPreferences(notice: NoticePreference(kind: .invoice, channels: channels))
        #expect(ofAccount.channels(choice.wanted, .billing, isAskedFor: choice.isAskedFor) == choice.expected)
    }

    struct Night: Sendable {
        let zone: String
        let from: String
        let to: String
        let now: String
        let until: String?
    }

    static let nights: [Night] = [
        Night(zone: "UTC", from: "22:00", to: "07:00", now: "2026-03-01T21:59:59Z", until: nil),
        Night(zone: "UTC", from: "22:00", to: "07:00", now: "2026-03-01T22:00:00Z", until: "2026-03-02T07:00:00Z"),
        Night(zone: "UTC", from: "22:00", to: "07:00", now: "2026-03-02T06:59:59Z", until: "2026-03-02T07:00:00Z"),
        Night(zone: "UTC", from: "22:00", to: "07:00", now: "2026-03-02T07:00:00Z", until: nil),
        Night(zone: "UTC", from: "12:00", to: "14:00", now: "2026-03-02T13:00:00Z", until: "2026-03-02T14:00:00Z"),
        Night(
            zone: "Asia/Kolkata",
            from: "22:00",
            to: "07:00",
            now: "2026-03-01T17:00:00Z",
            until: "2026-03-02T01:30:00Z"
        ),
        // The night in which clocks go forward, and the one in which they go back.
        Night(
            zone: "Europe/Berlin",
            from: "22:00",
            to: "07:00",
            now: "2026-03-28T22:00:00Z",
            until: "2026-03-29T05:00:00Z"
        ),
        Night(
            zone: "Europe/Berlin",
            from: "22:00",
            to: "07:00",
            now: "2026-10-24T21:00:00Z",
            until: "2026-10-25T06:00:00Z"
        ),
        // An end in the hour that is left out, and one in the hour that comes twice.
        Night(
            zone: "Europe/Berlin",
            from: "22:00",
            to: "02:30",
            now: "2026-03-28T22:30:00Z",
            until: "2026-03-29T01:30:00Z"
        ),
        Night(
            zone: "Europe/Berlin",
            from: "22:00",
            to: "02:00",
            now: "2026-03-28T22:30:00Z",
            until: "2026-03-29T01:00:00Z"
        ),
        Night(
            zone: "America/New_York",
            from: "21:00",
            to: "02:30",
            now: "2026-03-08T06:59:59Z",
            until: "2026-03-08T07:30:00Z"
        ),
        Night(
            zone: "Europe/Berlin",
            from: "22:00",
            to: "02:30",
            now: "2026-10-24T21:00:00Z",
            until: "2026-10-25T00:30:00Z"
        ),
        Night(
            zone: "Europe/Berlin",
            from: "22:00",
            to: "02:30",
            now: "2026-10-25T01:10:00Z",
            until: "2026-10-25T01:30:00Z"
        ),
        Night(zone: "UTC", from: "00:00", to: "24:00", now: "2026-03-02T13:00:00Z", until: "2026-03-03T00:00:00Z"),
    ]

    @Test(arguments: nights) func aNightEndsInTheMorning(_ night: Night) throws {
        let until = PreferenceRules.quietUntil(
            try quiet(night.from, night.to),
            in: try #require(TimeZoneName(night.zone)),
            at: try #require(Instant(rfc3339: night.now))
        )
        #expect(until?.rfc3339 == night.until.flatMap { Instant(rfc3339: $0) }?.rfc3339)
    }

    @Test func contactAndAccountBothHold() throws {
        let both = RecipientPreferences(
            category: CategoryPreference(category: .care, channels: [.sms, .email]),
            notice: NoticePreference(kind: .appointmentReminder, channels: [.email, .push])
        )
        #expect(both.channels([.email, .sms, .push], .care, isAskedFor: false) == [.email])
        #expect(RecipientPreferences().channels([.sms, .email], .care, isAskedFor: false) == [.sms, .email])
        let codes = RecipientPreferences(category: CategoryPreference(category: .security, channels: [.sms]))
        #expect(codes.channels([.email, .sms], .security, isAskedFor: false) == [.sms])
        #expect(codes.channels([.email], .security, isAskedFor: false) == [.email])
    }

    @Test func oneNightMayFollowAnother() throws {
        let evening = try #require(Instant(rfc3339: "2026-03-01T20:30:00Z"))
        var preferences = RecipientPreferences(
            category: CategoryPreference(category: .care, quietHours: try quiet("20:00", "22:00")),
            notice: NoticePreference(
                kind: .invoice,
                quietHours: QuietHours(from: try quiet("21:30", "06:00").from, to: try quiet("21:30", "06:00").to)
            ),
            quietOfClinic: try quiet("05:00", "08:00"),
            zone: TimeZoneName("UTC")
        )
        #expect(preferences.start(evening).rfc3339.hasPrefix("2026-03-02T08:00:00"))
        #expect(preferences.start(evening - .seconds(3_600)) == evening - .seconds(3_600))
        preferences.zone = nil
        #expect(preferences.start(evening) == evening)
    }

    @Test(
        arguments: [
            ("appointment_reminder", .care, .appointmentReminder),
            ("appointment_reminder_2h", .care, .appointmentReminder),
            ("invoice", .billing, .invoice), ("overdue", .billing, .paymentReminder), (nil, .care, .clinicMessage),
            (nil, .marketing, .marketing), ("one_time_code", .security, nil), ("our_own", .care, nil),
        ] as [(String?, MessageCategory, NoticeKind?)]
    )
    func templatesHaveTheirKind(_ template: String?, _ category: MessageCategory, _ kind: NoticeKind?) {
        #expect(RecipientPreferences.kind(template: template, category) == kind)
    }
}
