import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct TemplateValuesTests {
    @Test(
        arguments: [
            (.text, "a", nil), (.text, 5, nil), (.text, "a\nb", "one line"), (.text, "a\u{2029}b", "one line"),
            (.text, ["a"], "one line"), (.text, .string(String(repeating: "x", count: 1_001)), "at most 1000"),
            (.paragraph, "a\nb", nil), (.paragraph, "a\rb", "control"), (.number, -3, nil),
            (.number, "3", "whole number"),
            (.date, "2026-02-29", "YYYY-MM-DD"), (.date, "2028-02-29", nil), (.date, "21 October 2026", "YYYY-MM-DD"),
            (.time, "23:59", nil), (.time, "9:00", "HH:MM"), (.money, ["amount": 1, "currency": "EUR"], nil),
            (.money, ["amount": 1, "currency": "EURO"], "amount"),
            (.money, ["amount": .number(1.5), "currency": "EUR"], "amount"),
            (.money, "EUR 1", "amount"), (.link, "https://a.example/b?c=1&d", nil), (.link, "http://a", nil),
            (.link, "javascript:alert(1)", "https://"), (.link, "https://", "https://"),
            (.link, "https://a b", "https://"),
            (.link, "https://a\"onclick=", "https://"), (.link, "//a.example", "https://"), (.flag, true, nil),
            (.flag, "true", "true or false"), (.list, ["a", "b"], nil), (.list, ["a", 1], "list"),
            (.list, ["a\nb"], "line"),
        ] as [(TemplateVariableType, JSONValue, String?)]
    )
    func valuesAreCheckedAsTheirTypeAsks(_ type: TemplateVariableType, _ value: JSONValue, _ complaint: String?) {
        let fault = TemplateValues.fault(of: value, as: type)
        if let complaint {
            #expect(fault?.contains(complaint) == true, "\(fault ?? "taken")")
        } else {
            #expect(fault == nil)
        }
    }

    private static let variables: [TemplateVariable] = [
        .init(name: "name", type: .text), .init(name: "day", type: .date),
        .init(name: "note", type: .text, optional: true),
        .init(name: "items", type: .list, optional: true), .init(name: "price", type: .money),
    ]
    private static let texts = TemplateTexts(
        email: EmailTexts(subject: "S", html: "<p>Dear {{name}}</p>{{#items}}<li>{{.}}</li>{{/items}}"),
        sms: SMSText(text: "{{name}}: {{day}}, {{price}}{{#note}} ({{note}}){{/note}}"),
        whatsapp: WhatsAppText(
            text: "{{name}}",
            approved: ApprovedMapping(name: "v", language: "en", parameters: ["day", "name"])
        )
    )
    private static let data: [String: JSONValue] = [
        "name": "{{day}} {{> x}} <b>&", "day": "2026-10-21", "price": ["amount": 100_000, "currency": "INR"],
        "note": .null, "unused": "x", "items": ["<1>", "{{.}}"],
    ]

    private func template(_ contents: [String: TemplateTexts] = ["en": texts]) throws -> CompiledTemplate {
        let body = TemplateBody(variables: Self.variables, contents: contents)
        try TemplateRules.check(body)
        return try CompiledTemplate(name: "visit", category: .care, body)
    }

    @Test func whatIsMissingOrWrongIsNamedAtOnce() throws {
        let template = try template()
        let problem = #expect(throws: Problem.self) {
            try template.fill(["name": "", "price": 5], locales: ["en"], channels: [.sms])
        }
        #expect(problem?.status == 422)
        #expect(problem?.errors.compactMap(\.pointer) == ["/data/name", "/data/day", "/data/price"])
    }

    @Test func valuesAreNeverReadAsTemplates() throws {
        let filled = try template().fill(Self.data, locales: ["en"], channels: MessageChannel.allCases)
        #expect(filled[.sms]?.content.text == "{{day}} {{> x}} <b>&: 21 October 2026, INR 1,000.00")
        #expect(
            filled[.email]?.content.html
                == "<p>Dear {{day}} {{&gt; x}} &lt;b&gt;&amp;</p><li>&lt;1&gt;</li><li>{{.}}</li>"
        )
        #expect(filled[.email]?.content.text == "Dear {{day}} {{> x}} <b>&\n\n- <1>\n- {{.}}")
        #expect(filled[.whatsapp]?.content.approved?.parameters == ["21 October 2026", "{{day}} {{> x}} <b>&"])
        #expect(filled[.push] == nil)
    }

    @Test func eachChannelFindsItsLanguageAndWritesAsTheReaderDoes() throws {
        let template = try template(["en": Self.texts, "de": TemplateTexts(sms: SMSText(text: "Am {{day}}"))])
        let filled = try template.fill(Self.data, locales: ["de-AT", "de", "en"], channels: [.sms, .whatsapp])
        #expect(filled[.sms]?.locale == "de" && filled[.sms]?.content.text == "Am 21. Oktober 2026")
        #expect(filled[.whatsapp]?.locale == "en")
        let indian = try template.fill(Self.data, locales: ["en-IN", "en"], channels: [.sms])
        #expect(indian[.sms]?.content.text.hasSuffix("INR 1,000.00") == true)
        // Better another language than nothing.
        let hindi = try self.template(["hi": Self.texts]).fill(Self.data, locales: ["fr", "en"], channels: [.sms])
        #expect(hindi[.sms]?.locale == "hi")
    }

    @Test func whatComesOutIsNeitherTooLongNorNothing() throws {
        func fill(_ text: String, _ note: String?) throws -> String? {
            let texts = TemplateTexts(sms: SMSText(text: text))
            var data = Self.data
            data["note"] = note.map { .string($0) }
            return try template(["en": texts]).fill(data, locales: ["en"], channels: [.sms])[.sms]?.content.text
        }
        let thousand = String(repeating: "x", count: 1_000)
        #expect(try fill("{{#note}}{{note}}{{/note}}", thousand) == thousand)
        #expect(throws: Problem.self) { try fill("{{#note}}{{note}}{{note}}{{/note}}", thousand) }
        #expect(throws: Problem.self) { try fill("{{#note}}{{note}}{{/note}}", nil) }
    }

    private func fill(_ email: EmailTexts, sms: String = "S", _ data: [String: JSONValue]) throws {
        let variables: [TemplateVariable] = [
            .init(name: "a", type: .list), .init(name: "b", type: .list), .init(name: "c", type: .list),
        ]
        // As one may be stored that was written under milder rules: it is not checked anew.
        let body = TemplateBody(
            variables: variables,
            contents: ["en": TemplateTexts(email: email, sms: SMSText(text: sms))]
        )
        _ = try CompiledTemplate(name: "long", category: .care, body)
            .fill(data, locales: ["en"], channels: [.email, .sms])
    }

    @Test(arguments: ["{{#a}}{{#b}}{{#c}}%{{/c}}{{/b}}{{/a}}", "{{#a}}{{#a}}{{#a}}%{{/a}}{{/a}}{{/a}}"])
    func whatWouldBecomeTooLongIsNotFilledIn(_ form: String) throws {
        let list = JSONValue.array(Array(repeating: "x", count: 12))
        let data: [String: JSONValue] = ["a": list, "b": list, "c": list]
        func bomb(_ count: Int) -> String {
            form.replacing("%", with: String(repeating: " ", count: count))
        }
        for email in [
            EmailTexts(subject: "S", text: "T", html: bomb(1_000)), EmailTexts(subject: "S", text: bomb(1_000)),
            EmailTexts(subject: bomb(1_000), text: "T"),
        ] {
            let problem = #expect(throws: Problem.self) { try fill(email, data) }
            #expect(problem?.status == 422)
            // It is told of what it could become: nothing was made that could be measured.
            #expect(problem?.errors.first?.detail.contains("could make") == true)
        }
        #expect(throws: Problem.self) { try fill(EmailTexts(subject: "S", text: "T"), sms: bomb(1_000), data) }
        #expect(throws: Never.self) { try fill(EmailTexts(subject: "S", text: "T", html: bomb(10)), data) }
        // Turns that write nothing are counted, too.
        let many = JSONValue.array(Array(repeating: "x", count: 50))
        let empty = String(repeating: bomb(0), count: 3)
        #expect(throws: Problem.self) {
            try fill(EmailTexts(subject: "S", text: "T" + empty), ["a": many, "b": many, "c": many])
        }
    }

    @Test func aPageMadeOfATextHasItsBoundToo() throws {
        // Within the longest text, but each of its characters is five on the page.
        let text = String(repeating: "\"", count: 99_000)
        let problem = #expect(throws: Problem.self) {
            try fill(EmailTexts(subject: "S", text: text), ["a": [], "b": [], "c": []])
        }
        #expect(problem?.errors.first?.detail.contains("html") == true)
    }

    @Test(arguments: [
        "{{name}} {{ name }}{{^note}}none{{/note}}", "{{#items}}<{{.}}{{name}}>{{/items}}",
        "{{#items}}{{#isNew}}{{name}}{{/isNew}}{{/items}}{{^items}}no{{/items}}", "{{#note}}{{note}}{{/note}}é{{! x }}",
    ])
    func noTextBecomesLongerThanItsSizeSays(_ text: String) throws {
        let variables: [TemplateVariable] = [
            .init(name: "name", type: .text), .init(name: "items", type: .list), .init(name: "isNew", type: .flag),
            .init(name: "note", type: .text, optional: true),
        ]
        let texts = TemplateTexts(email: EmailTexts(subject: "S", text: "T", html: text))
        let template = try CompiledTemplate(
            name: "long",
            category: .care,
            TemplateBody(variables: variables, contents: ["en": texts])
        )
        let values: [[String: JSONValue]] = [
            ["name": "\"<&>'é", "items": ["a", "<b>", ""], "isNew": true, "note": "'"],
            ["name": "x", "items": [], "isNew": false],
        ]
        for data in values {
            let words = try TemplateValues(data, for: variables, of: "long").written(in: "en")
            let html = try template.fill(data, locales: ["en"], channels: [.email])[.email]?.content.html
            let most = TemplateSize(text).most(with: words, isEscaped: true)
            #expect(try #require(html).utf8.count <= most)
            #expect(most < 1_000)
        }
    }

    @Test func datesOfVisitsAreTakenApart() {
        let parts = VisitNotice.parts(of: "2026-03-29T02:30:00")
        #expect(parts.date == "2026-03-29" && parts.time == "02:30")
    }

    /// What a message says itself is held to what templates may come to: code points count, and blanks say nothing.
    @Test(
        arguments: [
            ("\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467}", 320, true),
            ("\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467}", 321, false), ("ä", 1_600, true), ("ä", 1_601, false),
            (" \n", 3, false),
        ] as [(String, Int, Bool)]
    )
    func contentIsHeldToWhatTemplatesAre(_ piece: String, _ count: Int, _ fits: Bool) throws {
        let text = String(repeating: piece, count: count)
        let body = TemplateBody(variables: [], contents: ["en": TemplateTexts(sms: SMSText(text: text))])
        let template = try CompiledTemplate(name: "visit", category: .care, body)
        let filled = try? template.fill([:], locales: ["en"], channels: [MessageChannel.sms])
        #expect((filled != nil) == fits)
        let words = MessageWords(MessageContent(subject: "S", text: text), category: .care)
        for channel in [MessageChannel.sms, .whatsapp] {
            #expect((words.fault(on: channel)?.pointer == nil) == fits)
        }
        // Of an e-mail the text may be blank beside its HTML, and it may be longer.
        #expect(words.fault(on: .email)?.pointer == nil)
    }

    /// A page is long, and e-mail alone shows it.
    @Test func aPageIsKeptOnce() throws {
        let content = MessageContent(subject: "Offer", text: "Come in.", html: "<p>Come in.</p>")
        let reach = Reach(email: EmailAddress("a@example.com"), phone: PhoneNumber("+4915112345678"))
        let words = try MessageWords(content, category: .marketing)
            .unsubscribing(by: "https://clinic.example/u/1", in: .inFirst(of: ["en"]))
        for channels in [[MessageChannel.email, .sms, .push], [.sms, .email, .push], [.sms, .push, .email]] {
            let sealed = words.sealed(for: channels, to: reach)
            let pages = [sealed.html] + (sealed.variants ?? [:]).values.map(\.html)
            #expect(pages.compactMap(\.self).count == 1)
            for channel in channels {
                var wanted = try #require(words[channel])
                if channel != .email { wanted.html = nil }
                var found = sealed.content(for: channel)
                if channel != .email { found.html = nil }
                #expect(found == wanted)
            }
        }
        // What says the same everywhere is kept as it came.
        let same = MessageWords(content, category: .care).sealed(for: [.sms, .email], to: reach)
        #expect(same.variants == nil && same.html == content.html)
    }

    @Test func aFileNeedsNoWords() {
        let blank = MessageContent(text: " ")
        let words = MessageWords(blank, category: .care)
        #expect(words.fault(on: .whatsapp)?.pointer == "/content/text")
        #expect(words.fault(on: .whatsapp, hasFile: true)?.pointer == nil)
        // It does not go by SMS.
        #expect(words.fault(on: .sms, hasFile: true)?.pointer == "/content/text")
        var asking = blank
        asking.interactive = InteractiveContent(type: .buttons, buttons: [InteractiveButton(id: "yes", title: "Yes")])
        let question = MessageWords(asking, category: .care)
        #expect(question.fault(on: .whatsapp, hasFile: true)?.pointer == "/content/text")
    }
}
