import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// What Meta tells of messages, and what patients write to a clinic's number.
@Suite(.timeLimit(.minutes(2))) struct MetaWebhookTests {
    private static let secret = "clinic-app-secret"
    private static let number = "106540352242922"

    private func phone(_ clinic: TestClinic) throws -> PhoneNumber {
        try #require(PhoneNumber("+9197\(10_000_000 + clinic.clinic.low % 90_000_000)"))
    }

    private func configure(_ clinic: TestClinic, _ sandbox: SandboxPlace, email: Bool = false) async throws {
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                email: email ? ChannelDraft(primary: .smtp(port: sandbox.smtpPort, password: "pw")) : nil,
                whatsapp: ChannelDraft(primary: .meta(sandbox.url("meta"), secret: Self.secret))
            )
        )
    }

    private func notice(
        _ value: [String: JSONValue],
        number: String = Self.number,
        field: String = "messages"
    ) throws -> [UInt8] {
        var value = value
        value["messaging_product"] = "whatsapp"
        value["metadata"] = ["display_phone_number": "15550783881", "phone_number_id": .string(number)]
        return try JSONWriter.encode(
            [
                "object": "whatsapp_business_account",
                "entry": [["id": "102290129340398", "changes": [["field": .string(field), "value": .object(value)]]]],
            ] as JSONValue
        )
    }

    /// What Meta tells of who stops offers, or wants them again.
    private func preference(_ clinic: TestClinic, _ value: String, at moment: Instant, number: String = Self.number)
        throws -> [UInt8]
    {
        try notice(
            [
                "user_preferences": [
                    [
                        "wa_id": .string(String(try phone(clinic).number.dropFirst())),
                        "detail": "User requested", "category": "marketing_messages", "value": .string(value),
                        "timestamp": .integer(moment.seconds),
                    ]
                ]
            ],
            number: number,
            field: "user_preferences"
        )
    }

    private func status(_ id: MessageID, _ name: String, code: Int64? = nil) throws -> [UInt8] {
        var status: [String: JSONValue] = [
            "id": .string("wamid.\(id)"), "status": .string(name), "timestamp": "1749854575",
            "biz_opaque_callback_data": .string("\(id)"),
        ]
        if let code { status["errors"] = [["code": .integer(code), "title": "t"]] }
        return try notice(["statuses": [.object(status)]])
    }

    private func heard(_ clinic: TestClinic, _ text: String, at moment: Instant = .now(), number: String = Self.number)
        throws -> [UInt8]
    {
        try notice(
            [
                "messages": [
                    [
                        "from": .string(String(try phone(clinic).number.dropFirst())),
                        "id": .string("wamid.\(RequestID())"),
                        "timestamp": .string("\(moment.seconds)"), "type": "text", "text": ["body": .string(text)],
                    ]
                ]
            ],
            number: number
        )
    }

    private func tell(_ clinic: TestClinic, _ body: [UInt8], secret: String = Self.secret) async throws -> Int {
        let headers = Dictionary(uniqueKeysWithValues: Meta.sign(secret, body, .now()))
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            WebhookPayload(provider: "meta", clinicId: clinic.clinic, body: RawBody(body)),
            as: .init(kind: .provider, id: "test"),
            headers: headers
        ).status
    }

    private func send(_ clinic: TestClinic, email: Bool = false, _ category: MessageCategory = .care) async throws
        -> Message
    {
        let draft = MessageDraft(
            to: RecipientDraft(
                email: email ? EmailAddress("m\(clinic.clinic.low)@example.com") : nil,
                phone: try phone(clinic)
            ),
            channels: email ? [.whatsapp, .email] : [.whatsapp],
            content: MessageContent(subject: "Hello", text: "Your results are in."),
            category: category
        )
        return try await clinic.settled(try await clinic.send(draft), [.sent, .failed, .suppressed])
    }

    /// What is suppressed for the clinic, as channel, category, reason and source.
    private func suppressed(_ clinic: TestClinic) async throws -> [String] {
        let list = try await clinic.ask(MessageDesk.endpoints.suppressions.list, SuppressionListRequest())
        return try #require(list.output?.items).map { item in
            [item.channel.rawValue, item.category?.rawValue ?? "all", item.reason.rawValue, item.source]
                .joined(separator: " ")
        }
    }

    @Test func whoStopsOffersInWhatsAppGetsNone() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            let phone = try phone(clinic)
            try await sandbox.call("/meta/inbound", ["from": .string(phone.number), "to": .string(Self.number)])
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let now = Instant.now()
            let (stop, resume) = (now - .seconds(600), now - .seconds(300))
            #expect(try await tell(clinic, preference(clinic, "stop", at: stop, number: "106540352242923")) == 200)
            #expect(try await tell(clinic, preference(clinic, "stop", at: stop), secret: "guessed") == 401)
            #expect(try await suppressed(clinic).isEmpty)
            for _ in 0..<2 { #expect(try await tell(clinic, preference(clinic, "stop", at: stop)) == 200) }
            #expect(try await suppressed(clinic) == ["whatsapp marketing stop provider:meta"])
            #expect(try await send(clinic, .marketing).status == .suppressed)
            #expect(try await send(clinic).status == .sent)
            #expect(try await tell(clinic, preference(clinic, "resume", at: resume)) == 200)
            // Told again, late: they have changed their mind since.
            #expect(try await tell(clinic, preference(clinic, "stop", at: stop)) == 200)
            #expect(try await suppressed(clinic).isEmpty)
            #expect(try await send(clinic, .marketing).status == .sent)
            // What was said before the last word takes nothing of it back.
            #expect(try await tell(clinic, preference(clinic, "stop", at: now)) == 200)
            #expect(try await tell(clinic, preference(clinic, "resume", at: resume + .seconds(60))) == 200)
            #expect(try await suppressed(clinic).count == 1)
        }
    }

    /// What they set in WhatsApp comes in any order, too.
    @Test func whatWasWantedLastHolds() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            let now = Instant.now()
            #expect(try await tell(clinic, preference(clinic, "resume", at: now - .seconds(60))) == 200)
            #expect(try await tell(clinic, preference(clinic, "stop", at: now - .seconds(3_600))) == 200)
            #expect(try await suppressed(clinic).isEmpty)
            // A word about all messages is another one.
            #expect(try await tell(clinic, heard(clinic, "STOP", at: now - .seconds(3_000))) == 200)
            #expect(try await suppressed(clinic) == ["whatsapp all stop keyword"])
            #expect(try await tell(clinic, heard(clinic, "START", at: now - .seconds(3_500))) == 200)
            #expect(try await send(clinic).status == .suppressed)
            #expect(try await tell(clinic, heard(clinic, "START", at: now)) == 200)
            #expect(try await suppressed(clinic).isEmpty)
        }
    }

    /// Meta says so only after it has taken the message.
    @Test func whoHasStoppedOffersIsNotSentThemElsewhere() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, email: true)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let id = try await send(clinic, email: true, .marketing).id
            #expect(try await tell(clinic, status(id, "failed", code: 131_050)) == 200)
            let message = try await clinic.message(id)
            #expect(message.status == .suppressed && message.reason?.code == "marketing_stopped")
            #expect(message.attempts.map(\.channel) == [.whatsapp])
            #expect(try await suppressed(clinic) == ["whatsapp marketing stop provider:meta"])
            // A visit is told of all the same: what Meta takes for an offer goes by e-mail.
            let care = try await send(clinic, email: true).id
            #expect(try await tell(clinic, status(care, "failed", code: 131_050)) == 200)
            try await eventually("the next channel") {
                let message = try await clinic.message(care)
                return message.status == .sent && message.channel == .email
            }
        }
    }

    @Test func whoWritesMayBeWrittenTo() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await send(clinic).attempts.map(\.providerCode) == ["outside_window"])
            // Told a day late, and to another number: neither begins a conversation with this one.
            #expect(try await tell(clinic, heard(clinic, "hello", at: .now() - .seconds(86_400))) == 200)
            #expect(try await tell(clinic, heard(clinic, "hello", number: "106540352242923")) == 200)
            #expect(try await send(clinic).attempts.map(\.providerCode) == ["outside_window"])
            #expect(try await tell(clinic, heard(clinic, "hello"), secret: "guessed") == 401)
            #expect(try await send(clinic).attempts.map(\.providerCode) == ["outside_window"])
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let message = try await send(clinic)
            #expect(message.status == .sent && message.attempts.map(\.outcome) == [.accepted])
        }
    }

    @Test func whatBecomesOfAMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let read = try await send(clinic).id
            // In any order, and without `delivered`: what was read has arrived.
            for name in ["read", "sent", "delivered", "read"] {
                #expect(try await tell(clinic, status(read, name)) == 200)
                #expect(try await clinic.message(read).status == .opened)
            }
            let failed = try await send(clinic).id
            #expect(try await tell(clinic, status(failed, "failed", code: 131_049)) == 200)
            let message = try await clinic.message(failed)
            #expect(message.status == .failed && message.reason?.code == "rejected")
            #expect(try await tell(clinic, status(failed, "delivered"), secret: "guessed") == 401)
            #expect(try await clinic.message(failed).status == .failed)
            #expect(try await tell(clinic, Array("{}".utf8)) == 400)
        }
    }

    /// A telephone that got the message takes messages, in whatever order both are told.
    @Test(
        arguments: [
            (["read", "failed"], false), (["failed", "read"], false), (["delivered", "failed", "failed"], false),
            (["failed", "delivered", "failed"], false), (["failed"], true), (["sent", "failed"], true),
        ] as [([String], Bool)]
    )
    func whoGotAMessageTakesMessages(statuses: [String], isSuppressed: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let id = try await send(clinic).id
            for name in statuses {
                #expect(try await tell(clinic, status(id, name, code: name == "failed" ? 131_026 : nil)) == 200)
            }
            #expect(try await suppressed(clinic) == (isSuppressed ? ["whatsapp all hard_bounce provider:meta"] : []))
            #expect(try await send(clinic).status == (isSuppressed ? .suppressed : .sent))
        }
    }

    /// Whoever writes from an address has it, whatever was said of it before; the trail tells why it is written to again.
    @Test func whoWritesIsThere() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let id = try await send(clinic).id
            #expect(try await tell(clinic, status(id, "failed", code: 131_026)) == 200)
            #expect(try await send(clinic).status == .suppressed)
            // Written before the message: it says nothing of what came after.
            #expect(try await tell(clinic, heard(clinic, "late", at: .now() - .seconds(3_600))) == 200)
            #expect(try await suppressed(clinic).count == 1)
            #expect(try await tell(clinic, heard(clinic, "Are you there?")) == 200)
            #expect(try await suppressed(clinic).isEmpty)
            #expect(try await send(clinic).status == .sent)
            let lifts = try await clinic.desk.database.audit(of: clinic.clinic).filter {
                $0.action == CommunicationPermissions.deleteSuppressions.name
            }
            #expect(lifts.map(\.reason) == ["heard"] && lifts.map(\.actor.id) == ["meta"])
        }
    }

    @Test func whatDidNotArriveGoesOn() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, email: true)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let id = try await send(clinic, email: true).id
            #expect(try await tell(clinic, status(id, "failed", code: 131_047)) == 200)
            let message = try await eventually("the next channel") {
                let message = try await clinic.message(id)
                return message.status == .sent && message.channel == .email ? message : nil
            }
            // WhatsApp had its second turn, and there is no template that could begin a conversation.
            #expect(message.attempts.map(\.channel) == [.whatsapp, .whatsapp, .email])
            #expect(message.attempts.map(\.providerCode)[1] == "outside_window")
            // Told again, and late: it has gone on.
            #expect(try await tell(clinic, status(id, "failed", code: 131_047)) == 200)
            #expect(try await clinic.message(id).attempts.count == 3)
        }
    }

    /// Though the message is over by then: the next text is not tried in vain.
    @Test func aConversationIsOverThoughTheMessageHasExpired() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let id = try await send(clinic).id
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute(
                    """
                    update messages set expires_at = now() - interval '1 minute'
                    where clinic_id = clinic_id() and id = \(id)
                    """
                )
            }
            #expect(try await tell(clinic, status(id, "failed", code: 131_047)) == 200)
            let message = try await clinic.message(id)
            #expect(message.status == .failed && message.reason?.code == "outside_window")
            #expect(message.attempts.count == 1)
            #expect(try await send(clinic).attempts.map(\.providerCode) == ["outside_window"])
        }
    }

    @Test func aRefusedTemplateIsToldToTheClinicsPeople() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let account = "102290129340398"
            var meta = ProviderDraft.meta(sandbox.url("meta"), secret: Self.secret)
            meta.credentials["businessAccountId"] = .string(account)
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort)),
                    whatsapp: ChannelDraft(primary: meta)
                )
            )
            let address = "alert\(clinic.clinic.low)@example.com"
            let recipient = AlertRecipient(email: EmailAddress(address))
            let routes = AlertRoutesDraft(
                clinicId: clinic.clinic,
                routes: [AlertRoute(alert: .templateRejected, to: [recipient])]
            )
            #expect(try await clinic.ask(MessageDesk.endpoints.alerts.put, routes).status == 200)
            func update(_ event: String, of account: String) throws -> [UInt8] {
                let value: JSONValue = [
                    "event": .string(event), "message_template_id": 12345, "message_template_name": "visit_reminder",
                    "message_template_language": "en_US", "reason": "INVALID_FORMAT",
                ]
                let change: JSONValue = ["field": "message_template_status_update", "value": value]
                return try JSONWriter.encode(
                    [
                        "object": "whatsapp_business_account",
                        "entry": [["id": .string(account), "time": 1, "changes": [change]]],
                    ] as JSONValue
                )
            }
            // Approved, of another account, and not signed: nothing to tell.
            #expect(try await tell(clinic, update("APPROVED", of: account)) == 200)
            #expect(try await tell(clinic, update("REJECTED", of: "1")) == 200)
            #expect(try await tell(clinic, update("REJECTED", of: account), secret: "guessed") == 401)
            #expect(try await tell(clinic, update("REJECTED", of: account)) == 200)
            #expect(try await tell(clinic, update("REJECTED", of: account)) == 200)
            try await eventually("the alert") { try await sandbox.received(for: address).count == 1 }
            let text = try await sandbox.received(for: address).first?.message["text"]?.string
            #expect(text?.contains("visit_reminder (en_US), rejected") == true)
        }
    }

    /// One app stands behind several numbers of a clinic: each is told what is about it.
    @Test func eachOfAClinicsNumbersIsHeard() async throws {
        let (clinic, other) = (try TestClinic(), "106540352242923")
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                whatsapp: ChannelDraft(
                    primary: .meta(SandboxPlace.nowhere, secret: Self.secret),
                    fallback: [.meta(SandboxPlace.nowhere, number: other, secret: Self.secret)]
                )
            )
        )
        #expect(try await tell(clinic, heard(clinic, "To the first")) == 200)
        #expect(try await tell(clinic, heard(clinic, "To the second", number: other)) == 200)
        #expect(Set(try await clinic.heard().compactMap(\.text)) == ["To the first", "To the second"])
        #expect(try await tell(clinic, preference(clinic, "stop", at: .now(), number: other)) == 200)
        #expect(try await suppressed(clinic) == ["whatsapp marketing stop provider:meta"])
    }

    @Test func aClinicsNoticeIsNotAnothers() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await configure(clinic, sandbox)
            try await configure(other, sandbox)
            #expect(try await tell(clinic, heard(clinic, "hello")) == 200)
            let id = try await send(clinic).id
            // Both numbers belong to one app: its secret signs for either.
            #expect(try await tell(other, status(id, "read")) == 200)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await tell(try TestClinic(), status(id, "read")) == 401)
        }
    }
}
