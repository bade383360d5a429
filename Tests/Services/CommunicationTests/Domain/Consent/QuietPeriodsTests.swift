import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct QuietPeriodsTests {
    private static func period(
        _ from: String,
        _ to: String,
        _ zone: String = "UTC",
        channel: String? = nil
    ) throws -> QuietPeriods.Period {
        let time = QuietTime(from: try #require(TimeOfDay(from)), to: try #require(TimeOfDay(to)))
        return QuietPeriods.Period(time: time, zone: try #require(TimeZoneName(zone)), channel: channel)
    }

    private func opening(_ periods: [QuietPeriods.Period], of channel: String = "sms", at now: String) throws -> String?
    {
        let moment = try #require(Instant(rfc3339: now))
        return QuietPeriods(periods)?.opening(of: channel, at: moment)?.rfc3339
    }

    private func same(_ moment: String?, _ other: String?) -> Bool {
        moment.flatMap { Instant(rfc3339: $0) } == other.flatMap { Instant(rfc3339: $0) }
    }

    @Test(
        arguments: [
            ("2026-03-02T21:59:59Z", nil), ("2026-03-02T22:00:00Z", "2026-03-03T07:00:00Z"),
            ("2026-03-03T06:59:59Z", "2026-03-03T07:00:00Z"), ("2026-03-03T07:00:00Z", nil),
        ] as [(String, String?)]
    )
    func aNightIsWaitedForByAllChannels(now: String, end: String?) throws {
        for channel in MessageChannel.allCases {
            let opening = try opening([Self.period("22:00", "07:00")], of: channel.rawValue, at: now)
            #expect(same(opening, end))
        }
    }

    @Test func withoutAnyThereIsNothing() throws {
        #expect(QuietPeriods([]) == nil)
    }

    @Test func callingHoursAreTheirChannelsAlone() throws {
        let calling = try Self.period("21:00", "08:00", "America/New_York", channel: "sms")
        let night = "2026-01-15T12:00:00Z"
        #expect(same(try opening([calling], at: night), "2026-01-15T13:00:00Z"))
        #expect(try opening([calling], of: "email", at: night) == nil)
        // A number in two zones waits for the later one.
        let chicago = try Self.period("21:00", "08:00", "America/Chicago", channel: "sms")
        #expect(same(try opening([calling, chicago], at: night), "2026-01-15T14:00:00Z"))
        // By the clock of that day: in July it is an hour earlier.
        #expect(same(try opening([calling], at: "2026-07-15T11:30:00Z"), "2026-07-15T12:00:00Z"))
    }

    @Test func wishesThatFillTheDayHoldNothingUpAndTheLawStillHolds() throws {
        let allDay = try Self.period("00:00", "24:00")
        #expect(try opening([allDay], at: "2026-03-02T12:00:00Z") == nil)
        let halves = [try Self.period("06:00", "18:00"), try Self.period("18:00", "06:00")]
        #expect(try opening(halves, at: "2026-03-02T12:00:00Z") == nil)
        let calling = try Self.period("21:00", "08:00", channel: "sms")
        #expect(same(try opening([allDay, calling], at: "2026-03-02T23:00:00Z"), "2026-03-03T08:00:00Z"))
        #expect(try opening([allDay, calling], at: "2026-03-02T12:00:00Z") == nil)
        #expect(try opening([allDay, calling], of: "email", at: "2026-03-02T23:00:00Z") == nil)
    }

    @Test func oneMayFollowAnother() throws {
        let periods = [
            try Self.period("20:00", "22:00"), try Self.period("21:30", "06:00"), try Self.period("05:00", "08:00"),
        ]
        #expect(same(try opening(periods, at: "2026-03-01T20:30:00Z"), "2026-03-02T08:00:00Z"))
    }

    /// A night whose end clocks are put forward over holds until then all the same.
    @Test func anEndThatIsLeftOutIsWaitedFor() throws {
        let night = [try Self.period("22:00", "02:30", "Europe/Berlin")]
        #expect(same(try opening(night, at: "2026-03-28T22:30:00Z"), "2026-03-29T01:30:00Z"))
        #expect(same(try opening(night, at: "2026-03-29T00:45:00Z"), "2026-03-29T01:30:00Z"))
        #expect(try opening(night, at: "2026-03-29T01:30:00Z") == nil)
        // The hour that comes twice is quiet twice.
        #expect(same(try opening(night, at: "2026-10-24T21:00:00Z"), "2026-10-25T00:30:00Z"))
        #expect(same(try opening(night, at: "2026-10-25T01:00:00Z"), "2026-10-25T01:30:00Z"))
    }

    @Test func businessIsDoneInTheCallingHoursWhereSomebodyRegistered() throws {
        let rules = CountryRules(CountryRegistrations(unitedStates: USRegistration(registered: true)))
        let number = try #require(PhoneNumber("+18505550123"))
        let periods = rules.callingPeriods(for: number, .marketing)
        #expect(Set(periods.map(\.zone.name)) == ["America/New_York", "America/Chicago"])
        #expect(periods.allSatisfy { $0.channel == "sms" && "\($0.time.from)-\($0.time.to)" == "21:00-08:00" })
        #expect(rules.callingPeriods(for: number, .care).isEmpty && rules.callingPeriods(for: nil, .marketing).isEmpty)
        #expect(rules.callingPeriods(for: PhoneNumber("+4915112345678"), .marketing).isEmpty)
        #expect(CountryRules(CountryRegistrations()).callingPeriods(for: number, .marketing).isEmpty)
    }
}
