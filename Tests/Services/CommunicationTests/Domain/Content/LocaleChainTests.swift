import Core
import Testing

@testable import Communication

@Suite struct LocaleChainTests {
    @Test(arguments: [
        ("de", "de"), ("DE_at", "de-AT"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("fil", "fil"),
    ]) func tagsAreWrittenInOneWay(_ given: String, _ canonical: String) {
        #expect(LocaleChain.canonical(given) == canonical)
    }

    @Test(arguments: ["", "d", "german", "de-", "de-A", "de-AT-x", "de-1", "d1", "de--AT", "..", "de-AT-AT"])
    func othersAreNone(_ given: String) {
        #expect(LocaleChain.canonical(given) == nil)
    }

    @Test(arguments: ["de", "DE_at", "zh-Hant-TW", "fil", "german", "de-CH-1996", "en-US-u-hc-h12"])
    func tagsHaveAForm(_ given: String) {
        #expect(LocaleChain.isTag(given))
    }

    @Test(arguments: [
        "", "d", "!!", "de-", "de--AT", "d1", "de AT", "deutschland", "de-wiedeutsch", "dé", "..", "de\u{0}",
    ])
    func othersHaveNone(_ given: String) {
        #expect(!LocaleChain.isTag(given))
    }

    @Test func whoIsNotUnderstoodIsSpokenToLikeTheClinicAndThenInEnglish() {
        #expect(LocaleChain.locales(wanted: ["de-AT"], clinic: "hi-IN") == ["de-AT", "de", "hi-IN", "hi", "en"])
        #expect(LocaleChain.locales(wanted: [nil, "en-IN"], clinic: "en-IN") == ["en-IN", "en"])
        #expect(LocaleChain.locales(wanted: ["zh-Hant-TW"], clinic: nil) == ["zh-Hant-TW", "zh-Hant", "zh", "en"])
        #expect(LocaleChain.locales(wanted: ["no language", "german", "de--AT"], clinic: nil) == ["en"])
    }

    @Test(arguments: [
        ("de-CH-1996", ["de-CH", "de"]), ("de-1996", ["de"]), ("sr_Latn_RS_ekavsk", ["sr-Latn-RS", "sr-Latn", "sr"]),
        ("hi-IN-u-nu-deva", ["hi-IN", "hi"]), ("zh-yue-HK", ["zh"]), ("fr-x-home", ["fr"]),
    ]) func whatATagSaysBesideItsRegionIsLeftOut(_ tag: String, _ languages: [String]) {
        #expect(LocaleChain.isTag(tag))
        #expect(LocaleChain.locales(wanted: [tag], clinic: nil) == languages + ["en"])
    }

    @Test func daysAndAmountsAreWrittenAsTheLanguageWritesThem() throws {
        let date = try #require(CalendarDate("2026-03-09"))
        for (locale, written) in [
            ("en", "9 March 2026"), ("en-US", "March 9, 2026"), ("de-AT", "9. März 2026"), ("hi", "9 मार्च 2026"),
            ("fr", "2026-03-09"),
        ] {
            #expect(LocalFormat(locale).date(date) == written)
        }
        func money(_ amount: Int64, _ code: String, _ locale: String) throws -> String {
            LocalFormat(locale).money(Money(amount: amount, currency: try #require(Currency(code))))
        }
        #expect(try money(123_456_789, "EUR", "en") == "EUR 1,234,567.89")
        #expect(try money(123_456_789, "EUR", "de") == "1.234.567,89 EUR")
        #expect(try money(123_456_789, "INR", "hi-IN") == "INR 12,34,567.89")
        #expect(try money(123_456_789, "INR", "en-IN") == "INR 12,34,567.89")
        #expect(try money(1_500, "JPY", "en") == "JPY 1,500")
        #expect(try money(5, "KWD", "en") == "KWD 0.005")
        #expect(try money(-8_050, "EUR", "en") == "EUR -80.50")
        #expect(try money(.min, "EUR", "en") == "EUR -92,233,720,368,547,758.08")
    }
}
