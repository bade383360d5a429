import AccessAPI
import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

@Suite struct BuiltInTemplatesTests {
    /// Every built-in text, filled in with its examples: what people are told, for reviewers to read.
    @Test func allTexts() throws {
        var lines: [String] = []
        for builtIn in BuiltInTemplates.all {
            let template = try CompiledTemplate(name: builtIn.name, category: builtIn.category, builtIn.body)
            let examples = TemplateValues.examples(of: builtIn.variables)
            let asked = builtIn.variables.map { $0.name + ($0.optional == true ? "?" : "") }.joined(separator: " ")
            lines.append("== \(builtIn.name)  \(builtIn.category.rawValue)  \(builtIn.id)  \(asked)")
            for locale in builtIn.words.keys.sorted() {
                let filled = try template.fill(examples, locales: [locale], channels: MessageChannel.allCases)
                #expect(filled.count == MessageChannel.allCases.count)
                for channel in MessageChannel.allCases {
                    let found = try #require(filled[channel])
                    #expect(found.locale == locale)
                    #expect(!found.content.text.contains("{{") && !(found.content.subject ?? "").contains("{{"))
                    let sms = SMSSegments(found.content.text)
                    let size = channel == .sms ? "  \(sms.encoding.rawValue) \(sms.characters) in \(sms.segments)" : ""
                    lines.append("-- \(locale) \(channel.rawValue)\(size)")
                    if let subject = found.content.subject { lines.append("Subject: \(subject)") }
                    lines.append(found.content.text)
                }
            }
        }
        try Golden.check(lines.joined(separator: "\n") + "\n", "templates.txt")
    }

    @Test func allKeepTheRulesThatClinicsKeep() throws {
        for builtIn in BuiltInTemplates.all {
            #expect(throws: Never.self, "\(builtIn.name)") { try TemplateRules.check(builtIn.body) }
            #expect(throws: Never.self, "\(builtIn.name)") { try TemplateRules.check(name: builtIn.name) }
            #expect(builtIn.variables.first?.name == "clinicName")
        }
        #expect(Set(BuiltInTemplates.all.map(\.id)).count == BuiltInTemplates.all.count)
        let id = try #require(BuiltInTemplates.named("welcome")?.id)
        #expect(id.description.dropFirst(14).first == "7" && BuiltInTemplates.with(id)?.name == "welcome")
    }

    /// Without what may be missing they make sense too: no blank, no tag, no empty line more.
    @Test func allDoWithoutWhatIsOptional() throws {
        for builtIn in BuiltInTemplates.all {
            let template = try CompiledTemplate(name: builtIn.name, category: builtIn.category, builtIn.body)
            let needed = builtIn.variables.filter { $0.optional != true }
            for locale in builtIn.words.keys {
                let filled = try template.fill(
                    TemplateValues.examples(of: needed),
                    locales: [locale],
                    channels: MessageChannel.allCases
                )
                for (channel, found) in filled {
                    let text = found.content.text
                    #expect(
                        !text.contains("\n\n\n") && !text.contains("  ") && !text.contains("{{"),
                        "\(channel) \(text)"
                    )
                }
            }
        }
    }

    @Test func patientsAndAccountsAreSpokenToInThreeLanguages() {
        let staff: Set<String> = ["break_glass_started", "credential_expiring", "low_stock", "admin_alert"]
        for builtIn in BuiltInTemplates.all {
            let expected: Set<String> = staff.contains(builtIn.name) ? ["en", "de"] : ["en", "de", "hi"]
            #expect(Set(builtIn.words.keys) == expected, "\(builtIn.name)")
        }
    }

    @Test func shortTextsAreShort() throws {
        for builtIn in BuiltInTemplates.all {
            let template = try CompiledTemplate(name: builtIn.name, category: builtIn.category, builtIn.body)
            let examples = TemplateValues.examples(of: builtIn.variables)
            for locale in builtIn.words.keys {
                let filled = try template.fill(examples, locales: [locale], channels: [.sms])
                let cut = SMSSegments(try #require(filled[.sms]).content.text)
                #expect(cut.encoding == (locale == "hi" ? .ucs2 : .gsm7), "\(builtIn.name) \(locale)")
                #expect(cut.segments <= (locale == "hi" ? 3 : 2), "\(builtIn.name) \(locale)")
            }
        }
    }

    /// What a text asks to be written: its words in capitals.
    private static func asked(in text: String) -> Set<String> {
        var phrases: Set<String> = []
        for piece in text.split(whereSeparator: { !$0.isLetter && $0 != " " }) {
            var phrase: [Substring] = []
            for word in piece.split(separator: " ") + [Substring()] {
                if word.count > 1, word.allSatisfy({ $0.isUppercase }) {
                    phrase.append(word)
                } else if !phrase.isEmpty {
                    phrases.insert(phrase.joined(separator: " "))
                    phrase = []
                }
            }
        }
        return phrases
    }

    /// It is understood wherever it comes from, and ends messages nowhere but where it says so.
    @Test func whatTextsAskForIsUnderstood() {
        let english: [String: InboundCommand] = [
            "CONFIRM": .confirm, "CANCEL VISIT": .cancel, "RESCHEDULE": .reschedule,
        ]
        let german: [String: InboundCommand] = [
            "BESTÄTIGEN": .confirm, "ABSAGEN": .cancel, "VERSCHIEBEN": .reschedule,
        ]
        let endings = TwilioWebhooks.endingWords.union(AWSSNSWebhooks.endingWords)
        for word in ["STOP", "CANCEL", "END", "QUIT", "OPTOUT", "REMOVE"] { #expect(endings.contains(word)) }
        let numbers: [String?] = [nil, "+4915112345678", "+12025550123", "+919876543210"]
        for builtIn in BuiltInTemplates.all {
            for (locale, words) in builtIn.words {
                var expected: [String: InboundCommand] = [:]
                if ["appointment_reminder", "reply_help"].contains(builtIn.name) {
                    expected = locale == "de" ? german : english
                }
                if ["reply_help", "reply_start"].contains(builtIn.name) { expected["STOP"] = .stop }
                if builtIn.name == "reply_stop" { expected["START"] = .start }
                let asked = Self.asked(in: [words.email, words.short, words.push].joined(separator: "\n"))
                #expect(asked == Set(expected.keys), "\(builtIn.name) \(locale)")
                for (phrase, command) in expected {
                    for number in numbers {
                        let read = InboundCommands.read(phrase, from: number.flatMap { PhoneNumber($0) })
                        #expect(read == command, "\(phrase)")
                    }
                    #expect(command == .stop || !endings.contains(phrase), "\(phrase)")
                }
            }
        }
    }

    @Test func screensShowNothingOfAVisitButItsTime() {
        let shown: Set<String> = ["doctorName", "serviceName", "patientName", "formName", "link"]
        for builtIn in BuiltInTemplates.all {
            for words in builtIn.words.values {
                for name in shown { #expect(!words.push.contains("{{\(name)}}"), "\(builtIn.name)") }
            }
        }
    }

    /// What access sends is what its templates ask for.
    @Test(arguments: NoticeTemplate.allCases) func accountsAreWrittenTo(_ notice: NoticeTemplate) throws {
        let builtIn = try #require(BuiltInTemplates.named(notice.rawValue))
        let data: [String: JSONValue] = [
            "clinicName": "Lindenhof", "code": "123456", "link": "https://l.example", "minutes": 5,
            "personName": "Dr. X",
        ]
        let template = try CompiledTemplate(name: builtIn.name, category: builtIn.category, builtIn.body)
        let filled = try template.fill(data, locales: ["en"], channels: [.email])
        #expect(builtIn.category == .security && SecurityTemplates.contains(builtIn.name))
        #expect(filled[.email]?.content.text.contains("Lindenhof") == true)
    }
}
