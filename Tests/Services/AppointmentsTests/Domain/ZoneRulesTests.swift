import Core
import Foundation
import Testing

@testable import Appointments

@Suite struct ZoneRulesTests {
    private let zones = ZoneCatalog()

    private func rules(_ name: String) throws -> ZoneRules {
        try #require(TimeZoneName(name).flatMap(zones.rules))
    }

    private func local(_ text: String) throws -> LocalTime {
        let parts = text.split(separator: " ")
        let date = try #require(CalendarDate(parts[0]))
        let clock = parts[1].split(separator: ":").compactMap { Int($0) }
        return LocalTime(date: date, minutes: clock[0] * 60 + clock[1])
    }

    /// Gaps take the offset before them, folds are their first occurrence.
    @Test(arguments: [
        ("America/New_York", "2026-03-08 02:30", "2026-03-08T07:30:00Z"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:45:00Z"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30T22:00:00Z"),
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-23T22:00:00Z"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z"),
        ("Europe/Berlin", "2090-07-01 12:00", "2090-07-01T10:00:00Z"),
        ("Asia/Kolkata", "2026-01-01 09:00", "2026-01-01T03:30:00Z"),
        ("America/Sao_Paulo", "2026-01-01 09:00", "2026-01-01T12:00:00Z"),
        ("Europe/Dublin", "2026-07-01 09:00", "2026-07-01T08:00:00Z"),
        ("America/Nuuk", "2026-07-01 09:00", "2026-07-01T10:00:00Z"),
        ("UTC", "2026-07-01 09:00", "2026-07-01T09:00:00Z"),
    ])
    func resolvesWallClocks(_ zone: String, _ wall: String, _ expected: String) throws {
        #expect(try rules(zone).instant(local(wall)) == Instant(rfc3339: expected))
    }

    @Test(arguments: [
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25),
        ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00Z", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24),
    ])
    func knowsHowLongDaysAre(_ zone: String, _ date: String, _ start: String, _ hours: Int64) throws {
        let day = try rules(zone).day(try #require(CalendarDate(date)))
        #expect(day.lowerBound == Instant(rfc3339: start))
        #expect(day.upperBound - day.lowerBound == .seconds(hours * 3_600))
    }

    /// Against ICU: the offset at random instants, and every wall-clock half hour around every change.
    @Test(arguments: [
        "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Santiago",
        "America/Sao_Paulo", "America/Havana", "America/Caracas", "Africa/Cairo", "Asia/Tehran", "Asia/Kathmandu",
        "Asia/Kolkata",
        "Asia/Pyongyang", "Asia/Tokyo", "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Auckland",
        "Pacific/Chatham",
        "Pacific/Apia", "Pacific/Kiritimati", "Europe/Istanbul", "Europe/Moscow", "Antarctica/Troll", "Asia/Gaza",
        "UTC",
    ])
    func agreesWithICU(_ name: String) throws {
        let rules = try rules(name)
        let icu = try #require(TimeZone(identifier: name))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = icu
        var random = SeededGenerator(state: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        for _ in 0..<500 {
            let seconds = Int64.random(in: 946_684_800...1_704_067_200, using: &random)
            #expect(rules.offset(at: seconds) == icu.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds))))
        }
        var moment = Date(timeIntervalSince1970: 946_684_800)
        while let change = icu.nextDaylightSavingTimeTransition(after: moment),
            change.timeIntervalSince1970 < 1_704_067_200
        {
            moment = change
            let middle =
                Int64(change.timeIntervalSince1970) + Int64(rules.offset(at: Int64(change.timeIntervalSince1970)))
            for step in -60...60 {
                let wall = LocalTime(secondsOnWall: (middle + Int64(step) * 1_800).flooredDivision(by: 60) * 60)
                var parts = DateComponents()
                parts.year = wall.date.year
                parts.month = wall.date.month
                parts.day = wall.date.day
                parts.minute = wall.minutes
                parts.hour = 0
                parts.hour = wall.minutes / 60
                parts.minute = wall.minutes % 60
                let expected = try #require(calendar.date(from: parts))
                #expect(rules.instant(wall).seconds == Int64(expected.timeIntervalSince1970), "\(name) \(wall)")
            }
        }
    }

    @Test func everyInstantComesBackFromItsWallClock() throws {
        for name in ["Europe/Berlin", "Asia/Kolkata", "Pacific/Chatham"] {
            let rules = try rules(name)
            for step in 0..<2_000 {
                let instant = Instant(seconds: 1_767_225_600 + Int64(step) * 17_280)
                let again = rules.instant(rules.local(instant))
                // In a fold the first of two instants comes back, an hour earlier.
                #expect(again == instant || again == instant - .seconds(3_600))
            }
        }
    }

    @Test(arguments: ["Nowhere/Nothing", "Europe", "zone/tab"]) func unknownZonesAreNone(_ name: String) throws {
        #expect(zones.rules(try #require(TimeZoneName(name))) == nil)
    }

    @Test(arguments: [
        "", "X", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-200",
        "CET-1CEST,M3.5.0,M10.5.0x", "<+1", "CET-1:70",
    ])
    func refusesWhatIsNoRule(_ text: String) {
        #expect(YearlyRule(text) == nil)
    }

    /// The three ways to name a day, times before and behind midnight.
    @Test(arguments: [
        ("EST5EDT,M3.2.0,M11.1.0", 1_772_953_200, -18_000, -14_400),
        ("IST-2IDT,M3.4.4/26,M10.5.0", 1_774_569_600, 7_200, 10_800),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1_774_746_000, -7_200, -3_600),
        ("AAA0BBB,J60/0,J300/0", 1_772_323_200, 0, 3_600),
        ("AAA0BBB,59/0,299/0", 1_772_323_200, 0, 3_600),
    ])
    func appliesRules(_ text: String, _ change: Int64, _ before: Int, _ after: Int) throws {
        let rule = try #require(YearlyRule(text))
        #expect(rule.offset(at: change - 1) == before)
        #expect(rule.offset(at: change) == after)
    }

    @Test func refusesDamagedFiles() throws {
        let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))
        #expect(TZif.rules(file) != nil)
        for length in stride(from: 0, to: file.count - 20, by: 97) {
            #expect(TZif.rules(Array(file.prefix(length))) == nil)
        }
    }
}

/// The same numbers in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
