import Core
import Testing

@Suite struct InstantTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-21T08:30:00.123456Z", 1_795_249_800_123_456),
        ("2026-11-21T14:00:00+05:30", 1_795_249_800_000_000), ("1969-12-31T23:59:59.5Z", -500_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("2024-02-29t12:00:00z", 1_709_208_000_000_000), ("2026-01-01T00:00:00.1234567Z", 1_767_225_600_123_456),
    ])
    func reads(_ text: String, _ microseconds: Int) {
        #expect(Instant(rfc3339: text)?.microseconds == Int64(microseconds))
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-11-21T08:30:00", "2026-02-29T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T08:60:00Z",
        "2026-11-21T08:30:60Z", "2026-11-21T08:30:00.Z", "2026-11-21 08:30:00Z", "2026-11-21T08:30:00+24:00",
        "2026-11-21T08:30:00Zx", "+2026-11-21T08:30:00Z", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+00:01", "0000-12-31T23:59:59Z",
    ])
    func refuses(_ text: String) { #expect(Instant(rfc3339: text) == nil) }

    @Test(arguments: [0, 1, -1, 999, 1_000, -1_000_001, 1_795_249_800_123_000, 253_402_300_799_999_999])
    func writesWhatItReads(_ microseconds: Int) throws {
        let instant = Instant(microseconds: Int64(microseconds))
        #expect(try #require(Instant(rfc3339: instant.rfc3339)) == instant)
    }

    @Test func everyDayOfFourCenturiesHasItsNumber() {
        for days in stride(from: -140_000, through: 140_000, by: 7) {
            let date = CalendarDate(daysSince1970: days)
            #expect(date.daysSince1970 == days)
            #expect(CalendarDate(date.description) == date)
        }
        #expect(CalendarDate("1970-01-01")?.isoWeekday == 4)
        #expect(CalendarDate("2026-11-21")?.isoWeekday == 6)
        #expect(CalendarDate("2025-02-29") == nil)
    }
}
