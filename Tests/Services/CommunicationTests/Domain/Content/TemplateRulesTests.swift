import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct TemplateRulesTests {
    private static let variables: [TemplateVariable] = [
        .init(name: "name", type: .text, confidential: true), .init(name: "clinicName", type: .text),
        .init(name: "note", type: .text, optional: true), .init(name: "link", type: .link),
        .init(name: "isNew", type: .flag), .init(name: "items", type: .list),
        .init(name: "details", type: .paragraph),
    ]

    private func faults(_ text: String, _ part: TemplateSyntax.Part = .text) -> [String] {
        TemplateSyntax.faults(in: text, part: part, variables: Self.variables)
    }

    @Test(arguments: [
        "", "Plain } } { text", "Dear {{name}} of {{ clinicName }}", "{{#note}}Note: {{note}}{{/note}}",
        "{{#isNew}}New{{/isNew}}{{^isNew}}Known{{/isNew}}", "{{#items}}- {{.}}\n{{/items}}", "{{! seen by nobody }}",
        "{{#isNew}}{{#note}}{{#items}}{{.}} {{note}}{{/items}}{{/note}}{{/isNew}}", "{{^note}}none{{/note}}",
    ]) func plainMustacheIsTaken(_ text: String) throws {
        #expect(faults(text) == [])
        let body = TemplateBody(
            variables: Self.variables,
            contents: ["en": TemplateTexts(sms: SMSText(text: text))]
        )
        #expect(throws: Never.self) { try CompiledTemplate(name: "x", category: .care, body) }
    }

    @Test(arguments: [
        ("{{{name}}}", "always escaped"), ("{{&name}}", "always escaped"), ("{{>other}}", "are off"),
        ("{{<other}}{{$name}}x{{/name}}{{/other}}", "are off"), ("{{$name}}{{/name}}", "are off"),
        ("{{=<% %>=}}", "are off"), ("{{% CONTENT_TYPE:HTML}}", "are off"), ("{{*name}}", "are off"),
        ("{{uppercased(name)}}", "functions and paths"), ("{{name.count}}", "functions and paths"),
        ("{{name", "{{ without }}"), ("{{}}", "is no variable"), ("{{ # isNew }}", "is no variable"),
        ("{{missing}}", "not among the variables"), ("{{#missing}}{{/missing}}", "not among the variables"),
        ("{{#items}}{{#items}}{{.}}{{/items}}{{/items}}", "stands within itself"),
        ("{{#items}}{{#isNew}}{{#items}}{{.}}{{/items}}{{/isNew}}{{/items}}", "stands within itself"),
        ("{{#isNew}}", "is not closed"), ("{{/isNew}}", "closes no section"),
        ("{{#isNew}}{{#items}}{{/isNew}}{{/items}}", "closes no section"), ("{{.}}", "of a list"),
        ("{{#isNew}}{{.}}{{/isNew}}", "of a list"), ("{{^items}}{{.}}{{/items}}", "of a list"),
        ("{{isNew}}", "is a flag"), ("{{items}}", "is a list"), ("{{note}}", "is optional"),
        ("{{^note}}{{note}}{{/note}}", "has no value here"), ("\n\n{{missing}}", "line 3:"),
        ("{{{\u{301}name}}", "is no variable"), ("{{\u{301}>name}}", "is no variable"), ("{{name}}\u{301}", "combines"),
        ("\u{600}{{name}}", "combines"),
    ]) func allElseIsRefusedByItsForm(_ text: String, _ complaint: String) {
        #expect(faults(text).contains { $0.contains(complaint) }, "\(faults(text))")
    }

    @Test func sectionsAreNotDeepAndTagsNotMany() {
        let deep = String(repeating: "{{#isNew}}", count: 4) + String(repeating: "{{/isNew}}", count: 4)
        #expect(faults(deep).count == 1)
        #expect(faults(String(repeating: "{{name}}", count: TemplateSyntax.mostTags)) == [])
        #expect(faults(String(repeating: "{{name}}", count: TemplateSyntax.mostTags + 1)).count == 1)
        // Ever more open ones are told of once, and cost no stack.
        #expect(faults(String(repeating: "{{#isNew}}", count: 100_000)).contains { $0.contains("tags") })
    }

    @Test func tagsAreNotLong() {
        let blanks = String(repeating: " ", count: TemplateSyntax.longestTag - "name".utf8.count)
        #expect(faults("{{\(blanks)name}}") == [] && faults("{{name\(blanks)}}") == [])
        let complaint = "line 2: has a tag of more than \(TemplateSyntax.longestTag) bytes"
        for long in [
            "name \(blanks)", "#name\(blanks)", String(repeating: "\u{1F1E9}", count: 10_000),
            " \(String(repeating: "\u{301}", count: 1_000))", "!\u{301}name \(blanks)",
        ] { #expect(faults("\n{{\(long)}}") == [complaint]) }
        #expect(faults("{{! \(String(repeating: "seen by nobody ", count: 100))}}") == [])
    }

    @Test func subjectsSayNothingOfPeopleAndAttributesTakeLinksOnly() {
        #expect(faults("{{clinicName}}", .subject) == [])
        #expect(faults("For {{name}}", .subject).contains { $0.contains("confidential") })
        #expect(faults("{{details}}", .subject).contains { $0.contains("several lines") })
        for text in ["<a href=\"{{link}}\">{{name}}</a>", "<a href='{{link}}' title='{{name}}'>x</a>", "<p>{{name}}"] {
            #expect(faults(text, .html) == [], "\(text)")
        }
        for text in [
            "<a href=\"{{name}}\">", "<a HREF = '{{name}}'>", "<img src='{{name}}'>", "<a href=\"x?{{name}}\">",
        ] {
            #expect(faults(text, .html).contains { $0.contains("no link") }, "\(text)")
        }
    }

    private func check(_ change: (inout TemplateBody) -> Void) -> [String] {
        var body = TemplateBody(
            variables: Self.variables,
            contents: ["en": TemplateTexts(email: EmailTexts(subject: "S", text: "T"))]
        )
        change(&body)
        do throws(Problem) {
            try TemplateRules.check(body)
            return []
        } catch {
            return error.errors.compactMap(\.pointer)
        }
    }

    @Test func everyFaultIsToldAtItsPlace() {
        #expect(check { _ in } == [])
        #expect(check { $0.contents = [:] } == ["/contents"])
        #expect(check { $0.contents["en"] = TemplateTexts() } == ["/contents/en"])
        #expect(check { $0.contents["DE"] = $0.contents["en"] } == ["/contents/DE"])
        #expect(check { $0.contents["a/b~c"] = $0.contents["en"] } == ["/contents/a~1b~0c"])
        #expect(check { $0.contents["en"]?.email?.text = nil } == ["/contents/en/email"])
        #expect(check { $0.contents["en"]?.email?.subject = "a\r\nBcc: x" } == ["/contents/en/email/subject"])
        #expect(check { $0.contents["en"]?.email?.subject = "a\u{2028}b" } == ["/contents/en/email/subject"])
        #expect(check { $0.contents["en"]?.sms = SMSText(text: " \n\t") } == ["/contents/en/sms/text"])
        #expect(
            check { body in
                body.contents["en"]?.push = PushText(title: "x", text: "\u{A0}")
                body.contents["en"]?.whatsapp = WhatsAppText(text: "\n")
            } == ["/contents/en/whatsapp/text", "/contents/en/push/text"]
        )
        #expect(check { $0.contents["en"]?.email?.html = "<ScRiPt>" } == ["/contents/en/email/html"])
        #expect(check { $0.contents["en"]?.sms = SMSText(text: "{{x}}") } == ["/contents/en/sms/text"])
        #expect(
            check { $0.contents["en"]?.push = PushText(title: "{{name}}", text: "x") } == ["/contents/en/push/title"]
        )
        #expect(check { $0.variables.append(.init(name: "name", type: .text)) } == ["/variables/7/name"])
        #expect(check { $0.variables.append(.init(name: "Big", type: .text)) } == ["/variables/7/name"])
        #expect(check { $0.variables[0].example = "a\nb" } == ["/variables/0/example"])
        let large = String(repeating: "x", count: 100_000)
        #expect(
            check { body in
                for locale in ["aa", "bb", "cc", "dd", "ee", "ff"] {
                    body.contents[locale] = TemplateTexts(email: EmailTexts(subject: "S", html: large))
                }
            } == ["/contents"]
        )
    }

    @Test func faultsAreNoMoreThanAreToldAndALongLanguageIsOne() {
        let form = TemplateTexts(email: EmailTexts(subject: "S", html: String(repeating: "<form>", count: 1_000)))
        let long = String(repeating: "x", count: Schema.longestKey + 1)
        #expect(check { $0.contents[long] = form } == ["/contents"])
        let atBound = "/contents/\(long.dropLast())"
        #expect(check { $0.contents[String(long.dropLast())] = $0.contents["en"] } == [atBound])
        #expect(
            check { $0.contents[String(long.dropLast())] = form }
                == [atBound] + Array(repeating: atBound + "/email/html", count: Schema.mostFaults - 1)
        )
    }

    @Test func whatIsPressedStandsAsItIs() {
        func interactive(_ content: InteractiveContent) -> [String] {
            check { $0.contents["en"]?.whatsapp = WhatsAppText(text: "{{name}}", interactive: content) }
                .map { String($0.dropFirst("/contents/en/whatsapp/interactive".count)) }
        }
        let plain = InteractiveButton(id: "YES", title: "{ Yes }")
        #expect(interactive(.init(type: .buttons, buttons: [plain])) == [])
        let named = InteractiveButton(id: "{{name}}", title: "Yes, {{name}}")
        #expect(
            interactive(.init(type: .buttons, buttons: [plain, named], footer: "{{clinicName}}"))
                == ["/footer", "/buttons/1/title", "/buttons/1/id"]
        )
        let rows = InteractiveSection(title: "{{x", rows: [.init(id: "1", title: "{{x}}", description: "{{#x}}")])
        #expect(
            interactive(.init(type: .list, button: "{{y}}", sections: [rows]))
                == ["/button", "/sections/0/title", "/sections/0/rows/0/title", "/sections/0/rows/0/description"]
        )
    }

    @Test func approvedTemplatesAreNamedAndFilledAsTheirProviderAsks() {
        func approved(_ name: String, _ language: String, _ parameters: [String]) -> [String] {
            let mapping = ApprovedMapping(name: name, language: language, parameters: parameters)
            return check { $0.contents["en"]?.whatsapp = WhatsAppText(text: "x", approved: mapping) }
                .map { String($0.dropFirst("/contents/en/whatsapp/approved".count)) }
        }
        #expect(approved("visit_1", "en_US", ["name", "link"]) == [])
        #expect(approved("HX0123456789abcdef", "en", []) == [])
        #expect(approved("a b", "en-US", []) == ["/name", "/language"])
        #expect(
            approved("v", "en", ["name", "x", "note", "isNew", "items", "details"])
                == ["/parameters/1", "/parameters/2", "/parameters/3", "/parameters/4", "/parameters/5"]
        )
    }

    /// The rules become stricter: whoever changes one text need not mend the others.
    @Test func whatWasThereBeforeIsNotHeldAgainstAChange() throws {
        func body(html: String, sms: String) -> TemplateBody {
            let texts = TemplateTexts(
                email: EmailTexts(subject: "News", text: "News", html: html),
                sms: SMSText(text: sms)
            )
            return TemplateBody(variables: [], contents: ["en": texts])
        }
        let former = body(html: "<svg></svg>", sms: "News")
        #expect(throws: Problem.self) { try CompiledTemplate.check(former) }
        try CompiledTemplate.check(body(html: "<svg></svg>", sms: "Other news"), beside: former)
        for worse in [body(html: "<svg></svg><form>", sms: "News"), body(html: "<svg></svg>", sms: "{{#x}}")] {
            #expect(throws: Problem.self) { try CompiledTemplate.check(worse, beside: former) }
        }
        #expect(throws: Problem.self) { try CompiledTemplate.check(former, beside: nil) }
    }
}
