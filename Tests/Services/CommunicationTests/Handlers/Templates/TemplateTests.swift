import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct TemplateTests {
    private let endpoints = MessageDesk.endpoints.templates
    private static let reminder = BuiltInTemplates.appointmentReminder
    private static let texts = TemplateTexts(
        email: EmailTexts(subject: "Greetings from {{clinicName}}", text: "Dear {{name}}, all the best."),
        sms: SMSText(text: "{{clinicName}}: all the best, {{name}}.")
    )

    private func draft(_ name: String = "birthday_greeting") -> TemplateDraft {
        TemplateDraft(
            name: name,
            category: .marketing,
            variables: [
                .init(name: "clinicName", type: .text, example: "Lindenhof"),
                .init(name: "name", type: .text, confidential: true, example: "Asha Rao"),
            ],
            contents: ["en": Self.texts]
        )
    }

    private func made(in clinic: TestClinic, _ name: String = "birthday_greeting") async throws -> Template {
        let answer = try await clinic.ask(endpoints.create, draft(name))
        try #require(answer.status == 201, "\(String(describing: answer.problem))")
        return try #require(answer.output)
    }

    private func builtIn(_ name: String) throws -> TemplateID { try #require(BuiltInTemplates.named(name)?.id) }

    private func sms(_ text: String) -> [String: TemplateTextsPatch?] {
        ["en": TemplateTextsPatch(sms: .set(SMSTextPatch(text: .set(text))))]
    }

    @Test func aTemplateIsWrittenPublishedChangedAndRemoved() async throws {
        let clinic = try TestClinic()
        let answer = try await clinic.ask(endpoints.create, draft())
        let template = try #require(answer.output)
        #expect(answer.version == "\"1\"" && answer.location == "/api/v1/communication/templates/\(template.id)")
        #expect(template.draft && template.publishedVersion == nil && !template.builtIn)
        let path = TemplatePath(id: template.id)
        let published = try await clinic.ask(endpoints.publish, TemplatePublication(id: template.id), ifMatch: "\"1\"")
        #expect(published.output?.publishedVersion == 1 && published.output?.draft == false)
        #expect(try await clinic.ask(endpoints.publish, .init(id: template.id)).code == "nothing_to_publish")
        let patch = TemplatePatch(id: template.id, name: "yearly_greeting", contents: sms("Hello {{name}}"))
        let changed = try await clinic.ask(endpoints.update, patch, ifMatch: "\"2\"")
        #expect(changed.status == 200 && changed.version == "\"3\"")
        #expect(changed.output?.name == "yearly_greeting" && changed.output?.draft == true)
        #expect(changed.output?.contents["en"]?.email == Self.texts.email, "what was not named stays")
        #expect(try await clinic.ask(endpoints.update, patch, ifMatch: "\"2\"").status == 412)
        #expect(try await clinic.ask(endpoints.publish, .init(id: template.id)).output?.publishedVersion == 2)
        let versions = try #require(try await clinic.ask(endpoints.versions, .init(id: template.id)).output)
        #expect(versions.items.map(\.number) == [2, 1] && versions.items.map(\.inForce) == [true, false])
        #expect(versions.items.allSatisfy { $0.publishedBy == TestClinic.admin.id })
        var turned = TemplateVersionsRequest(id: template.id, sort: .oldestFirst, limit: 1)
        let earliest = try #require(try await clinic.ask(endpoints.versions, turned).output)
        turned.cursor = earliest.nextCursor
        let latest = try #require(try await clinic.ask(endpoints.versions, turned).output)
        #expect((earliest.items + latest.items).map(\.number) == [1, 2])
        let first = try await clinic.ask(endpoints.read, TemplateVersionPath(id: template.id, version: 1))
        #expect(first.output?.contents["en"] == Self.texts)
        #expect(try await clinic.ask(endpoints.read, TemplateVersionPath(id: template.id, version: 3)).status == 404)
        let back = try await clinic.ask(endpoints.publish, TemplatePublication(id: template.id, version: 1))
        #expect(back.output?.publishedVersion == 1 && back.output?.contents["en"] == Self.texts)
        let none = try await clinic.ask(endpoints.publish, TemplatePublication(id: template.id, version: 3))
        #expect(none.status == 422 && none.pointers == ["/version"])
        #expect(try await clinic.ask(endpoints.reset, path).code == "not_built_in")
        #expect(try await clinic.ask(endpoints.delete, path, ifMatch: "\"1\"").status == 412)
        #expect(try await clinic.ask(endpoints.delete, path).status == 204)
        #expect(try await clinic.ask(endpoints.read, TemplateVersionPath(id: template.id)).status == 404)
        // Its name is free again.
        _ = try await made(in: clinic, "yearly_greeting")
    }

    /// One state has one ETag, and one ETag stands for one state.
    @Test func aFormerVersionInForceLeavesTheDraftToBeSeen() async throws {
        let clinic = try TestClinic()
        let id = try await made(in: clinic).id
        _ = try await clinic.ask(endpoints.publish, TemplatePublication(id: id))
        _ = try await clinic.ask(endpoints.update, TemplatePatch(id: id, contents: sms("Second")))
        _ = try await clinic.ask(endpoints.publish, TemplatePublication(id: id))
        _ = try await clinic.ask(endpoints.update, TemplatePatch(id: id, contents: sms("Third")))
        let back = try await clinic.ask(endpoints.publish, TemplatePublication(id: id, version: 1))
        #expect(back.output?.publishedVersion == 1 && back.output?.draft == true)
        #expect(back.output?.contents["en"]?.sms?.text == "Third")
        let read = try await clinic.ask(endpoints.read, TemplateVersionPath(id: id))
        #expect(read.version == back.version && read.output == back.output)
        let published = try await clinic.ask(endpoints.publish, TemplatePublication(id: id), ifMatch: back.version)
        #expect(published.output?.publishedVersion == 3 && published.output?.draft == false)
    }

    @Test func whatChangesNothingLeavesEverythingAsItIs() async throws {
        let clinic = try TestClinic()
        let made = try await made(in: clinic)
        _ = try await clinic.ask(endpoints.publish, TemplatePublication(id: made.id))
        let before = try await clinic.ask(endpoints.read, TemplateVersionPath(id: made.id))
        let same = TemplatePatch(
            id: made.id,
            name: made.name,
            category: made.category,
            variables: made.variables,
            contents: sms(try #require(Self.texts.sms?.text))
        )
        for patch in [TemplatePatch(id: made.id), same] {
            let answer = try await clinic.ask(endpoints.update, patch, ifMatch: before.version)
            #expect(answer.status == 200 && answer.version == before.version && answer.output == before.output)
        }
        #expect(before.output?.draft == false)
        #expect(try await clinic.ask(endpoints.publish, .init(id: made.id)).code == "nothing_to_publish")
        #expect(try await clinic.ask(endpoints.update, TemplatePatch(id: made.id), ifMatch: "\"1\"").status == 412)
        // A name is in force at once: no draft is begun for it.
        let renamed = try await clinic.ask(endpoints.update, TemplatePatch(id: made.id, name: "yearly_greeting"))
        #expect(renamed.version != before.version && renamed.output?.draft == false)
        // A built-in template is not touched by it.
        let builtIn = try builtIn(Self.reminder)
        let untouched = try await clinic.ask(endpoints.read, TemplateVersionPath(id: builtIn))
        let answer = try await clinic.ask(endpoints.update, TemplatePatch(id: builtIn), ifMatch: untouched.version)
        #expect(answer.status == 200 && answer.version == "\"0\"" && answer.output == untouched.output)
        #expect(try await clinic.ask(endpoints.read, TemplateVersionPath(id: builtIn)).output == untouched.output)
    }

    @Test func nameAndCategoryChangeAtOnceAndWordsWhenPublished() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let template = try await made(in: clinic)
        _ = try await clinic.ask(endpoints.publish, TemplatePublication(id: template.id))
        let patch = TemplatePatch(
            id: template.id,
            name: "yearly_greeting",
            category: .billing,
            contents: ["en": TemplateTextsPatch(email: .set(EmailTextsPatch(subject: .set("Another subject"))))]
        )
        #expect(try await clinic.ask(endpoints.update, patch).output?.draft == true)
        var draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress("asha@example.com")),
            template: "birthday_greeting",
            data: ["clinicName": "Lindenhof", "name": "Asha"]
        )
        #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, draft).pointers == ["/template"])
        draft.template = "yearly_greeting"
        let before = try await clinic.message(try await clinic.send(draft))
        #expect(before.category == .billing && before.content?.subject != "Another subject")
        _ = try await clinic.ask(endpoints.publish, TemplatePublication(id: template.id))
        let after = try await clinic.message(try await clinic.send(draft))
        #expect(after.content?.subject == "Another subject")
    }

    @Test func aBuiltInTemplateIsRewrittenAndReset() async throws {
        let clinic = try TestClinic()
        let id = try builtIn(Self.reminder)
        let untouched = try await clinic.ask(endpoints.read, TemplateVersionPath(id: id))
        #expect(untouched.version == "\"0\"" && untouched.output?.builtIn == true)
        #expect(untouched.output?.contents.keys.sorted() == ["de", "en", "hi"])
        for patch in [
            TemplatePatch(id: id, name: "x1"), TemplatePatch(id: id, category: .billing),
            TemplatePatch(id: id, variables: []),
        ] {
            #expect(try await clinic.ask(endpoints.update, patch).status == 422)
        }
        let patch = TemplatePatch(id: id, contents: sms("See you at {{time}}.").merging(["hi": nil]) { $1 })
        let changed = try await clinic.ask(endpoints.update, patch, ifMatch: "\"0\"")
        #expect(changed.version == "\"1\"" && changed.output?.draft == true)
        #expect(changed.output?.contents.keys.sorted() == ["de", "en"])
        #expect(try await clinic.ask(endpoints.update, patch, ifMatch: "\"0\"").status == 412)
        #expect(try await clinic.ask(endpoints.publish, .init(id: id)).output?.publishedVersion == 1)
        #expect(try await clinic.ask(endpoints.delete, TemplatePath(id: id)).code == "built_in_template")
        let reset = try await clinic.ask(endpoints.reset, TemplatePath(id: id))
        #expect(reset.output?.publishedVersion == nil && reset.output?.contents.count == 3)
        // What was in force stays to be seen, and can be put in force again.
        #expect(try await clinic.ask(endpoints.versions, .init(id: id)).output?.items.map(\.inForce) == [false])
        let again = try await clinic.ask(endpoints.publish, TemplatePublication(id: id, version: 1))
        #expect(again.output?.contents["en"]?.sms?.text == "See you at {{time}}.")
    }

    @Test func whatIsSentIsWhatIsInForce() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        for clinic in [clinic, other] { try await clinic.configure(.smtp(port: 9)) }
        let data: [String: JSONValue] = [
            "clinicName": "Lindenhof", "patientName": "{{clinicName}} <b>", "doctorName": "Dr. O", "serviceName": "C",
            "date": "2026-10-21", "time": "10:30", "timeZone": "Europe/Berlin",
        ]
        func text(_ clinic: TestClinic, _ locale: String? = nil, _ template: String = Self.reminder) async throws
            -> String
        {
            let recipient = RecipientDraft(email: EmailAddress("asha@example.com"))
            let draft = MessageDraft(
                to: recipient,
                template: template,
                data: data,
                locale: locale,
                sendAt: .now() + .seconds(3_600)
            )
            return try #require(try await clinic.message(try await clinic.send(draft)).content?.text)
        }
        #expect(
            try await text(clinic).hasPrefix("Dear {{clinicName}} <b>,\n\nwe expect you on 21 October 2026 at 10:30")
        )
        #expect(try await text(clinic, "de-CH").contains("am 21. Oktober 2026 um 10:30 Uhr"))
        #expect(try await text(clinic, "hi").contains("21 अक्टूबर 2026"))
        let id = try builtIn(Self.reminder)
        let email = EmailTextsPatch(text: .clear, html: .set("<p>Come, {{patientName}}.</p>"))
        let patch = TemplatePatch(id: id, contents: ["en": TemplateTextsPatch(email: .set(email))])
        #expect(try await clinic.ask(endpoints.update, patch).status == 200)
        #expect(try await text(clinic).hasPrefix("Dear"), "a draft is not in force")
        #expect(try await clinic.ask(endpoints.publish, .init(id: id)).status == 200)
        #expect(try await text(clinic) == "Come, {{clinicName}} <b>.")
        #expect(try await text(other).hasPrefix("Dear"), "another clinic's text is its own")
        #expect(try await clinic.ask(endpoints.reset, TemplatePath(id: id)).status == 200)
        #expect(try await text(clinic).hasPrefix("Dear"))
    }

    @Test func ownTemplatesAreSentOncePublished() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        for clinic in [clinic, other] { try await clinic.configure(.smtp(port: 9)) }
        let template = try await made(in: clinic)
        let draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress("asha@example.com")),
            template: template.name,
            data: ["clinicName": "Lindenhof", "name": "Asha"]
        )
        #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, draft).pointers == ["/template"])
        #expect(try await clinic.ask(endpoints.publish, .init(id: template.id)).status == 200)
        let message = try await clinic.message(try await clinic.send(draft))
        #expect(message.category == .marketing)
        #expect(message.content?.text.hasPrefix("Dear Asha, all the best.\n\n") == true)
        #expect(try await other.ask(MessageDesk.endpoints.messages.send, draft).pointers == ["/template"])
        var missing = draft
        missing.data = ["clinicName": ""]
        let refused = try await clinic.ask(MessageDesk.endpoints.messages.send, missing)
        #expect(refused.status == 422 && refused.pointers == ["/data/clinicName", "/data/name"])
    }

    @Test func eachChannelSaysItsOwnWords() async throws {
        let clinic = try TestClinic()
        let twilio: [String: JSONValue] = [
            "accountSid": .string("AC" + String(repeating: "a", count: 32)), "authToken": "polyclinic-auth-token",
            "fromNumber": "+15005550006", "whatsappNumber": "+15005550006", "endpoint": .string(SandboxPlace.nowhere),
        ]
        func without(_ name: String) -> ChannelDraft {
            ChannelDraft(primary: ProviderDraft(provider: "twilio", credentials: twilio.filter { $0.key != name }))
        }
        let configuration = ConfigurationDraft(
            clinicId: clinic.clinic,
            email: ChannelDraft(primary: .smtp(port: 9)),
            sms: without("whatsappNumber"),
            whatsapp: without("fromNumber")
        )
        let put = try await clinic.ask(MessageDesk.endpoints.configuration.put, configuration, ifNoneMatch: "*")
        #expect(put.status == 201, "\(String(describing: put.problem))")
        var texts = Self.texts
        texts.whatsapp = WhatsAppText(
            text: "{{name}}!",
            approved: ApprovedMapping(name: "greeting", language: "en_US", parameters: ["name", "clinicName"])
        )
        var draft = draft()
        draft.contents["en"] = texts
        let template = try #require(try await clinic.ask(endpoints.create, draft).output)
        #expect(try await clinic.ask(endpoints.publish, .init(id: template.id)).status == 200)
        var message = MessageDraft(
            to: RecipientDraft(email: EmailAddress("asha@example.com"), phone: PhoneNumber("+4915112345678")),
            channels: [.sms, .whatsapp, .email],
            template: template.name,
            data: ["clinicName": "Lindenhof", "name": "Asha"],
            sendAt: .now() + .seconds(3_600)
        )
        // What sells is nobody's care, whatever it is called.
        message.category = .care
        #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, message).pointers == ["/category"])
        message.category = nil
        let id = try await clinic.send(message)
        let (dataKeys, place) = (clinic.desk.dataKeys, clinic.clinic)
        let stored = try await clinic.desk.database.database.transaction(for: Tenant(place, actor: "tests")) { tx in
            let found = try #require(try MessageStore.find(id, in: tx))
            let sealer = try dataKeys.sealer(for: place, in: tx)
            return (found.templateVersion, try SealedContent.open(found.sealed, of: id, with: sealer))
        }
        #expect(stored.0 == 1)
        #expect(stored.1.content(for: .sms) == RenderedContent(text: "Lindenhof: all the best, Asha."))
        #expect(stored.1.content(for: .email).subject == "Greetings from Lindenhof")
        let approved = ApprovedTemplate(name: "greeting", language: "en_US", parameters: ["Asha", "Lindenhof"])
        #expect(stored.1.content(for: .whatsapp) == RenderedContent(text: "Asha!", approved: approved))
        #expect(try await clinic.message(id).templateVersion == 1)
        // A channel named that the template says nothing on is an error; one not named is passed over.
        let silent = try await made(in: clinic, "silent_on_whatsapp")
        #expect(try await clinic.ask(endpoints.publish, .init(id: silent.id)).status == 200)
        message.template = silent.name
        #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, message).pointers == ["/channels"])
        message.channels = nil
        #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, message).status == 202)
        // A test says what the approved template will say.
        let test = TemplateTest(
            id: template.id,
            to: RecipientDraft(phone: PhoneNumber("+4915112345678")),
            channel: .whatsapp
        )
        #expect(try await clinic.ask(endpoints.test, test).status == 202)
    }

    @Test func anotherClinicsTemplateIsNotThere() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let id = try await made(in: clinic).id
        #expect(try await other.ask(endpoints.read, TemplateVersionPath(id: id)).status == 404)
        #expect(try await other.ask(endpoints.update, TemplatePatch(id: id, name: "mine")).status == 404)
        #expect(try await other.ask(endpoints.delete, TemplatePath(id: id)).status == 404)
        #expect(try await other.ask(endpoints.versions, .init(id: id)).status == 404)
        #expect(try await other.ask(endpoints.publish, .init(id: id)).status == 404)
        #expect(try await other.ask(endpoints.reset, TemplatePath(id: id)).status == 404)
        let test = TemplateTest(id: id, to: RecipientDraft(email: EmailAddress("eve@example.com")))
        #expect(try await other.ask(endpoints.test, test).status == 404)
        #expect(try await other.ask(endpoints.preview, .init(templateId: id)).pointers == ["/templateId"])
        let listed = try #require(try await other.ask(endpoints.list, .init(limit: 200)).output)
        #expect(!listed.items.contains { $0.id == id } && listed.items.count == BuiltInTemplates.all.count)
        // The same name is free there.
        _ = try await made(in: other)
        // A built-in one rewritten here is as it came there.
        let builtIn = try builtIn("welcome")
        #expect(try await clinic.ask(endpoints.update, .init(id: builtIn, contents: sms("Hi"))).status == 200)
        #expect(try await other.ask(endpoints.read, TemplateVersionPath(id: builtIn)).output?.draft == false)
    }

    @Test func whatIsRefusedAndWhere() async throws {
        let clinic = try TestClinic()
        _ = try await made(in: clinic)
        #expect(try await clinic.ask(endpoints.create, draft()).code == "template_name_taken")
        #expect(try await clinic.ask(endpoints.create, draft(Self.reminder)).code == "template_name_taken")
        let second = try await made(in: clinic, "second")
        let taken = TemplatePatch(id: second.id, name: "birthday_greeting")
        #expect(try await clinic.ask(endpoints.update, taken).code == "template_name_taken")
        func pointers(_ change: (inout TemplateDraft) -> Void) async throws -> [String] {
            var draft = draft("third")
            change(&draft)
            return try await clinic.ask(endpoints.create, draft).pointers
        }
        #expect(try await pointers { $0.name = "Third" } == ["/name"])
        #expect(try await pointers { $0.contents["en"]?.sms?.text = "{{{name}}}" } == ["/contents/en/sms/text"])
        #expect(try await pointers { $0.contents["en"]?.email?.subject = "{{name}}" } == ["/contents/en/email/subject"])
        #expect(try await pointers { $0.contents["english"] = Self.texts } == ["/contents/english"])
        #expect(try await pointers { $0.variables = [] }.count == 4)
        let half = TemplatePatch(
            id: second.id,
            contents: ["de": TemplateTextsPatch(email: .set(EmailTextsPatch(text: .set("Hallo"))))]
        )
        #expect(try await clinic.ask(endpoints.update, half).pointers == ["/contents/de/email/subject"])
        let none = TemplatePatch(id: second.id, contents: ["en": nil])
        #expect(try await clinic.ask(endpoints.update, none).pointers == ["/contents"])
    }

    /// The least number of 64 bits has no positive; where it comes as a fraction or from beyond, it is refused like any other.
    @Test(arguments: ["-9223372036854775808.0", "-9223372036854775809"])
    func anExampleThatIsNoWholeNumberIsRefused(number: String) async throws {
        let clinic = try TestClinic()
        let template = try await made(in: clinic)
        let json = #"{"name":"x","type":"number","example":\#(number)}"#
        let variable = try JSONTape(Array(json.utf8)).decode(TemplateVariable.self)
        let patch = TemplatePatch(id: template.id, variables: template.variables + [variable], contents: [:])
        let answer = try await clinic.ask(endpoints.update, patch)
        #expect(answer.status == 422 && answer.pointers == ["/variables/2/example"])
    }

    @Test func pagesThatWouldActAreRefused() async throws {
        let clinic = try TestClinic()
        var draft = draft()
        draft.contents["en"]?.email?.html = "<p title={{name}}>Dear {{name}}</p>"
        let created = try await clinic.ask(endpoints.create, draft)
        #expect(created.status == 422 && created.pointers == ["/contents/en/email/html"])
        draft.contents["en"]?.email?.html = "<p title=\"{{name}}\">Dear {{name}}</p>"
        let template = try #require(try await clinic.ask(endpoints.create, draft).output)
        let html = EmailTextsPatch(html: .set("<a href=\"java&#115;cript:alert(1)\">Dear {{name}}</a>"))
        let patch = TemplatePatch(id: template.id, contents: ["en": TemplateTextsPatch(email: .set(html))])
        let changed = try await clinic.ask(endpoints.update, patch)
        #expect(changed.status == 422 && changed.pointers == ["/contents/en/email/html"])
        let preview = TemplatePreviewRequest(
            templateId: template.id,
            data: ["clinicName": "L", "name": "\" onload=\"x\"><img src=x>"]
        )
        let shown = try #require(try await clinic.ask(endpoints.preview, preview).output?.items.first?.html)
        #expect(!shown.contains("<img") && !shown.contains("onload=\"") && shown.hasPrefix("<p title=\"&quot; "))
    }

    @Test func whatIsTooLongIsRefusedWithItsLimit() throws {
        let megabyte = String(repeating: "x", count: 1_000_000)
        let body: JSONValue = [
            "name": "large", "category": "care", "extra": 1,
            "contents": ["en": ["email": ["subject": .string(megabyte), "html": .string(megabyte)]]],
        ]
        let faults = try endpoints.create.inputSchema.violations(in: JSONTape(try JSONWriter.encode(body)))
        let places: Set<String> = ["/contents/en/email/subject", "/contents/en/email/html", "/extra"]
        #expect(Set(faults.compactMap(\.pointer)) == places)
        #expect(faults.contains { $0.detail.contains("100000") })
        var broken = Array(#"{"name":"a1","category":"care","contents":{"en":{"sms":{"text":""#.utf8)
        broken += [0xC3, 0x28]
        broken += Array(#""}}}}"#.utf8)
        let problem = #expect(throws: Problem.self) { try JSONTape(broken) }
        #expect(problem?.status == 400)
    }

    @Test func publishingAtOncePublishesOnce() async throws {
        let clinic = try TestClinic()
        let id = try await made(in: clinic).id
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await clinic.ask(MessageDesk.endpoints.templates.publish, TemplatePublication(id: id)).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.sorted() == [200] + Array(repeating: 409, count: 7))
        #expect(try await clinic.ask(endpoints.versions, .init(id: id)).output?.items.count == 1)
        // Touched for the first time by many at once, a built-in template has one row.
        let builtIn = try builtIn("invoice")
        let patched = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                let patch = TemplatePatch(id: builtIn, contents: sms("{{clinicName}} \(number)"))
                group.addTask {
                    try await clinic.ask(MessageDesk.endpoints.templates.update, patch, ifMatch: "\"0\"").status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(patched.sorted() == [200] + Array(repeating: 412, count: 7))
    }

    @Test func aRepeatedRequestHasItsEffectOnce() async throws {
        let clinic = try TestClinic()
        let first = try await clinic.ask(endpoints.create, draft(), key: "one")
        let second = try await clinic.ask(endpoints.create, draft(), key: "one")
        #expect(first.output?.id == second.output?.id && second.status == 201)
        let id = try #require(first.output?.id)
        for _ in 0..<2 {
            let published = try await clinic.ask(endpoints.publish, TemplatePublication(id: id), key: "two")
            #expect(published.output?.publishedVersion == 1)
        }
    }

    @Test func listsAreByNameFilteredAndPaged() async throws {
        let clinic = try TestClinic()
        _ = try await made(in: clinic)
        func list(_ request: TemplateListRequest) async throws -> Page<TemplateSummary> {
            try #require(try await clinic.ask(endpoints.list, request).output)
        }
        let all = try await list(.init(limit: 200)).items
        #expect(all.map(\.name) == all.map(\.name).sorted() && all.count == BuiltInTemplates.all.count + 1)
        #expect(try await list(.init(builtIn: false)).items.map(\.name) == ["birthday_greeting"])
        #expect(try await list(.init(q: "REMINDER")).items.count == 3)
        #expect(try await list(.init(category: .marketing)).items.map(\.draft) == [true])
        var names: [String] = []
        var cursor: String?
        repeat {
            let page = try await list(.init(limit: 7, cursor: cursor))
            names += page.items.map(\.name)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(names == all.map(\.name))
        (names, cursor) = ([], nil)
        repeat {
            let page = try await list(.init(sort: .descending, limit: 7, cursor: cursor))
            names += page.items.map(\.name)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(names == all.map(\.name).reversed())
        let foreign = try await list(.init(limit: 7)).nextCursor
        #expect(try await clinic.ask(endpoints.list, .init(q: "a", cursor: foreign)).status == 422)
    }

    @Test func aPreviewShowsEachChannelAndStoresNothing() async throws {
        let clinic = try TestClinic()
        let preview = TemplatePreviewRequest(templateId: try builtIn(Self.reminder), locale: "de-AT")
        let items = try #require(try await clinic.ask(endpoints.preview, preview).output?.items)
        #expect(items.map(\.channel) == [.email, .sms, .whatsapp, .push] && items.allSatisfy { $0.locale == "de" })
        #expect(items[1].sms?.encoding == .gsm7 && items[1].sms?.segments == 1 && items[0].sms == nil)
        #expect(items[0].html?.hasPrefix("<!doctype html><html lang=\"de\">") == true)
        var own = TemplatePreviewRequest(variables: draft().variables, contents: ["hi": Self.texts], channels: [.sms])
        own.data = ["clinicName": "नमस्ते", "name": "Asha"]
        let shown = try #require(try await clinic.ask(endpoints.preview, own).output?.items)
        #expect(shown.map(\.text) == ["नमस्ते: all the best, Asha."] && shown[0].sms?.encoding == .ucs2)
        own.data = [:]
        #expect(try await clinic.ask(endpoints.preview, own).pointers == ["/data/clinicName", "/data/name"])
        own.data = nil
        own.channels = [.push]
        #expect(try await clinic.ask(endpoints.preview, own).pointers == ["/channels"])
        own.contents?["hi"]?.sms?.text = "{{> x}}"
        #expect(try await clinic.ask(endpoints.preview, own).pointers == ["/contents/hi/sms/text"])
        #expect(try await clinic.ask(endpoints.preview, TemplatePreviewRequest()).pointers == [""])
        let listed = try #require(try await clinic.ask(endpoints.list, .init(builtIn: false)).output)
        #expect(listed.items.isEmpty)
    }

    @Test func aPreviewShowsButtonsAndWhatIsRegistered() async throws {
        let clinic = try TestClinic()
        var texts = Self.texts
        texts.sms = SMSText(text: "{{clinicName}}: all the best, {{name}}.", dltTemplateId: "1107160000000000001")
        let buttons = InteractiveContent(type: .buttons, buttons: [.init(id: "THANKS", title: "Thank you")])
        let mapping = ApprovedMapping(
            name: "greeting",
            language: "en_US",
            parameters: ["name"],
            buttons: [ApprovedButton(index: 1, type: .payload, parameter: "clinicName")]
        )
        var twilio = mapping
        (twilio.name, twilio.buttons) = ("HX" + String(repeating: "a", count: 32), nil)
        texts.whatsapp = WhatsAppText(
            text: "All the best, {{name}}.",
            approved: mapping,
            approvedByTwilio: twilio,
            interactive: buttons
        )
        var draft = draft()
        draft.contents["en"] = texts
        let template = try #require(try await clinic.ask(endpoints.create, draft).output)
        func preview() async throws -> [TemplatePreviewItem] {
            let request = TemplatePreviewRequest(templateId: template.id, channels: [.sms, .whatsapp])
            return try #require(try await clinic.ask(endpoints.preview, request).output).items
        }
        var shown = try await preview()
        #expect(shown[0].dlt == DLTPreview(templateId: "1107160000000000001", matches: false))
        #expect(shown[0].interactive == nil && shown[1].interactive == buttons && shown[1].dlt == nil)
        #expect(shown[1].approved?.buttons == [.init(index: 1, type: .payload, value: "Lindenhof")])
        #expect(shown[1].approvedByTwilio?.name == twilio.name && shown[1].approvedByTwilio?.buttons == nil)
        // It says that it is a text which nobody has registered yet.
        let early = try await clinic.ask(endpoints.publish, .init(id: template.id))
        #expect(early.status == 422 && early.code == "in_dlt_template")
        #expect(early.pointers == ["/contents/en/sms/text"])
        func registered(_ id: String) -> CommunicationSettings {
            let text = DLTTemplate(id: id, text: "{#var#}: all the best, {#var#}.")
            return CommunicationSettings(
                countryRules: .init(india: .init(entityId: "1101456070000012345", header: "CLINIC", templates: [text]))
            )
        }
        let message = MessageDraft(
            to: RecipientDraft(phone: PhoneNumber("+919876543210")),
            channels: [.sms],
            template: template.name,
            data: ["clinicName": "Lindenhof", "name": "Asha"]
        )
        try await clinic.configure(sms: [.twilio("http://127.0.0.1:9")], settings: registered("1107160000000000001"))
        #expect(try await clinic.ask(endpoints.publish, .init(id: template.id)).status == 200)
        // Another registered text says the same, but the template names this one.
        for (id, status) in [("1107160000000000002", 422), ("1107160000000000001", 202)] {
            try await clinic.configure(sms: [.twilio("http://127.0.0.1:9")], settings: registered(id))
            let answer = try await clinic.ask(MessageDesk.endpoints.messages.send, message)
            #expect(answer.status == status && (status == 202 || answer.code == "in_dlt_template"))
        }
        shown = try await preview()
        #expect(shown[0].dlt?.matches == true)
        let wrong = TemplatePatch(
            id: template.id,
            contents: [
                "en": TemplateTextsPatch(whatsapp: .set(.init(interactive: .set(InteractiveContent(type: .list)))))
            ]
        )
        #expect(
            try await clinic.ask(endpoints.update, wrong).pointers.contains("/contents/en/whatsapp/interactive/button")
        )
        let plain = TemplatePatch(
            id: template.id,
            contents: [
                "en": TemplateTextsPatch(
                    sms: .set(SMSTextPatch(dltTemplateId: .clear)),
                    whatsapp: .set(WhatsAppTextPatch(interactive: .clear))
                )
            ]
        )
        let bare = try await clinic.ask(endpoints.update, plain).output?.contents["en"]
        #expect(
            bare?.sms?.dltTemplateId == nil && bare?.whatsapp?.interactive == nil && bare?.whatsapp?.approved != nil
        )
    }

    @Test func aTestIsSentToOneAddressWithTheDraft() async throws {
        let clinic = try TestClinic()
        let id = try await made(in: clinic).id
        let to = RecipientDraft(email: EmailAddress("asha@example.com"))
        #expect(try await clinic.ask(endpoints.test, TemplateTest(id: id, to: to)).code == "channel_not_configured")
        try await clinic.configure(.smtp(port: 9))
        let accepted = try await clinic.ask(endpoints.test, TemplateTest(id: id, to: to))
        let message = try await clinic.message(try #require(accepted.output?.id))
        #expect(accepted.status == 202)
        #expect(message.content?.text.hasPrefix("Dear Asha Rao, all the best.\n\nUnsubscribe") == true)
        #expect(message.content?.subject == "Greetings from Lindenhof")
        let pushed = TemplateTest(id: id, to: to, channel: .push)
        #expect(try await clinic.ask(endpoints.test, pushed).pointers == ["/channel"])
        let wrong = TemplateTest(id: id, to: to, data: ["name": "Asha"])
        #expect(try await clinic.ask(endpoints.test, wrong).pointers == ["/data/clinicName"])
        let former = TemplateTest(id: id, to: to, version: 1)
        #expect(try await clinic.ask(endpoints.test, former).pointers == ["/version"])
    }
}
