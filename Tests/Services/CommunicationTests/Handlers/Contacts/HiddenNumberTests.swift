import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// People who write by WhatsApp and hide their number: known, answered and left alone by what WhatsApp calls them.
@Suite(.timeLimit(.minutes(3))) struct HiddenNumberTests {
    private static let secret = "clinic-app-secret"
    private static let number = "106540352242922"

    private func user(_ clinic: TestClinic) throws -> WhatsAppUserID {
        try #require(WhatsAppUserID("IN.\(clinic.clinic.low)"))
    }

    private func phone(_ clinic: TestClinic) throws -> PhoneNumber {
        try #require(PhoneNumber("+9198\(10_000_000 + clinic.clinic.low % 90_000_000)"))
    }

    private func clinic(_ sandbox: SandboxPlace, andTwilioFirst: Bool = false) async throws -> TestClinic {
        let clinic = try TestClinic()
        let meta = ProviderDraft.meta(sandbox.url("meta"), secret: Self.secret)
        var twilio = ProviderDraft.twilio(sandbox.url("twilio"))
        twilio.credentials["fromNumber"] = nil
        twilio.credentials["whatsappNumber"] = "+14155238886"
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                whatsapp: andTwilioFirst
                    ? ChannelDraft(primary: twilio, fallback: [meta]) : ChannelDraft(primary: meta)
            )
        )
        return clinic
    }

    /// What Meta tells of a text, by number, by user id or by both; gives the status of our answer.
    private func hear(
        _ text: String,
        from phone: PhoneNumber? = nil,
        _ user: WhatsAppUserID? = nil,
        id: String = "\(RequestID())",
        said: Instant = .now(),
        at clinic: TestClinic
    ) async throws -> Int {
        var message: [String: JSONValue] = [
            "id": .string("wamid.\(id)"), "timestamp": .string("\(said.seconds)"), "type": "text",
            "text": ["body": .string(text)],
        ]
        if let phone { message["from"] = .string(String(phone.number.dropFirst())) }
        if let user { message["from_user_id"] = .string(user.id) }
        return try await notify(.object(message), at: clinic)
    }

    /// What Meta tells of somebody who goes by another id; gives the status of our answer.
    private func change(_ user: WhatsAppUserID, to other: WhatsAppUserID, at clinic: TestClinic) async throws -> Int {
        let message: JSONValue = [
            "id": .string("wamid.\(RequestID())"), "timestamp": .string("\(Instant.now().seconds)"),
            "type": "system",
            "system": [
                "body": .string("User Ravi changed from \(user) to \(other)"), "user_id": .string(other.id),
                "type": "user_changed_user_id",
            ],
        ]
        return try await notify(message, at: clinic)
    }

    /// Has Meta tell of one message; gives the status of our answer.
    private func notify(_ message: JSONValue, at clinic: TestClinic) async throws -> Int {
        let value: JSONValue = [
            "messaging_product": "whatsapp",
            "metadata": ["display_phone_number": "15550783881", "phone_number_id": .string(Self.number)],
            "messages": [message],
        ]
        let body = try JSONWriter.encode(
            [
                "object": "whatsapp_business_account",
                "entry": [["id": "102290129340398", "changes": [["field": "messages", "value": value]]]],
            ] as JSONValue
        )
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            WebhookPayload(provider: "meta", clinicId: clinic.clinic, body: RawBody(body)),
            as: .init(kind: .provider, id: "test"),
            headers: Dictionary(uniqueKeysWithValues: Meta.sign(Self.secret, body, .now()))
        ).status
    }

    @Test func whoGoesByAnotherIDIsTheSameContact() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, bystander) = (try await clinic(sandbox), try await clinic(sandbox))
            let user = try user(clinic)
            let other = try #require(WhatsAppUserID("\(user)9"))
            for one in [clinic, bystander] { #expect(try await hear("Hello", user, at: one) == 200) }
            let before = try #require(try await conversations(clinic).first)
            for _ in 0..<2 { #expect(try await change(user, to: other, at: clinic) == 200) }
            let found = try await conversations(clinic)
            #expect(found.map(\.id) == [before.id] && found.first?.address == other.id)
            #expect(found.first?.contactIds == before.contactIds)
            #expect(try await hear("STOP", other, at: clinic) == 200)
            #expect(try await conversations(clinic).map(\.id) == [before.id])
            // What they said of messages goes with them, back as well.
            #expect(try await change(other, to: user, at: clinic) == 200)
            let message = try await send(RecipientDraft(whatsAppUserId: user), clinic)
            #expect(message.status == .suppressed)
            #expect(try await conversations(bystander).map(\.address) == [user.id])
        }
    }

    private func conversations(_ clinic: TestClinic) async throws -> [Conversation] {
        try #require(try await clinic.ask(MessageDesk.endpoints.conversations.list, .init()).output?.items)
    }

    private func send(_ to: RecipientDraft, _ clinic: TestClinic) async throws -> Message {
        let draft = MessageDraft(to: to, channels: [.whatsapp], content: MessageContent(text: "Come in."))
        return try await clinic.settled(
            try await clinic.send(draft),
            [.sent, .failed, .suppressed, .unknown, .expired]
        )
    }

    @Test(arguments: [false, true]) func whoHidesTheirNumberIsKnownAndWrittenTo(andTwilioFirst: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, andTwilioFirst: andTwilioFirst)
            let other = try await self.clinic(sandbox)
            let user = try user(clinic)
            try await sandbox.call("/meta/inbound", ["userId": .string(user.id), "to": .string(Self.number)])
            for _ in 0..<2 { #expect(try await hear("Hello", user, id: "same", at: clinic) == 200) }
            let found = try await conversations(clinic)
            #expect(found.map(\.address) == [user.id] && found.first?.patientIds == [])
            let contact = try #require(found.first?.contactIds.first)
            for recipient in [RecipientDraft(contactId: contact), RecipientDraft(whatsAppUserId: user)] {
                let message = try await send(recipient, clinic)
                #expect(message.status == .sent && message.to?.whatsAppUserId == user, "\(message.attempts)")
                #expect(message.attempts.map(\.provider) == ["meta"])
            }
            #expect(try await sandbox.received(for: user.id).count == 2)
            let list = MessageListRequest(recipient: user.id)
            #expect(try await clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items.count == 2)
            // Another clinic has never heard of them, and text messages need a number.
            #expect(try await conversations(other).isEmpty)
            #expect(try await other.ask(MessageDesk.endpoints.messages.list, list).output?.items.isEmpty == true)
            let text = MessageDraft(
                to: RecipientDraft(whatsAppUserId: user),
                channels: [.sms],
                content: MessageContent(text: "Hello")
            )
            #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, text).status == 409)
        }
    }

    @Test func aStopEndsMessagesToTheUserID() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let user = try user(clinic)
            let to = RecipientDraft(whatsAppUserId: user)
            try await sandbox.call("/meta/inbound", ["userId": .string(user.id), "to": .string(Self.number)])
            // A moment ago: Meta tells no more than the second.
            #expect(try await hear("STOP", user, said: .now() - .seconds(2), at: clinic) == 200)
            let stopped = try await clinic.ask(
                MessageDesk.endpoints.suppressions.create,
                SuppressionDraft(channel: .whatsapp, address: user.id, reason: .stop)
            )
            #expect(stopped.status == 200 && stopped.output?.source == "keyword")
            #expect(try await send(to, clinic).status == .suppressed)
            #expect(try await hear("START", user, at: clinic) == 200)
            #expect(try await send(to, clinic).status == .sent)
        }
    }

    @Test func whoShowedTheirNumberOnceIsKnownWithoutIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let (user, phone) = (try user(clinic), try phone(clinic))
            try await sandbox.call(
                "/meta/inbound",
                ["from": .string(phone.number), "userId": .string(user.id), "to": .string(Self.number)]
            )
            #expect(try await hear("Hello", from: phone, user, at: clinic) == 200)
            #expect(try await hear("Me again", user, at: clinic) == 200)
            let found = try await conversations(clinic)
            #expect(Set(found.compactMap(\.address)) == [phone.number, user.id])
            #expect(Set(found.map(\.contactIds)).count == 1)
            #expect(try await send(RecipientDraft(phone: phone), clinic).status == .sent)
            // Whoever ends messages under one name has ended them under the other.
            #expect(try await hear("STOP", user, said: .now() - .seconds(2), at: clinic) == 200)
            for to in [RecipientDraft(phone: phone), RecipientDraft(whatsAppUserId: user)] {
                #expect(try await send(to, clinic).status == .suppressed)
            }
            #expect(try await hear("START", from: phone, at: clinic) == 200)
            for to in [RecipientDraft(phone: phone), RecipientDraft(whatsAppUserId: user)] {
                #expect(try await send(to, clinic).status == .sent)
            }
        }
    }

    @Test func aCommandIsAnsweredWhereItWasWritten() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let user = try user(clinic)
            try await ToldVisit(clinic: clinic, phone: try phone(clinic)).tellOfClinic()
            try await sandbox.call("/meta/inbound", ["userId": .string(user.id), "to": .string(Self.number)])
            #expect(try await hear("help", user, at: clinic) == 200)
            try await eventually("the answer") { try await sandbox.received(for: user.id).count == 1 }
            let told = try await clinic.desk.database.inspect(
                "select payload from outbox where clinic_id = \(clinic.clinic) and name = 'message.received'"
            ) { rows in try rows.map { try JSONTape(try $0[0]).decode(InboundMessageReceived.self) } }
            #expect(told.map(\.command) == ["help"] && told.first?.patientIds == [])
        }
    }

    @Test(
        arguments: [
            ("IN.1234", true), ("US.13491208655302741918", true), ("DE.aZ09", true), ("", false), ("IN.", false),
            ("in.1", false), ("IND.1", false), ("IN.1.2", false), ("IN.1/2", false), ("+919876543210", false),
            ("IN." + String(repeating: "1", count: 129), false), ("IN.١", false),
        ]
    ) func whatIsAUserID(text: String, isOne: Bool) {
        #expect((WhatsAppUserID(text) != nil) == isOne)
    }
}
