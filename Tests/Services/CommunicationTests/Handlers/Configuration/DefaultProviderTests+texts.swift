import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// What is written to the installation's own numbers, from which many clinics write.
extension DefaultProviderTests {
    /// Has Twilio bring a text to the installation's number; gives the status of our answer.
    private func bring(
        _ text: String,
        from number: PhoneNumber,
        sid: String = "SM\(RequestID())",
        answering answered: String? = nil,
        optOut: String? = nil,
        token: String = "twilio-sandbox-token",
        at clinic: TestClinic
    ) async throws -> Int {
        var pairs: [(name: String, value: String)] = [
            ("MessageSid", sid), ("Body", text), ("To", "+15005550006"), ("From", number.number),
            ("AccountSid", "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), ("NumMedia", "0"),
        ]
        if let answered { pairs.append(("OriginalRepliedMessageSid", answered)) }
        if let optOut { pairs.append(("OptOutType", optOut)) }
        let url = "https://clinic.example/api/v1/webhooks/communication/twilio/installation"
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receiveShared,
            SharedWebhookPayload(provider: "twilio", body: RawBody(Communication.FormBody.encode(pairs))),
            as: Principal(kind: .provider, id: "test"),
            headers: ["X-Twilio-Signature": Sandbox.TwilioSignature.make(token, url, pairs)]
        ).status
    }

    /// Has Meta tell something of the installation's number; gives the status of our answer.
    private func tell(_ value: [String: JSONValue], _ field: String = "messages", at clinic: TestClinic) async throws
        -> Int
    {
        var value = value
        value["metadata"] = ["display_phone_number": "15550783881", "phone_number_id": "106540352242922"]
        let body = try JSONWriter.encode(
            [
                "object": "whatsapp_business_account",
                "entry": [
                    ["id": "102290129340398", "changes": [["field": .string(field), "value": .object(value)]]]
                ],
            ] as JSONValue
        )
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receiveShared,
            SharedWebhookPayload(provider: "meta", body: RawBody(body)),
            as: Principal(kind: .provider, id: "test"),
            headers: Dictionary(uniqueKeysWithValues: Meta.sign("clinic-app-secret", body, .now()))
        ).status
    }

    /// A text as Meta tells of it.
    private func said(
        _ text: String,
        from number: PhoneNumber,
        answering answered: String? = nil,
        at moment: Instant = .now()
    ) -> [String: JSONValue] {
        var message: [String: JSONValue] = [
            "from": .string(String(number.number.dropFirst())), "id": .string("wamid.\(RequestID())"),
            "timestamp": .string("\(moment.seconds)"), "type": "text", "text": ["body": .string(text)],
        ]
        if let answered { message["context"] = ["from": "15550783881", "id": .string(answered)] }
        return ["messages": [.object(message)]]
    }

    /// That somebody has another number now, as Meta tells of it.
    private func changed(_ number: PhoneNumber, to other: PhoneNumber) -> JSONValue {
        [
            "from": .string(String(number.number.dropFirst())), "id": .string("wamid.\(RequestID())"),
            "timestamp": .string("\(Instant.now().seconds)"), "type": "system",
            "system": [
                "body": "They changed", "wa_id": .string(String(other.number.dropFirst())),
                "type": "user_changed_number",
            ],
        ]
    }

    /// Notes that clinics have written to somebody from Meta's number of the installation.
    private func noteWriting(to number: PhoneNumber, by clinics: [TestClinic]) async throws {
        for clinic in clinics {
            let hash = ProviderIDHash(blindIndex: clinic.desk.blindIndex)
                .hash("meta", to: ChannelAddress(number, on: .whatsapp))
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                RecipientClinicStore.insert(hash, at: .now(), in: tx)
            }
        }
    }

    private func write(_ clinic: TestClinic, to number: PhoneNumber, _ channel: MessageChannel = .sms) async throws
        -> Message
    {
        let draft = MessageDraft(
            to: RecipientDraft(phone: number),
            channels: [channel],
            content: MessageContent(text: "Tomorrow at ten?")
        )
        return try await clinic.settled(try await clinic.send(draft), [.sent, .failed, .suppressed])
    }

    private func heard(_ clinic: TestClinic) async throws -> Set<String> {
        Set(try await clinic.heard().compactMap(\.text))
    }

    private func configure(_ draft: DefaultProvidersDraft, _ clinic: TestClinic) async throws {
        try await delete(clinic)
        let made = try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*")
        try #require(made.status == 201, "\(String(describing: made.problem))")
    }

    /// A text is for the clinic that it answers, or that alone wrote to its sender.
    @Test func whatIsAnsweredToItsNumberIsForTheClinicThatWrote() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            try await configure(
                DefaultProvidersDraft(sms: ChannelDraft(primary: .twilio(sandbox.url("twilio")))),
                first
            )
            let number = try #require(PhoneNumber("+49151\(10_000_000 + first.clinic.low % 80_000_000)"))
            let stranger = try #require(PhoneNumber("+4915100000000"))
            #expect(try await bring("Too early", from: number, at: first) == 204)
            let asked = try await write(first, to: number)
            #expect(asked.status == .sent)
            #expect(try await bring("Yes", from: number, token: "another-token", at: first) == 401)
            #expect(try await bring("Yes", from: number, at: first) == 204)
            #expect(try await bring("Who is it?", from: stranger, at: first) == 204)
            let later = try await write(second, to: number)
            #expect(later.status == .sent)
            // Either may be meant now, and neither is shown what may be the other's.
            #expect(try await bring("Here is my result", from: number, at: first) == 204)
            let (mine, others) = (asked.attempts.first?.providerMessageId, later.attempts.first?.providerMessageId)
            #expect(try await bring("No", from: number, answering: mine, at: first) == 204)
            #expect(try await bring("Perhaps", from: number, answering: others, at: first) == 204)
            #expect(try await bring("Nothing of ours", from: number, answering: "SM0", at: first) == 204)
            #expect(try await heard(first) == ["Yes", "No"])
            #expect(try await heard(second) == ["Perhaps"])
        }
    }

    /// Who has told a number of several clinics to stop is left alone by each of them that wrote.
    @Test func aStopThatMayBeForEitherIsHeededByBoth() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second, third) = (try clinic(), try clinic(), try clinic())
            try await configure(
                DefaultProvidersDraft(sms: ChannelDraft(primary: .twilio(sandbox.url("twilio")))),
                first
            )
            let number = try #require(PhoneNumber("+49152\(10_000_000 + first.clinic.low % 80_000_000)"))
            for clinic in [first, second] { #expect(try await write(clinic, to: number).status == .sent) }
            let stop = "SM\(RequestID())"
            #expect(try await bring("STOP", from: number, sid: stop, at: first) == 204)
            for clinic in [first, second] {
                #expect(try await clinic.suppressionReasons() == ["stop"])
                #expect(try await write(clinic, to: number).status == .suppressed)
                #expect(try await heard(clinic).isEmpty)
            }
            #expect(try await third.suppressionReasons().isEmpty)
            #expect(try await bring("START", from: number, at: first) == 204)
            // Brought again, late: they have changed their mind since.
            #expect(try await bring("STOP", from: number, sid: stop, at: first) == 204)
            var asked: [String?] = []
            for clinic in [first, second] {
                let message = try await write(clinic, to: number)
                #expect(message.status == .sent)
                asked.append(message.attempts.first?.providerMessageId)
            }
            // Said to one of them it is for that one, unless the provider itself has ended everything.
            #expect(try await bring("STOP", from: number, answering: asked[0], at: first) == 204)
            #expect(try await first.suppressionReasons() == ["stop"])
            #expect(try await second.suppressionReasons().isEmpty)
            #expect(try await bring("STOP", from: number, answering: asked[0], optOut: "STOP", at: first) == 204)
            #expect(try await second.suppressionReasons() == ["stop"])
            #expect(try await heard(first) == ["STOP"])
            #expect(try await heard(second).isEmpty)
        }
    }

    /// The clinic that it is for says that it has heard it; those that it may not be for heed it and are silent.
    @Test func aStopIsConfirmedByTheClinicThatItIsFor() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            try await configure(
                DefaultProvidersDraft(whatsapp: ChannelDraft(primary: .meta(sandbox.url("meta")))),
                first
            )
            let shared = try #require(PhoneNumber("+9194\(10_000_000 + first.clinic.low % 90_000_000)"))
            let own = try #require(PhoneNumber("+9195\(10_000_000 + first.clinic.low % 90_000_000)"))
            for (clinic, numbers) in [(first, [shared, own]), (second, [shared])] {
                try await ToldVisit(clinic: clinic).tellOfClinic()
                let providerIDs = ProviderIDHash(blindIndex: clinic.desk.blindIndex)
                let hashes = numbers.map { providerIDs.hash("meta", to: ChannelAddress($0, on: .whatsapp)) }
                try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                    for hash in hashes { RecipientClinicStore.insert(hash, at: .now(), in: tx) }
                }
            }
            func confirmed(_ number: PhoneNumber) async throws -> [String?] {
                let list = MessageListRequest(recipient: number.number)
                let messages = try await first.ask(MessageDesk.endpoints.messages.list, list).output?.items ?? []
                return messages.filter { $0.status == .sent }.map(\.template)
            }
            let now = Instant.now()
            #expect(try await tell(said("STOP", from: shared, at: now - .seconds(60)), at: first) == 200)
            for clinic in [first, second] { #expect(try await clinic.suppressionReasons() == ["stop"]) }
            #expect(try await tell(said("START", from: shared, at: now - .seconds(30)), at: first) == 200)
            #expect(try await tell(said("STOP", from: own, at: now), at: first) == 200)
            try await eventually("the confirmation") { try await confirmed(own) == ["reply_stop"] }
            #expect(try await first.suppressionReasons() == ["stop"])
            #expect(try await second.suppressionReasons().isEmpty)
            for clinic in [first, second] { try await clinic.silence() }
            #expect(try await sandbox.received(for: shared.number).isEmpty)
            #expect(try await sandbox.received(for: own.number).count == 1)
        }
    }

    /// Who has told WhatsApp that the installation's number is to send no offers gets none of any clinic that wrote from it.
    @Test func whoStopsOffersOfItsNumberGetsNoneFromAnybody() async throws {
        let (first, second, third) = (try clinic(), try clinic(), try clinic())
        try await configure(
            DefaultProvidersDraft(whatsapp: ChannelDraft(primary: .meta(SandboxPlace.nowhere))),
            first
        )
        let number = try #require(PhoneNumber("+9193\(10_000_000 + first.clinic.low % 90_000_000)"))
        try await noteWriting(to: number, by: [first, second])
        func prefer(_ value: String, _ seconds: Int64) -> [String: JSONValue] {
            let preference: JSONValue = [
                "wa_id": .string(String(number.number.dropFirst())), "category": "marketing_messages",
                "value": .string(value), "timestamp": .integer(Instant.now().seconds + seconds),
            ]
            return ["user_preferences": [preference]]
        }
        #expect(try await tell(prefer("stop", -60), "user_preferences", at: first) == 200)
        for clinic in [first, second] { #expect(try await clinic.suppressionReasons() == ["stop"]) }
        #expect(try await third.suppressionReasons().isEmpty)
        #expect(try await tell(prefer("resume", 0), "user_preferences", at: first) == 200)
        for clinic in [first, second] { #expect(try await clinic.suppressionReasons().isEmpty) }
    }

    /// A clinic whose message was never handed over has not written to anybody.
    @Test func whoHandsNothingOverHearsNothing() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            try await configure(
                DefaultProvidersDraft(whatsapp: ChannelDraft(primary: .meta(sandbox.url("meta")))),
                first
            )
            let number = try #require(PhoneNumber("+9196\(10_000_000 + first.clinic.low % 90_000_000)"))
            let other = try #require(PhoneNumber("+9195\(10_000_000 + first.clinic.low % 90_000_000)"))
            try await sandbox.call("/meta/inbound", ["from": .string(number.number), "to": "106540352242922"])
            let (id, index) = (first.clinic, AddressIndex(blindIndex: first.desk.blindIndex))
            try await first.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
                let sender = index.token(ChannelAddress(number, on: .whatsapp), id)
                ConversationWindowStore.note("meta:106540352242922", sender, at: .now(), in: tx)
            }
            let asked = try await write(first, to: number, .whatsapp)
            #expect(asked.status == .sent)
            let refused = try await write(second, to: number, .whatsapp)
            #expect(refused.status == .failed && refused.attempts.map(\.providerCode) == ["outside_window"])
            #expect(try await tell(said("My result", from: number), at: first) == 200)
            // Whoever goes by another number answers the same clinic.
            #expect(try await tell(["messages": [changed(number, to: other)]], at: first) == 200)
            #expect(try await tell(said("My new number", from: other), at: first) == 200)
            #expect(try await heard(first) == ["My result", "My new number"])
            #expect(try await heard(second).isEmpty)
            // What names a message is that clinic's, whoever writes.
            let stranger = try #require(PhoneNumber("+9194\(10_000_000 + first.clinic.low % 90_000_000)"))
            let name = asked.attempts.first?.providerMessageId
            #expect(try await tell(said("For the first", from: stranger, answering: name), at: first) == 200)
            #expect(try await heard(first).contains("For the first"))
        }
    }

    /// Whoever has changed their number twice is known by the last one, though one webhook tells of both.
    @Test func whoChangesTwiceStillAnswersTheSameClinic() async throws {
        let (first, second) = (try clinic(), try clinic())
        try await configure(
            DefaultProvidersDraft(whatsapp: ChannelDraft(primary: .meta(SandboxPlace.nowhere))),
            first
        )
        let numbers = try ["97", "98", "99"].map { start in
            try #require(PhoneNumber("+91\(start)\(10_000_000 + first.clinic.low % 90_000_000)"))
        }
        try await noteWriting(to: numbers[0], by: [first])
        let changes = [changed(numbers[0], to: numbers[1]), changed(numbers[1], to: numbers[2])]
        #expect(try await tell(["messages": .array(changes)], at: first) == 200)
        #expect(try await tell(said("My third number", from: numbers[2]), at: first) == 200)
        #expect(try await heard(first) == ["My third number"])
        #expect(try await heard(second).isEmpty)
    }
}
