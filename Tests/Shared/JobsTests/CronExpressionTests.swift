import Core
import Jobs
import Testing

@Suite struct CronExpressionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let cron: String
        let zone: String
        let after: String
        let expected: [String]
        var testDescription: String { "\(cron) in \(zone) after \(after)" }
    }

    static let cases: [Case] = [
        Case(
            cron: "0 3 * * *",
            zone: "UTC",
            after: "2026-11-21T02:59:59Z",
            expected: ["2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z"]
        ),
        // An occurrence is never its own next one.
        Case(cron: "0 3 * * *", zone: "UTC", after: "2026-11-21T03:00:00Z", expected: ["2026-11-22T03:00:00Z"]),
        Case(
            cron: "*/15 * * * *",
            zone: "UTC",
            after: "2026-11-21T03:01:00Z",
            expected: ["2026-11-21T03:15:00Z", "2026-11-21T03:30:00Z"]
        ),
        Case(
            cron: "30 9 * * mon-fri",
            zone: "Asia/Kolkata",
            after: "2026-11-21T00:00:00Z",
            expected: ["2026-11-23T04:00:00Z", "2026-11-24T04:00:00Z"]
        ),
        Case(cron: "0 0 29 2 *", zone: "UTC", after: "2026-01-01T00:00:00Z", expected: ["2028-02-29T00:00:00Z"]),
        // Both days restricted: either counts.
        Case(
            cron: "0 12 13 * fri",
            zone: "UTC",
            after: "2026-11-01T00:00:00Z",
            expected: ["2026-11-06T12:00:00Z", "2026-11-13T12:00:00Z", "2026-11-20T12:00:00Z"]
        ),
        Case(
            cron: "5,10-12,50/5 0 1 jan 7",
            zone: "UTC",
            after: "2026-12-31T00:00:00Z",
            expected: [
                "2027-01-01T00:05:00Z", "2027-01-01T00:10:00Z", "2027-01-01T00:11:00Z", "2027-01-01T00:12:00Z",
                "2027-01-01T00:50:00Z", "2027-01-01T00:55:00Z", "2027-01-03T00:05:00Z",
            ]
        ),
        // Berlin jumps from 02:00 to 03:00 on 29 March 2026: the run comes an hour later, once.
        Case(
            cron: "30 2 * * *",
            zone: "Europe/Berlin",
            after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]
        ),
        // 02:30 and 03:30 fall together then: one run.
        Case(
            cron: "30 2,3 * * *",
            zone: "Europe/Berlin",
            after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]
        ),
        // Berlin has 02:30 twice on 25 October 2026: the first counts.
        Case(
            cron: "30 2 * * *",
            zone: "Europe/Berlin",
            after: "2026-10-24T12:00:00Z",
            expected: ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        ),
        // By the time that passes, through both.
        Case(
            cron: "*/30 * * * *",
            zone: "Europe/Berlin",
            after: "2026-10-25T00:00:00Z",
            expected: ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"]
        ),
        Case(
            cron: "0 * * * *",
            zone: "Europe/Berlin",
            after: "2026-03-29T00:30:00Z",
            expected: ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]
        ),
        // Half an hour's change.
        Case(
            cron: "15 2 * * *",
            zone: "Australia/Lord_Howe",
            after: "2026-10-03T00:00:00Z",
            expected: ["2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"]
        ),
        // Cairo leaves midnight out on 24 April 2026.
        Case(
            cron: "0 0 * * *",
            zone: "Africa/Cairo",
            after: "2026-04-23T00:00:00Z",
            expected: ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]
        ),
    ]

    @Test(arguments: cases) func findsTheNextOccurrences(_ example: Case) throws {
        let cron = try CronExpression(example.cron)
        let name = try #require(TimeZoneName(example.zone))
        let zone = try #require(NamedZone(name))
        var moment = try #require(Instant(rfc3339: example.after))
        for expected in example.expected {
            let next = try #require(cron.next(after: moment, in: zone))
            #expect(next.rfc3339 == expected)
            moment = next
        }
    }

    @Test func hasNoNextWhenThereIsNoSuchDay() throws {
        let name = try #require(TimeZoneName("UTC"))
        let zone = try #require(NamedZone(name))
        #expect(try CronExpression("0 0 30 2 *").next(after: Instant(seconds: 0), in: zone) == nil)
    }

    @Test(arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 * ", "* * * * 8",
        "5-1 * * * *", "*/0 * * * *", "1/2/3 * * * *", "a * * * *", "1, * * * *", "-1 * * * *", "+1 * * * *",
    ]) func refusesWhatIsNoTimeTable(_ text: String) {
        #expect(throws: CronExpression.Invalid.self) { try CronExpression(text) }
    }
}
