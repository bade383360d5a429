import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct CountryRulesTests {
    private static let rules = CountryRules(
        CountryRegistrations(
            india: IndiaRegistration(
                entityId: "1101456070000012345",
                header: "CLINIC",
                templates: [
                    DLTTemplate(id: "1107160000000000001", text: "Dear {#var#}, we expect you on {#var#}."),
                    DLTTemplate(id: "1107160000000000002", text: "{#numeric#} is your code.\nNever tell it."),
                ]
            ),
            unitedStates: USRegistration(registered: true)
        )
    )
    /// Noon in London.
    private static let noon = Instant(seconds: 1_768_478_400)

    private func breach(
        _ text: String,
        to number: String,
        _ category: MessageCategory = .care,
        rules: CountryRules = rules,
        at moment: Instant = noon
    ) throws -> String? {
        rules.breach(by: text, to: try #require(PhoneNumber(number)), category, at: moment)?.rule
    }

    @Test(
        arguments: [
            ("Dear Asha, we expect you on Monday, 9:00.", "1107160000000000001"),
            ("Dear A, we expect you on B, we expect you on C.", "1107160000000000001"),
            ("123456 is your code.\nNever tell it.", "1107160000000000002"),
            ("123456 is your code.\r\nNever tell it.", "1107160000000000002"),
            ("Dear नमस्ते 😀, we expect you on सोमवार.", "1107160000000000001"),
            ("Dear , we expect you on Monday.", nil), ("Dear Asha, we expect you on .", nil),
            ("Dear Asha, we expect you on Monday", nil), ("dear Asha, we expect you on Monday.", nil),
            ("Dear \(String(repeating: "a", count: 31)), we expect you on Monday.", nil),
            ("Dear \(String(repeating: "a", count: 30)), we expect you on Monday.", "1107160000000000001"),
            (" is your code.\nNever tell it.", nil), ("", nil), ("Buy now", nil),
        ] as [(String, String?)]
    )
    func aTextToIndiaIsOneThatIsRegistered(text: String, template: String?) throws {
        let phone = try #require(PhoneNumber("+919876543210"))
        #expect(Self.rules.identity(of: text, to: phone)?.templateID == template)
        #expect(try breach(text, to: "+919876543210") == (template == nil ? "in_dlt_template" : nil))
        // Elsewhere nobody asks for it.
        #expect(try breach(text, to: "+4915112345678") == nil)
        #expect(try breach(text, to: "+919876543210", rules: CountryRules(CountryRegistrations())) == nil)
    }

    @Test func aTextMayBeOneOfThemOnly() throws {
        let phone = try #require(PhoneNumber("+919876543210"))
        let (text, first, second) = (
            "123456 is your code.\nNever tell it.", "1107160000000000001", "1107160000000000002"
        )
        func rule(_ rules: CountryRules, _ name: String?) -> String? {
            rules.breach(by: text, as: name, to: phone, .care, at: Self.noon)?.rule
        }
        #expect(Self.rules.identity(of: text, as: second, to: phone)?.templateID == second)
        #expect(Self.rules.identity(of: text, as: first, to: phone) == nil)
        #expect(rule(Self.rules, second) == nil && rule(Self.rules, first) == "in_dlt_template")
        #expect(rule(Self.rules, "1107169999999999999") == "in_dlt_template")
        // A text that says that it is registered has to be, whoever has forgotten to say so.
        let none = CountryRules(CountryRegistrations())
        #expect(rule(none, nil) == nil && rule(none, first) == "in_dlt_template")
        let words = RenderedContent(text: text)
        #expect(Self.rules.preview(of: words) == DLTPreview(templateId: second, matches: true))
        #expect(Self.rules.preview(of: RenderedContent(text: "Hi")) == DLTPreview(templateId: nil, matches: false))
        #expect(none.preview(of: words) == nil)
        let named = RenderedContent(text: text, dltTemplate: first)
        #expect(none.preview(of: named) == DLTPreview(templateId: first, matches: false))
    }

    @Test func manyPlacesTakeNoTimeAtAll() throws {
        let text = String(repeating: "{#var#} ", count: 100)
        let pattern = DLTPattern(text)
        #expect(!pattern.matches(String(repeating: "a ", count: 799) + "!"))
        #expect(pattern.matches(String(repeating: "a ", count: 100)))
        #expect(DLTPattern("{#var#}{#var#}").matches("ab") && !DLTPattern("{#var#}{#var#}").matches("a"))
        #expect(DLTPattern("no place {# here").matches("no place {# here"))
    }

    private static func letters(_ count: Int) -> String { String(repeating: "a", count: count) }

    @Test(
        arguments: [
            ("", "", true), ("", "a", false), ("{##}", "", false), ("{##}", "a", true),
            ("{##}", letters(30), true), ("{##}", letters(31), false),
            // Places side by side hold as much as all of them.
            ("{##}{##}", "a", false), ("{##}{##}", letters(2), true), ("{##}{##}", letters(60), true),
            ("{##}{##}", letters(61), false), ("{##}{##}{##}", letters(2), false),
            ("{##}{##}{##}", letters(90), true), ("{##}{##}{##}", letters(91), false),
            ("x{##}{##}Z", "xZ", false), ("x{##}{##}Z", "xaZ", false), ("x{##}{##}Z", "xZZZ", true),
            ("x{##}{##}Z", "x\(letters(60))Z", true), ("x{##}{##}Z", "x\(letters(61))Z", false),
            // A place may hold what stands behind it.
            ("a{##}a", "aa", false), ("a{##}a", "aaa", true), ("{##}a{##}", "aa", false), ("{##}a{##}", "aaa", true),
            ("{##}a{##}", "abb", false), ("{##}a{##}", "bab", true), ("{##}ab{##}b", "xababb", true),
            ("{##}ab{##}b", "xabb", false), ("{##}-{##}", "\(letters(10))-\(letters(10))-b", true),
            ("{##}-{##}", "\(letters(30))-\(letters(30))", true), ("{##}-{##}", "\(letters(31))-a", false),
            ("{##}-{##}", "a-\(letters(31))", false), ("{##}-{##}", "-a", false), ("{##}-{##}", "a-", false),
            ("{##} is longer than that", "a", false), ("{##}\r\n{##}", "a\nb", true),
        ] as [(String, String, Bool)]
    )
    func eachPlaceHoldsSomethingAndNotTooMuch(pattern: String, text: String, isMatch: Bool) {
        #expect(DLTPattern(pattern).matches(text) == isMatch)
    }

    @Test(.timeLimit(.minutes(1))) func placesSideBySideTakeNoTimeAtAll() {
        let pattern = DLTPattern(String(repeating: "{##}", count: 499) + "Z")
        for _ in 0..<10 {
            #expect(!pattern.matches(Self.letters(1_600)))
            #expect(pattern.matches(Self.letters(1_599) + "Z"))
        }
        #expect(pattern.matches(Self.letters(499) + "Z") && !pattern.matches(Self.letters(498) + "Z"))
    }

    @Test func withoutACampaignNothingGoesToTheUnitedStates() throws {
        let rules = CountryRules(CountryRegistrations(unitedStates: USRegistration(registered: false)))
        #expect(try breach("Hi", to: "+12125550123", .security, rules: rules) == "us_10dlc")
        // Puerto Rico, the Virgin Islands, the Northern Mariana Islands, Guam and American Samoa are.
        for number in [
            "+17875550123", "+19395550123", "+13405550123", "+16705550123", "+16715550123", "+16845550123",
        ] {
            #expect(try breach("Hi", to: number, rules: rules) == "us_10dlc", "\(number)")
        }
        // Toronto, Jamaica, a toll-free number and another country are not there.
        for number in ["+14165550123", "+18765550123", "+18005550123", "+442079460000"] {
            #expect(try breach("Hi", to: number, rules: rules) == nil)
        }
    }

    @Test(
        arguments: [
            // 12:00 UTC in January: 7:00 in New York, 6:00 in Chicago, 2:00 in Honolulu.
            ("+12125550123", 0, "us_calling_hours"), ("+12125550123", 59, "us_calling_hours"),
            ("+12125550123", 60, nil),
            ("+13125550123", 60, "us_calling_hours"), ("+13125550123", 120, nil),
            // An area code in two zones is allowed when both are.
            ("+18505550123", 60, "us_calling_hours"), ("+18505550123", 120, nil),
            ("+12125550123", 60 * 14 - 1, nil), ("+12125550123", 60 * 14, "us_calling_hours"),
            // 8:00 in San Juan; 22:00 on Guam, 1:00 in Pago Pago.
            ("+17875550123", 0, nil), ("+13405550123", -1, "us_calling_hours"), ("+16715550123", 0, "us_calling_hours"),
            ("+16705550123", 60 * 10, nil), ("+16845550123", 60 * 7 - 1, "us_calling_hours"),
            ("+16845550123", 60 * 7, nil),
            ("+18085550123", 60 * 6, nil), ("+14805550123", 180, nil), ("+14805550123", 179, "us_calling_hours"),
        ] as [(String, Int, String?)]
    )
    func nobodyIsSoldAnythingAtNight(number: String, minutes: Int, rule: String?) throws {
        let moment = Self.noon + .seconds(minutes * 60)
        #expect(try breach("Sale", to: number, .marketing, at: moment) == rule)
        for category in [MessageCategory.care, .billing, .security] {
            #expect(try breach("Hi", to: number, category, at: moment) == nil)
        }
    }

    @Test func summerTimeIsTheirs() throws {
        // 12:00 UTC in July is 8:00 in New York.
        let july = Instant(seconds: 1_784_116_800)
        #expect(try breach("Sale", to: "+12125550123", .marketing, at: july) == nil)
        #expect(try breach("Sale", to: "+12125550123", .marketing, at: july - .seconds(60)) == "us_calling_hours")
    }

    @Test func theMessageTakesAnotherWayOrIsRefused() throws {
        let phone = try #require(PhoneNumber("+919876543210"))
        func channels(_ channels: [MessageChannel], _ text: String, isAskedFor: Bool) throws -> [MessageChannel] {
            try Self.rules.permitted(
                channels,
                to: phone,
                saying: RenderedContent(text: text),
                .care,
                isAskedFor: isAskedFor,
                at: Self.noon
            )
        }
        let good = "Dear Asha, we expect you on Monday."
        #expect(try channels([.whatsapp, .sms], good, isAskedFor: true) == [.whatsapp, .sms])
        #expect(try channels([.whatsapp, .sms], "Hi", isAskedFor: false) == [.whatsapp])
        #expect(try channels([.whatsapp, .email], "Hi", isAskedFor: true) == [.whatsapp, .email])
        for (asked, list) in [(true, [MessageChannel.whatsapp, .sms]), (false, [.sms])] {
            do {
                _ = try channels(list, "Hi", isAskedFor: asked)
                Issue.record("it is not refused")
            } catch let problem as Problem {
                #expect(problem.status == 422 && problem.code == "in_dlt_template")
                #expect(problem.errors.map(\.pointer) == ["/content/text"])
                #expect(!problem.detail.contains("Hi"))
            }
        }
    }

    @Test func theyAreReadFromSettings() throws {
        let settings: [String: JSONValue] = ["countryRules": ["US": ["registered": false]]]
        let rules = CountryRules(settings: settings)
        #expect(rules == CountryRules(CountryRegistrations(unitedStates: USRegistration(registered: false))))
        let stored = try #require(Self.rules.stored)
        #expect(CountryRules(settings: ["countryRules": stored]) == Self.rules)
        for none: [String: JSONValue] in [[:], ["countryRules": .null], ["countryRules": "x"]] {
            #expect(CountryRules(settings: none) == CountryRules(CountryRegistrations()))
        }
    }
}
