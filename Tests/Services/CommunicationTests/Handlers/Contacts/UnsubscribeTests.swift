import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import ServiceHost

@Suite(.timeLimit(.minutes(2))) struct UnsubscribeTests {
    private let endpoints = MessageDesk.endpoints.unsubscribing

    private func links(_ clinic: TestClinic, publicURL: String = "https://clinic.example") -> UnsubscribeLinks {
        UnsubscribeLinks(dataKeys: clinic.desk.dataKeys, blindIndex: clinic.desk.blindIndex, publicURL: publicURL)
    }

    private func token(_ clinic: TestClinic, _ text: String, _ category: MessageCategory = .marketing) async throws
        -> String
    {
        let address = try #require(ChannelAddress(.email, text))
        let sealer = try await clinic.desk.dataKeys.sealer(for: clinic.clinic)
        return try links(clinic).token(for: .init(address: address, category: category), with: sealer)
    }

    private func marketing(_ address: String) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            channels: [.email],
            content: MessageContent(subject: "Spring offer", text: "A check-up for less."),
            category: .marketing
        )
    }

    @Test func aTokenSaysNothingToOthers() async throws {
        let clinic = try TestClinic()
        let token = try await token(clinic, "very.secret@example.org")
        #expect(!token.contains("secret") && token.utf8.count < 900)
        #expect(token.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=") })
        let links = links(clinic)
        #expect(links.read(token)?.clinic == clinic.clinic)
        for forged in ["", "x", String(token.dropLast()), "B" + token.dropFirst(), token + "A", "%00", "🙂"] {
            #expect(links.read(forged) == nil, "\(forged)")
            guard !forged.isEmpty else { continue }
            let answer = try await clinic.ask(endpoints.show, UnsubscribePath(token: forged), as: .anonymous)
            #expect(answer.status == 404)
            let done = try await clinic.ask(endpoints.unsubscribe, UnsubscribeRequest(token: forged), as: .anonymous)
            #expect(done.status == 404)
        }
    }

    @Test func openingChangesNothingAndPostingDoes() async throws {
        let clinic = try TestClinic()
        let token = try await token(clinic, "reader@example.org")
        let oneClick = RawBody(Array("List-Unsubscribe=One-Click".utf8))
        for _ in 0..<2 {
            let shown = try await clinic.ask(endpoints.show, UnsubscribePath(token: token), as: .anonymous)
            #expect(shown.output == UnsubscribeState(channel: .email, category: .marketing, unsubscribed: false))
        }
        let done = try await clinic.ask(
            endpoints.unsubscribe,
            UnsubscribeRequest(token: token, body: oneClick),
            as: .anonymous
        )
        #expect(done.status == 200 && done.output?.unsubscribed == true)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await clinic.ask(endpoints.unsubscribe, UnsubscribeRequest(token: token), as: .anonymous).status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 8))
        let shown = try await clinic.ask(endpoints.show, UnsubscribePath(token: token), as: .anonymous)
        #expect(shown.output?.unsubscribed == true)
        #expect(try await clinic.desk.database.audit(of: clinic.clinic).count == 9)
        let list = try await clinic.ask(MessageDesk.endpoints.suppressions.list, SuppressionListRequest())
        #expect(list.output?.items.map(\.address) == ["reader@example.org"])
        #expect(list.output?.items.first?.category == .marketing && list.output?.items.first?.source == "link")
    }

    /// Scanners post to links as well; mail programs say what they mean, each in its way, or nothing.
    @Test(
        arguments: [
            ("", true), ("\r\n", true), ("x=1", false), ("List-Unsubscribe=", false), ("One-Click", false),
            ("{}", false),
            ("List-Unsubscribe=One-Click-Not", false), ("--", false), ("--b", false),
            ("--b\r\n\r\nOne-Click\r\n--b--", false),
            ("List-Unsubscribe=One-Click", true), ("List-Unsubscribe=One-Click\r\n", true),
            ("list-unsubscribe=one-click", true), ("List-Unsubscribe=One%2DClick&a=b", true),
            (
                "--b7\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b7--\r\n",
                true
            ),
        ] as [(String, Bool)]
    )
    func onlyWhoSaysSoIsUnsubscribed(body: String, isMeant: Bool) async throws {
        let clinic = try TestClinic()
        let request = UnsubscribeRequest(
            token: try await token(clinic, "reader@example.org"),
            body: RawBody(Array(body.utf8))
        )
        let done = try await clinic.ask(endpoints.unsubscribe, request, as: .anonymous)
        #expect(done.status == (isMeant ? 200 : 422) && done.pointers == (isMeant ? [] : [""]))
        #expect(try await clinic.suppressionReasons() == (isMeant ? ["unsubscribe"] : []))
    }

    @Test func thePageIsPlain() async throws {
        let clinic = try TestClinic()
        let token = try await token(clinic, "reader@example.org")
        let page = try await clinic.page(endpoints.show, UnsubscribePath(token: token))
        #expect(page.contentType == "text/html; charset=utf-8")
        #expect(page.text.contains("<form method=\"post\">") && page.text.contains("List-Unsubscribe"))
        #expect(!page.text.contains("reader") && !page.text.contains("http"))
        let state = UnsubscribeState(channel: .email, category: .marketing, unsubscribed: true)
        for words in UnsubscribeWords.all {
            let done = UnsubscribePage.html(state, clinic: "<b>Dr. \"{kind}\" & Sons", in: words)
            #expect(done.contains("&lt;b&gt;Dr. &quot;{kind}&quot; &amp; Sons") && !done.contains("<form"))
            #expect(done.contains("<html lang=\"\(words.language)\">"))
            let bare = UnsubscribePage.html(state, clinic: nil, in: words)
            #expect(!bare.contains("{") && bare.contains(words.kinds.marketing))
        }
    }

    @Test func thePageIsInTheReadersLanguage() async throws {
        let clinic = try TestClinic()
        let token = try await token(clinic, "reader@example.org")
        func page(_ languages: String?) async throws -> String {
            let page = try await clinic.page(endpoints.show, UnsubscribePath(token: token), languages: languages)
            #expect(page.contentType == "text/html; charset=utf-8")
            #expect(page.text.contains("<form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">"))
            #expect(!page.text.contains("reader") && !page.text.contains("http"))
            return page.text
        }
        let german = try await page("fr, de-AT;q=0.9, en;q=0.5")
        #expect(german.contains("<html lang=\"de\">") && german.contains("keine Neuigkeiten und Angebote mehr"))
        let hindi = try await page("hi-IN")
        #expect(hindi.contains("<html lang=\"hi\">") && hindi.contains("समाचार और ऑफ़र"))
        for unknown in [nil, "fr", "*", "<script>"] {
            #expect(try await page(unknown).contains("Do you want no more news and offers at this address?"))
        }
        // Whose language nobody knows is asked in the clinic's.
        try await clinic.tellOfItself()
        #expect(try await page("fr").contains("keine Neuigkeiten und Angebote von Lindenhof mehr"))
        #expect(try await page("en-GB").contains("news and offers from Lindenhof at"))
        let done = try await clinic.page(
            endpoints.unsubscribe,
            UnsubscribeRequest(token: token),
            languages: "hi"
        )
        #expect(done.text.contains("<html lang=\"hi\">") && !done.text.contains("<form"))
        #expect(try await clinic.suppressionReasons() == ["unsubscribe"])
    }

    @Test func marketingCarriesItsLinkAndEndsWithIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.resend(sandbox.url("resend")))
            let address = "offers\(clinic.clinic.low)@example.com"
            let id = try await clinic.send(marketing(address))
            #expect(try await clinic.settled(id).status == .sent)
            let received = try #require(try await sandbox.received(for: address).first)
            let link = try #require(received.message["headers"]?["List-Unsubscribe"]?.string)
            #expect(received.message["headers"]?["List-Unsubscribe-Post"]?.string == "List-Unsubscribe=One-Click")
            let prefix = "<https://clinic.example/api/v1/public/unsubscribe/"
            #expect(link.hasPrefix(prefix) && link.hasSuffix(">"))
            let token = String(link.dropFirst(prefix.count).dropLast())
            let done = try await clinic.ask(endpoints.unsubscribe, UnsubscribeRequest(token: token), as: .anonymous)
            #expect(done.status == 200)
            let second = try await clinic.settled(try await clinic.send(marketing(address)), [.suppressed, .sent])
            #expect(second.status == .suppressed && second.reason?.code == "suppressed_unsubscribe")
            #expect(second.attempts.map(\.outcome) == [.skippedSuppressed])
            // What is not marketing still arrives, without such a link.
            let care = try await clinic.send(to: address)
            #expect(try await clinic.settled(care).status == .sent)
            let all = try await sandbox.received(for: address)
            #expect(all.count == 2 && all.count { $0.message["headers"]?["List-Unsubscribe"] != nil } == 1)
        }
    }

    /// What is kept of a message.
    private func stored(_ clinic: TestClinic, _ id: MessageID) async throws -> SealedContent {
        let (dataKeys, place) = (clinic.desk.dataKeys, clinic.clinic)
        return try await clinic.desk.database.database.transaction(for: Tenant(place, actor: "tests")) { tx in
            let found = try #require(try MessageStore.find(id, in: tx))
            return try SealedContent.open(found.sealed, of: id, with: try dataKeys.sealer(for: place, in: tx))
        }
    }

    /// A mail program may not offer what stands in the header.
    @Test func aMailOfMarketingEndsWithItsLink() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(email: [.smtp(port: 9)], sms: [.twilio("http://127.0.0.1:9")])
        var draft = marketing("reader@example.org")
        draft.to.phone = PhoneNumber("+4915112345678")
        draft.channels = [.sms, .email]
        draft.content?.html = "<html><body><p>A check-up for less.</p></BODY></html>"
        draft.locale = "de-AT"
        draft.sendAt = .now() + .seconds(3_600)
        let sent = try await stored(clinic, try await clinic.send(draft))
        let link = try #require(sent.unsubscribeLink)
        #expect(link.hasPrefix("https://clinic.example/api/v1/public/unsubscribe/"))
        let words = "Neuigkeiten und Angebote abbestellen"
        let email = sent.content(for: .email)
        #expect(email.subject == "Spring offer")
        #expect(email.text == "A check-up for less.\n\n\(words): \(link)")
        let paragraph = "<p lang=\"de\"><a href=\"\(link)\">\(words)</a></p>"
        #expect(email.html == "<html><body><p>A check-up for less.</p>\(paragraph)</BODY></html>")
        #expect(sent.content(for: .sms).text == "A check-up for less.")
        // Without a language it is English, and a page without an end has it there.
        draft.channels = [.email]
        draft.locale = nil
        draft.content?.html = "<p>A check-up for less.</p>"
        let plain = try await stored(clinic, try await clinic.send(draft))
        let other = try #require(plain.unsubscribeLink)
        let ending = "<p lang=\"en\"><a href=\"\(other)\">Unsubscribe from news and offers</a></p>"
        #expect(plain.content(for: .email).html == "<p>A check-up for less.</p>" + ending)
        #expect(plain.content(for: .email).text.hasSuffix("\n\nUnsubscribe from news and offers: \(other)"))
        // What is not marketing stays as it was written.
        draft.category = .care
        let care = try await stored(clinic, try await clinic.send(draft))
        #expect(care.unsubscribeLink == nil && care.content(for: .email).text == "A check-up for less.")
        #expect(care.content(for: .email).html == draft.content?.html)
        // There has to be room for it.
        draft.category = .marketing
        draft.content?.text = String(repeating: "a", count: MessageContent.longestText)
        let refused = try await clinic.ask(MessageDesk.endpoints.messages.send, draft)
        #expect(refused.status == 422 && refused.pointers == ["/content/text"])
    }

    @Test func theLinkIsNamedInTheLanguagesOfTheBuiltInTemplates() {
        let languages = Set(BuiltInTemplates.all.flatMap { $0.words.keys })
        #expect(Set(UnsubscribeWords.all.map(\.language)) == languages)
    }

    /// The texts of a template that says itself where to end it.
    private static let offer = TemplateTexts(
        email: EmailTexts(
            subject: "Spring offer",
            text: "A check-up for less. No more: {{unsubscribeLink}} (for good).",
            html: "<p>A check-up for less.</p><p><a href=\"{{unsubscribeLink}}\">No more</a> of this.</p>"
        ),
        sms: SMSText(text: "A check-up for less.")
    )

    @Test func aTemplateSaysItsLinkWhereItLikes() async throws {
        let clinic = try TestClinic()
        let templates = MessageDesk.endpoints.templates
        try await clinic.configure(email: [.smtp(port: 9)], sms: [.twilio("http://127.0.0.1:9")])
        let draft = TemplateDraft(name: "spring_offer", category: .marketing, contents: ["en": Self.offer])
        let made = try await clinic.ask(templates.create, draft)
        try #require(made.status == 201, "\(String(describing: made.problem))")
        let id = try #require(made.output?.id)
        #expect(try await clinic.ask(templates.publish, TemplatePublication(id: id)).status == 200)
        func check(_ email: RenderedContent, _ link: String) {
            #expect(email.text == "A check-up for less. No more: \(link) (for good).")
            #expect(email.html == "<p>A check-up for less.</p><p><a href=\"\(link)\">No more</a> of this.</p>")
        }
        let message = MessageDraft(
            to: RecipientDraft(email: EmailAddress("reader@example.org"), phone: PhoneNumber("+4915112345678")),
            channels: [.email, .sms],
            template: draft.name,
            sendAt: .now() + .seconds(3_600)
        )
        let sent = try await stored(clinic, try await clinic.send(message))
        check(sent.content(for: .email), try #require(sent.unsubscribeLink))
        #expect(sent.content(for: .sms).text == "A check-up for less.")
        // A preview and a test know it without being given it.
        let preview = try await clinic.ask(templates.preview, TemplatePreviewRequest(templateId: id))
        let shown = try #require(preview.output?.items.first)
        check(
            RenderedContent(subject: shown.subject, text: shown.text, html: shown.html),
            TemplateVariable.exampleOfUnsubscribeLink
        )
        let to = RecipientDraft(email: EmailAddress("reader@example.org"))
        let tested = try await clinic.ask(templates.test, TemplateTest(id: id, to: to))
        let test = try await stored(clinic, try #require(tested.output?.id))
        check(test.content(for: .email), try #require(test.unsubscribeLink))
        // What is in force would lose it.
        let turned = try await clinic.ask(templates.update, TemplatePatch(id: id, category: .care))
        #expect(turned.status == 422 && turned.pointers == ["/category"])
    }

    @Test func theLinkIsForMailsOfMarketingAlone() async throws {
        let clinic = try TestClinic()
        let templates = MessageDesk.endpoints.templates
        func pointers(
            _ texts: TemplateTexts,
            _ category: MessageCategory = .marketing,
            _ variables: [TemplateVariable]? = nil
        ) async throws -> [String] {
            let preview = TemplatePreviewRequest(variables: variables, contents: ["en": texts], category: category)
            let draft = TemplateDraft(
                name: "spring_offer",
                category: category,
                variables: variables,
                contents: ["en": texts]
            )
            let previewed = try await clinic.ask(templates.preview, preview)
            let made = try await clinic.ask(templates.create, draft)
            #expect(previewed.pointers == made.pointers)
            return made.pointers
        }
        #expect(try await pointers(Self.offer, .care) == ["/contents/en/email/text", "/contents/en/email/html"])
        var texted = Self.offer
        texted.sms = SMSText(text: "No more: {{unsubscribeLink}}")
        #expect(try await pointers(texted) == ["/contents/en/sms/text"])
        var headed = Self.offer
        headed.email?.subject = "No more: {{unsubscribeLink}}"
        #expect(try await pointers(headed) == ["/contents/en/email/subject"])
        let declared = TemplateVariable(name: TemplateVariable.unsubscribeLink.name, type: .link)
        #expect(try await pointers(Self.offer, .marketing, [declared]) == ["/variables/0/name"])
        #expect(try await pointers(Self.offer) == [])
    }

    /// A clinic with e-mail and SMS, and a patient who has ended marketing by e-mail when the body is run.
    private func withPatient(
        granting consented: [MessageChannel]? = nil,
        _ body: @Sendable @escaping (SandboxPlace, TestClinic, Endings) async throws -> Void
    ) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                email: [.resend(sandbox.url("resend"))],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            let patient = PatientID()
            let place = Endings(
                patient: patient,
                email: "ended\(clinic.clinic.low)@example.com",
                phone: "+4915\(Int.random(in: 100_000_000...999_999_999))"
            )
            try await clinic.tell(of: patient, email: place.email, phone: PhoneNumber(place.phone))
            if let consented {
                let preferences = ContactPreferencesDraft(
                    contactId: patient.retagged(),
                    categories: [CategoryPreference(category: .marketing, channels: consented)]
                )
                let answer = try await clinic.ask(MessageDesk.endpoints.preferences.put, preferences)
                try #require(answer.status == 200)
            }
            try await body(sandbox, clinic, place)
        }
    }

    private struct Endings {
        let patient: PatientID
        let email: String
        let phone: String

        func draft(_ category: MessageCategory, sendAt: Instant? = nil) -> MessageDraft {
            var draft = MessageDraft(
                to: RecipientDraft(patientId: patient),
                channels: [.email, .sms],
                content: MessageContent(subject: "Spring offer", text: "A check-up for less."),
                category: category
            )
            draft.sendAt = sendAt
            return draft
        }

        func end(_ clinic: TestClinic, _ reason: SuppressionReason) async throws {
            let draft = SuppressionDraft(channel: .email, address: email, category: .marketing, reason: reason)
            let answer = try await clinic.ask(MessageDesk.endpoints.suppressions.create, draft)
            try #require(answer.status == 201, "\(String(describing: answer.problem))")
        }
    }

    private static let ends: Set<MessageStatus> = [.suppressed, .sent, .failed]

    /// Whoever ends marketing by e-mail has not asked for it by SMS; of a message accepted before it is as true as of one after.
    @Test func marketingThatWasEndedIsNotPassedOn() async throws {
        try await withPatient { sandbox, clinic, place in
            let sendAt = Instant.now() + CurrentPreferences.freshFor + .seconds(1)
            let before = try await clinic.send(place.draft(.marketing, sendAt: sendAt))
            try await place.end(clinic, .unsubscribe)
            let after = try await clinic.send(place.draft(.marketing))
            for id in [before, after] {
                let message = try await clinic.settled(id, Self.ends)
                #expect(message.status == .suppressed && message.reason?.code == "suppressed_unsubscribe")
                #expect(message.attempts.map(\.channel) == [.email, .sms])
                #expect(message.attempts.allSatisfy { $0.outcome == .skippedSuppressed })
            }
            #expect(try await sandbox.received(for: place.phone).isEmpty)
            // What they are treated for still finds them, and what they end here another clinic is not told of.
            #expect(try await clinic.settled(try await clinic.send(place.draft(.care))).channel == .email)
            let other = try TestClinic()
            try await other.configure(
                email: [.resend(sandbox.url("resend"))],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            try await other.tell(of: place.patient, email: place.email, phone: PhoneNumber(place.phone))
            #expect(try await other.settled(try await other.send(place.draft(.marketing))).channel == .email)
        }
    }

    /// An address that takes nothing says nothing of what its owner wants.
    @Test func whatBouncesIsPassedOn() async throws {
        try await withPatient { sandbox, clinic, place in
            try await place.end(clinic, .hardBounce)
            let message = try await clinic.settled(try await clinic.send(place.draft(.marketing)), Self.ends)
            #expect(message.status == .sent && message.channel == .sms)
            #expect(try await sandbox.received(for: place.phone).count == 1)
        }
    }

    @Test func whereItIsConsentedToItIsPassedOn() async throws {
        try await withPatient(granting: [.email, .sms]) { sandbox, clinic, place in
            try await place.end(clinic, .complaint)
            let message = try await clinic.settled(try await clinic.send(place.draft(.marketing)), Self.ends)
            #expect(message.status == .sent && message.channel == .sms)
            #expect(message.attempts.map(\.outcome) == [.skippedSuppressed, .accepted])
            #expect(try await sandbox.received(for: place.phone).count == 1)
        }
    }

    @Test func withoutALinkThereIsNoMarketing() async throws {
        let clinic = try TestClinic()
        let sealer = try await clinic.desk.dataKeys.sealer(for: clinic.clinic)
        let address = try #require(ChannelAddress(.email, "a@example.org"))
        #expect(
            try links(clinic, publicURL: "").link(for: .init(address: address, category: .marketing), with: sealer)
                == nil
        )
    }
}

extension TestClinic {
    /// A reply that is not JSON.
    func page<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        languages: String? = nil
    ) async throws -> (contentType: String, text: String) {
        let request = BusRequest(
            operation: endpoint.name,
            principal: .anonymous,
            deadline: .after(.seconds(20)),
            idempotencyKey: "\(RequestID())",
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            accept: "text/html",
            headers: languages.map { [BusRequest.acceptLanguage: $0] } ?? [:],
            input: try JSONWriter.encode(input)
        )
        guard case .reply(let reply) = await desk.dispatcher.answer(request, redelivered: false) else {
            throw Problem.unavailable("The answer")
        }
        return (reply.contentType, String(decoding: reply.body, as: UTF8.self))
    }
}
