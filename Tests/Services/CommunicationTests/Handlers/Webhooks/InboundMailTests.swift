import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// E-mails from the webhook to the conversation, and reports in them from the mail server to the message.
@Suite(.timeLimit(.minutes(3))) struct InboundMailTests {
    private static let endpoint = MessageDesk.endpoints.deliveries.receive
    private static let conversations = MessageDesk.endpoints.conversations
    private static let token = "inbound-mail-token-0001"
    private static let receptionist = Principal(kind: .user, id: "\(UserID(high: 1, low: 3))", roles: ["PHARMACIST"])

    private func mail(
        _ text: String,
        from: String,
        id: String = "<\(RequestID())@example.com>",
        _ fields: String...
    ) -> [UInt8] {
        let head = ["From: \(from)", "To: clinic@example.com", "Subject: About tomorrow", "Message-ID: \(id)"] + fields
        return Array((head + ["", text]).joined(separator: "\r\n").utf8)
    }

    private func bring(
        _ body: [UInt8],
        to clinic: TestClinic,
        by provider: String = "smtp",
        headers: [String: String] = ["Authorization": "Bearer \(token)"]
    ) async throws -> Int {
        let input = WebhookPayload(provider: provider, clinicId: clinic.clinic, body: RawBody(body))
        let caller = Principal(kind: .provider, id: "test")
        return try await clinic.ask(Self.endpoint, input, as: caller, headers: headers).status
    }

    /// A clinic whose mail server sends and brings.
    private func clinic(_ sandbox: SandboxPlace? = nil, token: String = token) async throws -> TestClinic {
        let clinic = try TestClinic()
        var draft = ProviderDraft.smtp(port: sandbox?.smtpPort ?? 9)
        draft.credentials["verifyToken"] = .string(token)
        try await clinic.configure(draft)
        return clinic
    }

    private func listed(_ clinic: TestClinic, as principal: Principal = TestClinic.admin) async throws -> [Conversation]
    {
        let answer = try await clinic.ask(Self.conversations.list, ConversationSearch(), as: principal)
        return try #require(answer.output).items
    }

    private func messages(
        _ clinic: TestClinic,
        _ id: ConversationID,
        as principal: Principal = TestClinic.admin
    ) async throws -> [InboundMessage] {
        let answer = try await clinic.ask(Self.conversations.messages, .init(id: id), as: principal)
        return try #require(answer.output, "\(answer.status)").items
    }

    @Test func onlyWhoKnowsTheSecretBringsMail() async throws {
        let (clinic, other) = (try await clinic(), try await clinic(token: "another-clinics-token"))
        let bare = try TestClinic()
        try await bare.configure(.smtp(port: 9))
        let body = mail("Hello", from: "asha@example.com")
        let basic = Base64.encode(Array("anybody:\(Self.token)".utf8))
        for (header, status) in [
            ("Bearer \(Self.token)", 200), ("bearer \(Self.token)", 200), ("Basic \(basic)", 200),
            ("Bearer \(Self.token)x", 401), ("Bearer ", 401), ("Bearer", 401), ("", 401), ("Basic \(Self.token)", 401),
            ("Basic \(Base64.encode(Array("nobody".utf8)))", 401), ("Bearer another-clinics-token", 401),
            ("Digest \(Self.token)", 401),
        ] {
            #expect(try await bring(body, to: clinic, headers: ["Authorization": header]) == status, "\(header)")
        }
        #expect(try await bring(body, to: clinic, headers: [:]) == 401)
        #expect(try await bring(body, to: other) == 401)
        #expect(try await bring(body, to: bare) == 401)
        #expect(try await bring(body, to: try TestClinic()) == 401)
        #expect(try await listed(clinic).count == 1)
        #expect(try await listed(other).isEmpty)
        #expect(try await bring([], to: clinic) == 400)
    }

    @Test func theAddressIsShownWithoutItsSecretAndAShortOneIsRefused() async throws {
        let clinic = try await clinic()
        let path = ConfigurationPath(clinicId: clinic.clinic)
        let shown = try await clinic.ask(MessageDesk.endpoints.configuration.read, path).output?.email?.primary
        // Who knows it may bring e-mails in anybody's name: it is shown as other secrets are.
        #expect(shown?.verifyToken?.hasPrefix("••••") == true && shown?.verifyToken?.contains(Self.token) == false)
        #expect(shown?.credentials["verifyToken"]?.string == shown?.verifyToken)
        #expect(shown?.webhookUrl?.hasSuffix("/webhooks/communication/smtp/\(clinic.clinic)") == true)
        var draft = ProviderDraft.smtp(port: 9)
        draft.credentials["verifyToken"] = "short"
        let answer = try await clinic.ask(
            MessageDesk.endpoints.configuration.put,
            ConfigurationDraft(clinicId: clinic.clinic, email: ChannelDraft(primary: draft)),
            ifMatch: "*"
        )
        #expect(answer.status == 422 && answer.pointers == ["/email/primary/credentials/verifyToken"])
    }

    @Test func anEmailJoinsTheConversationOfItsSender() async throws {
        let (clinic, other) = (try await clinic(), try await clinic())
        let address = "asha\(clinic.clinic.low)@example.com"
        let first = mail("Can I come at ten?", from: "Asha <\(address)>")
        #expect(try await bring(first, to: clinic) == 200)
        #expect(try await bring(first, to: clinic) == 200)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<10 {
                group.addTask { try await bring(mail("Or at \(index)?", from: address.uppercased()), to: clinic) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 10))
        let found = try await listed(clinic)
        #expect(found.map(\.channel) == [.email] && found[0].address?.lowercased() == address)
        #expect(found[0].contactIds.count == 1)
        let said = try await messages(clinic, found[0].id)
        #expect(said.count == 11 && said.last?.text == "Can I come at ten?" && said.last?.subject == "About tomorrow")
        #expect(said.allSatisfy { $0.provider == "smtp" && !$0.isAutomatic && $0.command == nil })
        // Without the permission to read what messages say, neither words nor whose they are.
        let seen = try await listed(clinic, as: Self.receptionist)
        #expect(seen.count == 1 && seen[0].address == nil)
        #expect(try await messages(clinic, found[0].id, as: Self.receptionist).allSatisfy { $0.text == nil })
        #expect(try await listed(other).isEmpty)
        #expect(try await other.ask(Self.conversations.messages, .init(id: found[0].id)).status == 404)
    }

    @Test func pagesHoldEachMessageOnce() async throws {
        let clinic = try await clinic()
        for index in 0..<5 { _ = try await bring(mail("\(index)", from: "a\(index)@example.com"), to: clinic) }
        for index in 0..<4 { _ = try await bring(mail("\(index)", from: "a0@example.com"), to: clinic) }
        var (cursor, seen): (String?, [ConversationID]) = (nil, [])
        repeat {
            let page = try await clinic.ask(Self.conversations.list, .init(limit: 2, cursor: cursor))
            seen += try #require(page.output).items.map(\.id)
            cursor = page.output?.nextCursor
        } while cursor != nil
        #expect(seen.count == 5 && Set(seen).count == 5)
        var texts: [String?] = []
        repeat {
            let page = try await clinic.ask(Self.conversations.messages, .init(id: seen[0], limit: 2, cursor: cursor))
            texts += try #require(page.output).items.map(\.text)
            cursor = page.output?.nextCursor
        } while cursor != nil
        #expect(texts == ["3", "2", "1", "0", "0"])
        let contact = try #require(try await listed(clinic).first?.contactIds.first)
        let own = try await clinic.ask(Self.conversations.list, .init(contactId: contact)).output?.items
        #expect(own?.map(\.id) == [seen[0]])
        #expect(try await clinic.ask(Self.conversations.list, .init(channel: .sms)).output?.items.isEmpty == true)
        #expect(try await clinic.ask(Self.conversations.list, .init(cursor: "made-up")).status == 422)
    }

    /// A family's conversation may be about any of them.
    @Test func aPatientSeesTheirOwnConversationAlone() async throws {
        let clinic = try await clinic()
        for name in ["mine", "theirs", "shared"] {
            _ = try await bring(mail("Hello", from: "\(name)@example.com"), to: clinic)
        }
        let id = clinic.clinic
        let patient = PatientID()
        let index = AddressIndex(blindIndex: clinic.desk.blindIndex)
        try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
            tx.execute(
                """
                insert into contacts (clinic_id, id, patient_id, created_at, updated_at)
                values (clinic_id(), \(patient), \(patient), now(), now())
                """
            )
            for name in ["mine", "shared"] {
                guard let address = ChannelAddress(.email, "\(name)@example.com") else { continue }
                if name == "mine" {
                    tx.execute(
                        """
                        delete from contact_identities
                        where clinic_id = clinic_id() and address_index = \(index.token(address, id))
                        """
                    )
                }
                tx.execute(
                    """
                    insert into contact_identities (clinic_id, address_index, contact_id, kind)
                    values (clinic_id(), \(index.token(address, id)), \(patient), 'email')
                    """
                )
            }
        }
        let caller = Principal(kind: .user, id: "\(UserID())", roles: ["PATIENT"])
        let own = try await clinic.ask(Self.conversations.list, .init(), as: caller, scope: .own(patient))
        let mine = try #require(own.output?.items)
        #expect(mine.count == 1)
        let all = try await listed(clinic)
        for conversation in all {
            let answer = try await clinic.ask(
                Self.conversations.messages,
                .init(id: conversation.id),
                as: caller,
                scope: .own(patient)
            )
            #expect(answer.status == (conversation.id == mine.first?.id ? 200 : 404))
        }
        #expect(all.first { $0.id == mine.first?.id }?.address == "mine@example.com")
    }

    @Test func onlyAnAnswerToOurMessageIsACommand() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "asha\(clinic.clinic.low)@example.com"
            let appointment = AppointmentID()
            var draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address)),
                content: MessageContent(subject: "Tomorrow", text: "Answer CONFIRM or CANCEL.")
            )
            draft.reference = "appointment:\(appointment)"
            let id = try await clinic.send(draft)
            let sent = try await clinic.settled(id)
            let name = try #require(sent.attempts.first?.providerMessageId)
            let answers = "In-Reply-To: <\(name)@example.com>"
            let quote = "CONFIRM\r\n\r\nOn Friday, Clinic <clinic@example.com> wrote:\r\n> Answer CONFIRM or CANCEL."
            for (from, fields) in [
                (address, [answers]), (address, []), ("someone.else@example.com", [answers]),
                (address, ["References: <x@y> <\(name)@example.com>"]),
                (address, [answers, "Auto-Submitted: auto-replied"]),
                (address, ["In-Reply-To: <\(MessageID())@example.com>"]),
            ] as [(String, [String])] {
                let head = ["From: \(from)", "Subject: Re", "Message-ID: <\(RequestID())@x>"] + fields + ["", quote]
                #expect(try await bring(Array(head.joined(separator: "\r\n").utf8), to: clinic) == 200)
            }
            let events = try await clinic.toldOfTexts()
            #expect(events.map(\.command) == ["confirm", nil, nil, "confirm", nil, nil])
            #expect(events.map(\.appointmentId) == [appointment, nil, nil, appointment, nil, nil])
        }
    }

    /// Who answers a bill or an offer with a word about visits means no visit.
    @Test(arguments: [MessageCategory.billing, .marketing])
    func whatAnswersNoMessageAboutVisitsChangesNone(category: MessageCategory) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let address = "asha\(clinic.clinic.low)@example.com"
            let draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address)),
                content: MessageContent(subject: "News", text: "There is something new."),
                category: category
            )
            let message = try await clinic.settled(try await clinic.send(draft))
            let name = try #require(message.attempts.first?.providerMessageId)
            for word in ["Cancel", "No", "CONFIRM", "2", "STOP"] {
                let answer = mail(word, from: address, "In-Reply-To: <\(name)@example.com>")
                #expect(try await bring(answer, to: clinic) == 200)
            }
            let told = try await clinic.toldOfTexts()
            #expect(told.map(\.command) == [nil, nil, nil, nil, "stop"])
            #expect(told.allSatisfy { $0.choice == nil && $0.appointmentId == nil })
        }
    }

    /// Whoever answers one of ours with STOP is told so by e-mail, and may answer that.
    @Test func whoEndsMailsIsToldSo() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await ToldVisit(clinic: clinic).tellOfClinic()
            let address = "asha\(clinic.clinic.low)@example.com"
            func answer(_ message: Message, _ words: String) async throws {
                let name = try #require(message.attempts.first?.providerMessageId)
                let answered = mail(words, from: address, "In-Reply-To: <\(name)@example.com>")
                #expect(try await bring(answered, to: clinic) == 200)
            }
            func told(_ template: String) async throws -> Message {
                try await eventually("the confirmation \(template)") {
                    let list = MessageListRequest(recipient: address)
                    return try await clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items
                        .first { $0.template == template && $0.status == .sent }
                }
            }
            let draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address)),
                content: MessageContent(subject: "Tomorrow", text: "See you at ten.")
            )
            try await answer(try await clinic.settled(try await clinic.send(draft)), "STOP")
            let ended = try await told("reply_stop")
            let next = try await clinic.settled(try await clinic.send(draft), [.sent, .suppressed])
            #expect(next.status == .suppressed)
            try await answer(ended, "START")
            _ = try await told("reply_start")
            #expect(try await clinic.settled(try await clinic.send(draft), [.sent, .suppressed]).status == .sent)
            #expect(try await sandbox.received(for: address).count == 4)
        }
    }
}
