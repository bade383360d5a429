import AppointmentsAPI
import Contracts
import Core
import Testing

@testable import Appointments

@Suite struct SlotFinderTests {
    private static let location = LocationID()
    /// The beginning of 2026.
    private static let past = Instant(seconds: 1_767_225_600)

    private func hours(
        _ zone: String,
        _ weekly: [(Weekday, String, String)],
        exceptions: [String: [(String, String)]] = [:]
    ) throws -> DoctorHours {
        let name = try #require(TimeZoneName(zone))
        var days: [CalendarDate: [DayHours]] = [:]
        for (date, stretches) in exceptions {
            days[try #require(CalendarDate(date))] = try stretches.map {
                DayHours(
                    locationId: Self.location,
                    from: try #require(TimeOfDay($0.0)),
                    to: try #require(TimeOfDay($0.1))
                )
            }
        }
        return DoctorHours(
            doctorID: DoctorID(),
            weekly: try weekly.map {
                WeeklyHours(
                    weekday: $0.0,
                    locationId: Self.location,
                    from: try #require(TimeOfDay($0.1)),
                    to: try #require(TimeOfDay($0.2))
                )
            },
            exceptions: days,
            zones: [Self.location: .init(name: name, rules: try #require(ZoneCatalog().rules(name)))]
        )
    }

    private func starts(
        _ hours: DoctorHours,
        _ terms: VisitTerms,
        taken: [(String, String)] = [],
        from: String,
        to: String,
        now: Instant = past
    ) throws -> [String] {
        let finder = SlotFinder(
            hours: hours,
            terms: terms,
            taken: try taken.map { try #require(Instant(rfc3339: $0.0))..<(try #require(Instant(rfc3339: $0.1))) }
        )
        let range = try #require(Instant(rfc3339: from))..<(try #require(Instant(rfc3339: to)))
        return finder.slots(in: range, now: now).map(\.start.rfc3339)
    }

    /// Sunday 29 March 2026: two o'clock does not come in Berlin.
    @Test func springDayIsAnHourShorter() throws {
        let hours = try hours("Europe/Berlin", [(.sunday, "00:00", "04:00")])
        let found = try starts(
            hours,
            VisitTerms(minutes: 30),
            from: "2026-03-28T00:00:00Z",
            to: "2026-03-30T00:00:00Z"
        )
        #expect(
            found == [
                "2026-03-28T23:00:00Z", "2026-03-28T23:30:00Z", "2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z",
            ]
        )
    }

    /// Sunday 25 October 2026: two o'clock comes twice in Berlin.
    @Test func autumnDayIsAnHourLonger() throws {
        let hours = try hours("Europe/Berlin", [(.sunday, "01:00", "04:00")])
        let found = try starts(
            hours,
            VisitTerms(minutes: 60),
            from: "2026-10-24T00:00:00Z",
            to: "2026-10-26T00:00:00Z"
        )
        #expect(
            found == ["2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]
        )
    }

    /// Opening hours stay what they are on the wall, before and after the change.
    @Test(arguments: [
        ("Europe/Berlin", "2026-03-28", "2026-03-28T08:00:00Z"),
        ("Europe/Berlin", "2026-03-29", "2026-03-29T07:00:00Z"),
        ("Europe/Berlin", "2026-10-24", "2026-10-24T07:00:00Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-25T08:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03", "2026-10-02T22:30:00Z"),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T22:00:00Z"),
        ("Africa/Cairo", "2026-04-23", "2026-04-23T07:00:00Z"), ("Africa/Cairo", "2026-04-24", "2026-04-24T06:00:00Z"),
        ("Asia/Kolkata", "2026-04-24", "2026-04-24T03:30:00Z"),
    ])
    func nineOnTheWallIsNine(_ zone: String, _ date: String, _ expected: String) throws {
        let hours = try hours(zone, Weekday.allCases.map { ($0, "09:00", "10:00") })
        let day = try #require(TimeZoneName(zone).flatMap(ZoneCatalog().rules)).day(
            try #require(CalendarDate(date))
        )
        let found = try starts(
            hours,
            VisitTerms(minutes: 60),
            from: day.lowerBound.rfc3339,
            to: day.upperBound.rfc3339
        )
        #expect(found == [expected])
    }

    /// Cairo skips midnight on 24 April 2026: the day begins at one.
    @Test func hoursFromASkippedMidnight() throws {
        let hours = try hours("Africa/Cairo", [(.friday, "00:00", "03:00")])
        let found = try starts(
            hours,
            VisitTerms(minutes: 60),
            from: "2026-04-23T00:00:00Z",
            to: "2026-04-25T00:00:00Z"
        )
        #expect(found == ["2026-04-23T22:00:00Z", "2026-04-23T23:00:00Z"])
    }

    /// Samoa had no 30 December 2011: neither hours nor a doubled next day.
    @Test func aDateThatNeverWasIsClosed() throws {
        let hours = try hours("Pacific/Apia", Weekday.allCases.map { ($0, "09:00", "10:00") })
        let found = try starts(
            hours,
            VisitTerms(minutes: 60),
            from: "2011-12-29T00:00:00Z",
            to: "2012-01-01T00:00:00Z",
            now: try #require(Instant(rfc3339: "2011-12-01T00:00:00Z"))
        )
        #expect(found == ["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"])
    }

    @Test func takenTimeAndBuffersAreLeftOut() throws {
        let hours = try hours("UTC", [(.monday, "08:00", "12:00")])
        let monday = (from: "2026-11-23T00:00:00Z", to: "2026-11-24T00:00:00Z")
        let taken = [("2026-11-23T09:00:00Z", "2026-11-23T09:30:00Z")]
        #expect(
            try starts(hours, VisitTerms(minutes: 60), taken: taken, from: monday.from, to: monday.to) == [
                "2026-11-23T08:00:00Z", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z",
            ]
        )
        // A visit may end as another begins, but not with its buffer.
        let buffered = VisitTerms(minutes: 60, bufferBefore: 45, bufferAfter: 5)
        #expect(
            try starts(hours, buffered, taken: taken, from: monday.from, to: monday.to) == ["2026-11-23T11:00:00Z"]
        )
    }

    @Test func onlyWholeVisitsWithinTheHours() throws {
        let hours = try hours("UTC", [(.monday, "08:00", "09:40")])
        #expect(
            try starts(hours, VisitTerms(minutes: 30), from: "2026-11-23T00:00:00Z", to: "2026-11-24T00:00:00Z") == [
                "2026-11-23T08:00:00Z", "2026-11-23T08:30:00Z", "2026-11-23T09:00:00Z",
            ]
        )
    }

    @Test func nothingInThePastNorOutsideTheRange() throws {
        let hours = try hours("UTC", [(.monday, "08:00", "12:00")])
        let now = try #require(Instant(rfc3339: "2026-11-23T09:30:00Z"))
        #expect(
            try starts(
                hours,
                VisitTerms(minutes: 60),
                from: "2026-11-23T00:00:00Z",
                to: "2026-11-23T11:00:00Z",
                now: now
            )
                == ["2026-11-23T10:00:00Z"]
        )
    }

    @Test func nothingLaterThanCanBeBooked() throws {
        let hours = try hours("UTC", Weekday.allCases.map { ($0, "08:00", "09:00") })
        let now = try #require(Instant(rfc3339: "2026-11-23T08:00:00Z"))
        let latest = VisitStart.latest(at: now)
        let found = try starts(
            hours,
            VisitTerms(minutes: 60),
            from: (latest - .seconds(86_400)).rfc3339,
            to: (latest + .seconds(3 * 86_400)).rfc3339,
            now: now
        )
        #expect(found == [(latest - .seconds(86_400)).rfc3339, latest.rfc3339])
    }

    @Test func exceptionsTakeThePlaceOfTheWeek() throws {
        let hours = try hours(
            "Europe/Berlin",
            [(.thursday, "08:00", "10:00")],
            exceptions: ["2026-12-24": [], "2026-12-25": [("20:00", "24:00")]]
        )
        #expect(
            try starts(hours, VisitTerms(minutes: 120), from: "2026-12-17T00:00:00Z", to: "2026-12-27T00:00:00Z") == [
                "2026-12-17T07:00:00Z", "2026-12-25T19:00:00Z", "2026-12-25T21:00:00Z",
            ]
        )
    }

    /// Hours that follow one another without a gap are one stretch for whoever books, past midnight too.
    @Test(arguments: [
        ("2026-11-22T22:58:00Z", 5, true), ("2026-11-22T23:00:00Z", 60, true), ("2026-11-22T19:00:00Z", 300, true),
        ("2026-11-22T18:58:00Z", 5, false), ("2026-11-23T04:58:00Z", 5, false), ("2026-11-23T06:58:00Z", 5, false),
        ("2026-11-23T10:50:00Z", 20, true), ("2026-11-23T13:59:00Z", 5, false), ("2026-11-23T03:00:00Z", 600, false),
    ])
    func touchingHoursAreOneStretch(_ start: String, _ minutes: Int, _ isOpen: Bool) throws {
        let hours = try hours(
            "Europe/Berlin",
            [
                (.sunday, "20:00", "24:00"), (.monday, "00:00", "06:00"), (.monday, "08:00", "12:00"),
                (.monday, "12:00", "15:00"),
            ]
        )
        let finder = SlotFinder(hours: hours, terms: VisitTerms(minutes: minutes), taken: [])
        let visit = finder.terms.visit(at: try #require(Instant(rfc3339: start)))
        #expect(finder.location(of: visit, wanted: nil) == (isOpen ? Self.location : nil))
        #expect(finder.location(of: visit, wanted: LocationID()) == nil)
    }

    /// Slots go on from hours into those that adjoin them: past midnight, through a night whose clocks change too.
    @Test(
        arguments: [
            (
                "UTC", [(.sunday, "23:30", "24:00"), (.monday, "00:00", "00:30")], 60, "2026-11-22",
                ["2026-11-22T23:30:00Z"]
            ),
            (
                "UTC", [(.monday, "12:00", "15:00"), (.monday, "08:00", "12:00")], 50, "2026-11-23",
                [
                    "2026-11-23T08:00:00Z", "2026-11-23T08:50:00Z", "2026-11-23T09:40:00Z", "2026-11-23T10:30:00Z",
                    "2026-11-23T11:20:00Z", "2026-11-23T12:10:00Z", "2026-11-23T13:00:00Z", "2026-11-23T13:50:00Z",
                ]
            ),
            (
                "UTC", [(.monday, "08:00", "09:00"), (.monday, "09:01", "10:00")], 40, "2026-11-23",
                ["2026-11-23T08:00:00Z", "2026-11-23T09:01:00Z"]
            ),
            (
                "Europe/Berlin", [(.saturday, "22:00", "24:00"), (.sunday, "00:00", "06:00")], 90, "2026-03-28",
                ["2026-03-28T21:00:00Z", "2026-03-28T22:30:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"]
            ),
            (
                "Europe/Berlin", [(.saturday, "22:00", "24:00"), (.sunday, "00:00", "06:00")], 90, "2026-10-24",
                [
                    "2026-10-24T20:00:00Z", "2026-10-24T21:30:00Z", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z",
                    "2026-10-25T02:00:00Z", "2026-10-25T03:30:00Z",
                ]
            ),
            // Half past two does not come, and becomes half past three: the hours overlap, their slots do not.
            (
                "Europe/Berlin", [(.sunday, "01:30", "02:30"), (.sunday, "03:00", "05:00")], 50, "2026-03-28",
                ["2026-03-29T00:30:00Z", "2026-03-29T01:20:00Z", "2026-03-29T02:10:00Z"]
            ),
        ] as [(String, [(Weekday, String, String)], Int, String, [String])]
    )
    func slotsGoOnIntoAdjoiningHours(
        _ zone: String,
        _ weekly: [(Weekday, String, String)],
        _ minutes: Int,
        _ day: String,
        _ expected: [String]
    ) throws {
        let hours = try hours(zone, weekly)
        let terms = VisitTerms(minutes: minutes)
        let end = try #require(Instant(rfc3339: "\(day)T12:00:00Z")) + .seconds(86_400)
        let found = try starts(hours, terms, from: "\(day)T00:00:00Z", to: end.rfc3339)
        #expect(found == expected)
        // Asked from any of them on, the others are where they were.
        for (index, start) in expected.enumerated() {
            let later = try starts(hours, terms, from: start, to: end.rfc3339)
            #expect(later == Array(expected[index...]))
        }
    }

    /// Who works around the clock has slots from each midnight on, also on the Sunday that is an hour shorter.
    @Test(
        arguments: [
            [("00:00", "24:00")], [("00:00", "12:00"), ("12:00", "24:00")],
            [("20:00", "24:00"), ("00:00", "20:00")],
        ] as [[(String, String)]]
    )
    func aroundTheClockEachMidnightBeginsAnew(_ day: [(String, String)]) throws {
        let weekly = Weekday.allCases.flatMap { weekday in day.map { (weekday, $0.0, $0.1) } }
        let hours = try hours("Europe/Berlin", weekly)
        let terms = VisitTerms(minutes: 50)
        let all = try starts(hours, terms, from: "2026-03-27T23:00:00Z", to: "2026-03-30T22:00:00Z")
        let midnights = ["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]
        #expect(all.filter { midnights.contains($0) } == midnights)
        // In 24 hours there are 28 whole visits, in 23 there are 27.
        #expect(all.count == 28 + 27 + 28)
        for from in ["2026-03-28T13:17:00Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:00Z"] {
            let later = try starts(hours, terms, from: from, to: "2026-04-02T00:00:00Z")
            #expect(later.filter { $0 < "2026-03-30T22:00:00Z" } == all.filter { $0 >= from })
        }
    }

    /// A stretch that began before the range, and goes on around the clock behind it, is cut as in any other range.
    @Test func slotsDoNotDependOnTheRange() throws {
        let hours = try hours(
            "Europe/Berlin",
            [
                (.thursday, "18:00", "24:00"), (.friday, "00:00", "24:00"), (.saturday, "00:00", "24:00"),
                (.sunday, "00:00", "24:00"), (.monday, "00:00", "24:00"), (.tuesday, "00:00", "07:00"),
            ]
        )
        let terms = VisitTerms(minutes: 50)
        let end = try #require(Instant(rfc3339: "2026-04-02T00:00:00Z"))
        let all = try starts(hours, terms, from: "2026-03-20T00:00:00Z", to: end.rfc3339)
        // From Thursday evening to Friday's end there is no gap, and so no midnight.
        #expect(all.contains("2026-03-26T22:50:00Z") && !all.contains("2026-03-26T23:00:00Z"))
        #expect(all.contains("2026-03-27T23:00:00Z"))
        var from = try #require(Instant(rfc3339: "2026-03-20T00:00:00Z"))
        while from < end {
            let found = try starts(hours, terms, from: from.rfc3339, to: (from + .seconds(5 * 3_600)).rfc3339)
            let until = min(from + .seconds(5 * 3_600), end).rfc3339
            #expect(found.filter { $0 < until } == all.filter { $0 >= from.rfc3339 && $0 < until })
            from = from + .seconds(5 * 3_600)
        }
    }

    @Test func hoursOfSeveralLocationsStayApart() throws {
        var hours = try hours("UTC", [(.monday, "08:00", "08:40")])
        let other = LocationID()
        hours.weekly.append(
            WeeklyHours(
                weekday: .monday,
                locationId: other,
                from: try #require(TimeOfDay("08:40")),
                to: try #require(TimeOfDay("09:20"))
            )
        )
        hours.zones[other] = hours.zones[Self.location]
        let (from, to) = ("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")
        #expect(try starts(hours, VisitTerms(minutes: 60), from: from, to: to).isEmpty)
        let short = try starts(hours, VisitTerms(minutes: 30), from: from, to: to)
        #expect(short == ["2026-11-23T08:00:00Z", "2026-11-23T08:40:00Z"])
        let crossing = try #require(Instant(rfc3339: "2026-11-23T08:20:00Z"))
        let finder = SlotFinder(hours: hours, terms: VisitTerms(minutes: 30), taken: [])
        #expect(finder.location(of: finder.terms.visit(at: crossing), wanted: nil) == nil)
    }

    @Test func aVisitMayCrossAnyNumberOfMidnights() throws {
        let hours = try hours("Europe/Berlin", Weekday.allCases.map { ($0, "00:00", "24:00") })
        let finder = SlotFinder(hours: hours, terms: VisitTerms(minutes: 4 * 24 * 60), taken: [])
        let start = try #require(Instant(rfc3339: "2026-03-27T13:17:00Z"))
        #expect(finder.location(of: finder.terms.visit(at: start), wanted: nil) == Self.location)
    }

    @Test func nearestAreNearestFirst() throws {
        let hours = try hours("UTC", [(.monday, "08:00", "12:00")])
        let wanted = try #require(Instant(rfc3339: "2026-11-23T10:00:00Z"))
        let finder = SlotFinder(
            hours: hours,
            terms: VisitTerms(minutes: 60),
            taken: [wanted..<wanted + .seconds(3_600)]
        )
        #expect(
            finder.nearest(to: wanted, now: Self.past, count: 3).map(\.start.rfc3339) == [
                "2026-11-23T09:00:00Z", "2026-11-23T11:00:00Z", "2026-11-23T08:00:00Z",
            ]
        )
    }

    /// Whatever is taken, no slot overlaps it, none overlaps another, and each lies within the hours.
    @Test(arguments: 0..<50) func slotsNeverOverlap(_ seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let zone = ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata"].randomElement(
            using: &random
        )
        let hours = try hours(
            zone ?? "UTC",
            Weekday.allCases.flatMap { [($0, "00:00", "05:00"), ($0, "08:10", "12:55"), ($0, "22:00", "24:00")] }
        )
        let start = Instant(seconds: Int64.random(in: 1_767_225_600...1_798_761_600, using: &random))
        var taken: [Range<Instant>] = []
        var cursor = start
        while cursor < start + .seconds(10 * 86_400) {
            cursor = cursor + .seconds(Int.random(in: 0...40, using: &random) * 300)
            let end = cursor + .seconds(Int.random(in: 1...20, using: &random) * 300)
            taken.append(cursor..<end)
            cursor = end
        }
        let terms = VisitTerms(
            minutes: [15, 20, 45].randomElement(using: &random) ?? 30,
            bufferBefore: Int.random(in: 0...10, using: &random),
            bufferAfter: Int.random(in: 0...10, using: &random)
        )
        let finder = SlotFinder(hours: hours, terms: terms, taken: taken)
        let slots = finder.slots(in: start..<start + .seconds(10 * 86_400), now: start)
        #expect(!slots.isEmpty)
        for slot in slots {
            #expect(!taken.contains { $0.overlaps(terms.reserved(at: slot.start)) })
            #expect(finder.location(of: slot.start..<slot.end, wanted: nil) == slot.locationId)
        }
        #expect(zip(slots, slots.dropFirst()).allSatisfy { $0.end <= $1.start })
    }

    @Test func faultyHoursAreNamed() throws {
        func time(_ text: String) throws -> TimeOfDay { try #require(TimeOfDay(text)) }
        let location = Self.location
        let date = try #require(CalendarDate("2026-12-24"))
        let draft = AvailabilityDraft(
            id: DoctorID(),
            weekly: [
                WeeklyHours(weekday: .monday, locationId: location, from: try time("09:00"), to: try time("12:00")),
                WeeklyHours(weekday: .monday, locationId: location, from: try time("11:00"), to: try time("13:00")),
                WeeklyHours(weekday: .tuesday, locationId: location, from: try time("12:00"), to: try time("12:00")),
            ],
            exceptions: [
                DayException(date: date, hours: []),
                DayException(
                    date: date,
                    hours: [
                        DayHours(locationId: location, from: try time("10:00"), to: try time("09:00")),
                        DayHours(locationId: location, from: try time("08:00"), to: try time("24:00")),
                    ]
                ),
            ]
        )
        #expect(
            draft.faults().map { "\($0.pointer ?? ""): \($0.detail)" } == [
                "/weekly/2/to: must be later than from", "/weekly/1: overlaps other hours of that weekday",
                "/exceptions/1/date: appears twice", "/exceptions/1/hours/0/to: must be later than from",
                "/exceptions/1/hours/1: overlaps other hours of that date",
            ]
        )
    }
}
