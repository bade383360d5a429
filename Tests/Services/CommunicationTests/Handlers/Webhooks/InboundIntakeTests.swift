import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct InboundIntakeTests {
    private static let number = "+4915112345678"

    private func text(
        _ text: String,
        from number: String = number,
        id: String = "SM\(RequestID())",
        channel: MessageChannel = .sms,
        optOut: InboundText.OptOut? = nil,
        at moment: Instant? = nil
    ) throws -> InboundText {
        InboundText(
            channel: channel,
            to: "+15005550006",
            from: try #require(PhoneNumber(number)),
            text: text,
            media: [.init(url: "https://api.twilio.com/m/0", type: "image/jpeg")],
            providerMessageID: id,
            optOut: optOut,
            at: moment
        )
    }

    private func count(_ clinic: TestClinic, _ table: String) async throws -> Int64 {
        let id = clinic.clinic
        return try await clinic.desk.database.inspect(
            table == "conversations"
                ? "select count(*) from conversations where clinic_id = \(id)"
                : "select count(*) from inbound_messages where clinic_id = \(id)"
        ) { try $0[0][0] }
    }

    @Test func aTextIsKeptOnceAndTold() async throws {
        let clinic = try TestClinic()
        let first = try text("Can I come at ten?", id: "SM1")
        try await clinic.take(first)
        try await clinic.take(first, first)
        try await clinic.take(try text("Or at eleven?", id: "SM2"))
        #expect(try await count(clinic, "conversations") == 1)
        #expect(try await count(clinic, "inbound_messages") == 2)
        let events = try await clinic.toldOfTexts()
        #expect(events.count == 2 && Set(events.map(\.conversationId)).count == 1)
        #expect(events.allSatisfy { $0.channel == .sms && $0.command == nil && $0.appointmentId == nil })
        let (id, wanted) = (clinic.clinic, try #require(events.first).id)
        let sealed: [UInt8] = try await clinic.desk.database.inspect(
            "select sealed from inbound_messages where clinic_id = \(id) and id = \(wanted)"
        ) { try $0[0][0] }
        #expect(!String(decoding: sealed, as: UTF8.self).contains("ten"))
        let content = try InboundContent.open(sealed, of: wanted, with: try await clinic.desk.dataKeys.sealer(for: id))
        #expect(content == InboundContent(text: first.text, media: first.media))
    }

    @Test func firstTextsThatArriveAtOnceAreOneConversation() async throws {
        let clinic = try TestClinic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<20 {
                group.addTask { try await clinic.take(try text("Hello \(index)")) }
            }
            try await group.waitForAll()
        }
        #expect(try await count(clinic, "conversations") == 1)
        #expect(try await count(clinic, "inbound_messages") == 20)
        let id = clinic.clinic
        let contacts = try await clinic.desk.database.inspect(
            "select id from contacts where clinic_id = \(id) and patient_id is null"
        ) { rows -> [ContactID] in try rows.map { try $0[0] } }
        #expect(contacts.count == 1)
        let path = ContactPath(contactId: try #require(contacts.first))
        #expect(try await clinic.ask(MessageDesk.endpoints.preferences.read, path).status == 200)
        let same = try text("Once", id: "SM-once")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try await clinic.take(same) } }
            try await group.waitForAll()
        }
        #expect(try await count(clinic, "inbound_messages") == 21)
    }

    @Test func clinicsChannelsAndNumbersHaveTheirOwn() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        try await clinic.take(try text("A", id: "SM1"), try text("B", id: "SM2", channel: .whatsapp))
        try await clinic.take(try text("C", from: "+4915112345679", id: "SM3"))
        try await other.take(try text("A", id: "SM1"))
        #expect(try await count(clinic, "conversations") == 3)
        #expect(try await count(other, "conversations") == 1)
        #expect(try await count(other, "inbound_messages") == 1)
    }

    @Test func stopKeepsTextsAwayUntilStart() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            func send() async throws -> Message {
                let draft = MessageDraft(
                    to: RecipientDraft(phone: PhoneNumber(Self.number)),
                    channels: [.sms],
                    content: MessageContent(text: "Hello")
                )
                return try await clinic.settled(try await clinic.send(draft), [.sent, .suppressed, .failed])
            }
            #expect(try await send().status == .sent)
            try await clinic.take(try text("Stop, please"))
            let kept = try await send()
            #expect(kept.status == .suppressed && kept.attempts.allSatisfy { $0.outcome != .accepted })
            // Said again it is said once.
            try await clinic.take(try text("STOP"), try text("anything", optOut: .stop))
            try await clinic.take(try text("START"))
            #expect(try await send().status == .sent)
            #expect(try await clinic.toldOfTexts().map(\.command) == ["stop", "stop", "stop", "start"])
        }
    }

    /// What a button was made with is what it means; on it may stand anything.
    @Test func whatIsPressedMeansWhatItWasMadeWith() async throws {
        let clinic = try TestClinic()
        for (title, payload) in [
            ("வேண்டாம்", "CANCEL"), ("Ich komme nicht", "cancel_visit"), ("Confirm", "row-7"), ("9:00", "row-8"),
            ("Confirm", "STOP"), ("Unsubscribe", "CANCEL"), ("Begin check-in", "start"),
        ] {
            var pressed = try text(title, channel: .whatsapp)
            pressed.payload = payload
            try await clinic.take(pressed)
        }
        #expect(
            try await clinic.toldOfTexts().map(\.command) == ["cancel", "cancel", "confirm", nil, "stop", "stop", nil]
        )
        // By what only its program calls a start nothing begins again.
        #expect(try await clinic.suppressionReasons() == ["stop"])
        // Whoever reads the conversation sees what they saw.
        let shown = Set(try await clinic.heard().map(\.text))
        #expect(
            shown == ["வேண்டாம்", "Ich komme nicht", "Confirm", "9:00", "Unsubscribe", "Begin check-in"]
        )
    }

    /// A word about visits that the provider takes for an end of messages is both.
    @Test func whatTheProviderTakesForAnEndCancelsTheVisitToo() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL VISIT.")
            )
            let appointment = AppointmentID()
            draft.reference = "appointment:\(appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("CANCEL", optOut: .stop))
            #expect(try await clinic.suppressionReasons() == ["stop"])
            // Who says nothing of a visit, or has none, ends messages alone.
            try await clinic.take(
                try text("STOP", optOut: .stop),
                try text("CANCEL", from: "+4915112345679", optOut: .stop)
            )
            let events = try await clinic.toldOfTexts()
            #expect(events.map(\.command) == ["cancel", "stop", "stop"])
            #expect(events.map(\.appointmentId) == [appointment, appointment, nil])
            #expect(try await clinic.suppressionReasons() == ["stop", "stop"])
        }
    }

    /// In answer to a bill it is an end of messages and nothing else.
    @Test func whatTheProviderTakesForAnEndCancelsNoVisitInAnswerToABill() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "There is something to pay."),
                category: .billing
            )
            let bill = try await clinic.settled(try await clinic.send(draft))
            var visit = ToldVisit(clinic: clinic)
            visit.phone = PhoneNumber(Self.number)
            try await visit.tellOfPeople(notify: false)
            try await visit.tell(
                AppointmentChanged(appointment: try visit.state(.confirmed)),
                "\(visit.appointment)",
                1
            )
            var answer = try text("CANCEL", optOut: .stop)
            answer.answers = [try #require(bill.attempts.last?.providerMessageId)]
            try await clinic.take(answer)
            let told = try await clinic.toldOfTexts()
            #expect(told.map(\.command) == ["stop"] && told.allSatisfy { $0.appointmentId == nil })
            #expect(try await clinic.suppressionReasons() == ["stop"])
        }
    }

    /// In the United States the word alone ends texts; who has a visit means the visit.
    @Test(
        arguments: [
            ("CANCEL", "+12025550123", "stop"), ("Cancel, please.", "+17875550123", "stop"),
            ("Cancel my appointment", "+12025550123", "cancel"), ("Annuler", "+12025550123", "cancel"),
            ("CANCEL", "+14165550123", "cancel"), ("CANCEL", "+4915112345678", "cancel"),
        ] as [(String, String, String)]
    )
    func cancelEndsTextsWhereThereIsNoVisit(said: String, number: String, command: String) async throws {
        let clinic = try TestClinic()
        try await clinic.take(try text(said, from: number))
        #expect(try await clinic.toldOfTexts().map(\.command) == [command])
        #expect(try await clinic.suppressionReasons() == (command == "stop" ? ["stop"] : []))
        // By WhatsApp it is no text message.
        try await clinic.take(try text("CANCEL", from: number, channel: .whatsapp))
        #expect(try await clinic.toldOfTexts().last?.command == "cancel")
    }

    @Test func whoHasAVisitCancelsIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber("+12025550123")),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
            )
            let appointment = AppointmentID()
            draft.reference = "appointment:\(appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("CANCEL", from: "+12025550123"))
            #expect(try await clinic.toldOfTexts().map(\.command) == ["cancel"])
            #expect(try await clinic.toldOfTexts().map(\.appointmentId) == [appointment])
            // Of which nobody has told by a message, but the calendar has.
            var visit = ToldVisit(clinic: clinic)
            visit.phone = PhoneNumber("+12125550123")
            try await visit.tellOfPeople(notify: false)
            try await visit.tell(
                AppointmentChanged(appointment: try visit.state(.confirmed)),
                "\(visit.appointment)",
                1
            )
            try await clinic.take(try text("CANCEL", from: "+12125550123"))
            #expect(try await clinic.toldOfTexts().last?.command == "cancel")
            try await visit.tell(
                AppointmentChanged(appointment: try visit.state(.cancelled)),
                "\(visit.appointment)",
                2
            )
            // Who says so twice has ended the visit, and no messages.
            draft.to = RecipientDraft(phone: PhoneNumber("+13105550123"))
            draft.reference = "appointment:\(visit.appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("CANCEL", from: "+13105550123"))
            #expect(try await clinic.toldOfTexts().last?.command == "cancel")
            #expect(try await clinic.suppressionReasons().isEmpty)
            try await clinic.take(try text("CANCEL", from: "+12125550123"))
            #expect(try await clinic.toldOfTexts().last?.command == "stop")
            #expect(try await clinic.suppressionReasons() == ["stop"])
        }
    }

    /// Providers bring again for days what they could not hand over: what was said last holds, in whatever order it comes.
    @Test(
        arguments: [
            // Seconds after the first word, in the order in which they come.
            ([("STOP", 3_540), ("START", 0)], true), ([("START", 0), ("STOP", 3_540)], true),
            ([("START", 3_540), ("STOP", 0)], false), ([("STOP", 0), ("START", 3_540)], false),
            ([("STOP", 0), ("STOP", 3_500), ("START", 3_000)], true),
            ([("START", 3_500), ("START", 0), ("STOP", 3_000)], false),
            ([("STOP", 3_500), ("START", 3_540), ("START", 0), ("STOP", 10)], false),
            // Who knows which of two words of one second was the later?
            ([("STOP", 100), ("START", 100)], true), ([("START", 100), ("STOP", 100)], true),
        ] as [([(String, Int64)], Bool)]
    )
    func theLatestWordHolds(words: [(String, Int64)], isStopped: Bool) async throws {
        let clinic = try TestClinic()
        let first = Instant(seconds: Instant.now().seconds - 3_600)
        for (word, after) in words { try await clinic.take(try text(word, at: first + .seconds(after))) }
        #expect(try await clinic.suppressionReasons() == (isStopped ? ["stop"] : []))
        // Where nobody tells when it was written, it is when it came.
        try await clinic.take(try text(isStopped ? "START" : "STOP"))
        #expect(try await clinic.suppressionReasons() == (isStopped ? [] : ["stop"]))
    }

    /// What was written before the last word, or before a message, is not about what came after.
    @Test func whatComesLateChangesNoVisit() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let now = Instant.now()
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
            )
            let appointment = AppointmentID()
            draft.reference = "appointment:\(appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("CANCEL", at: now - .seconds(7_200)))
            try await clinic.take(try text("CONFIRM"))
            try await clinic.take(try text("CANCEL", at: now - .seconds(3_600)), try text("Hello", at: now))
            try await clinic.take(try text("CANCEL"))
            let events = try await clinic.toldOfTexts()
            #expect(events.map(\.command) == ["cancel", "confirm", nil, nil, "cancel"])
            #expect(events.map(\.appointmentId) == [nil, appointment, nil, appointment, appointment])
        }
    }

    @Test func anAnswerBelongsToTheAppointmentItFollows() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let appointment = AppointmentID()
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
            )
            draft.reference = "appointment:\(appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("Confrim"))
            try await clinic.take(try text("CANCEL", from: "+4915112345679"))
            draft.reference = "invoice:1"
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("CONFIRM"))
            // A bill in between is not what a word about visits is about; a no may be.
            draft.reference = "appointment:\(appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            draft.reference = "invoice:2"
            draft.category = .billing
            _ = try await clinic.settled(try await clinic.send(draft))
            try await clinic.take(try text("YES"), try text("NO"))
            let events = try await clinic.toldOfTexts()
            #expect(events.map(\.command) == ["confirm", "cancel", "confirm", "yes", "no"])
            #expect(events.map(\.appointmentId) == [appointment, nil, nil, appointment, nil])
        }
    }

    /// What is still to be sent, or went by e-mail, is not what a text answers.
    @Test func anAnswerFollowsWhatWasSent() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                email: [.smtp(port: sandbox.smtpPort)],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            let (visit, other) = (AppointmentID(), AppointmentID())
            func send(_ visit: AppointmentID, by channel: MessageChannel, at moment: Instant? = nil) async throws
                -> MessageID
            {
                var draft = MessageDraft(
                    to: RecipientDraft(email: EmailAddress("p@example.org"), phone: PhoneNumber(Self.number)),
                    channels: [channel],
                    content: MessageContent(subject: "Your visit", text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
                )
                draft.reference = "appointment:\(visit)"
                draft.sendAt = moment
                return try await clinic.send(draft)
            }
            _ = try await clinic.settled(try await send(visit, by: .sms))
            _ = try await send(other, by: .sms, at: .now() + .seconds(3_600))
            _ = try await clinic.settled(try await send(other, by: .email))
            try await clinic.take(try text("CANCEL"))
            #expect(try await clinic.toldOfTexts().map(\.appointmentId) == [visit])
        }
    }

    /// In the United States the word still ends texts there.
    @Test(
        arguments: [("+4915112345678", [nil, nil, "help"]), ("+12025550123", ["stop", nil, "help"])]
            as [(String, [String?])]
    )
    func whatAnswersABillIsNotAboutTheVisitBefore(number: String, commands: [String?]) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(number)),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
            )
            draft.reference = "appointment:\(AppointmentID())"
            _ = try await clinic.settled(try await clinic.send(draft))
            draft.reference = "invoice:1"
            draft.category = .billing
            let bill = try await clinic.settled(try await clinic.send(draft))
            let name = try #require(bill.attempts.last?.providerMessageId)
            func answer(_ name: String) async throws {
                for word in ["CANCEL", "YES", "HELP"] {
                    var answer = try text(word, from: number)
                    answer.answers = [name]
                    try await clinic.take(answer)
                }
            }
            try await answer(name)
            // However old it is; nor is the visit meant by who answers what nobody here has sent.
            let id = bill.id
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute(
                    """
                    update message_attempts set started_at = started_at - interval '15 days'
                    where clinic_id = clinic_id() and message_id = \(id)
                    """
                )
            }
            try await answer(name)
            try await answer("foreign")
            let told = try await clinic.toldOfTexts()
            #expect(told.map(\.command) == commands + commands + commands)
            #expect(told.allSatisfy { $0.appointmentId == nil })
        }
    }

    /// Nobody's own words are a message about something else; of another's nobody here knows what they were about.
    @Test func whoAnswersTheirOwnWordsAnswersTheMessageBefore() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let appointment = AppointmentID()
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
            )
            draft.reference = "appointment:\(appointment)"
            _ = try await clinic.settled(try await clinic.send(draft))
            let (own, another) = (try text("Hello"), try text("Hello", from: "+4915112345679"))
            try await clinic.take(own, another)
            for words in [own, another] {
                var answer = try text("CONFIRM")
                answer.answers = [words.providerMessageID]
                try await clinic.take(answer)
            }
            let told = try await clinic.toldOfTexts().suffix(2)
            #expect(told.map(\.command) == ["confirm", nil])
            #expect(told.map(\.appointmentId) == [appointment, nil])
        }
    }

    /// By WhatsApp it is said which message somebody answers, or reacts to, whatever came after it.
    @Test func anAnswerIsAboutTheMessageThatItNames() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let (first, second) = (AppointmentID(), AppointmentID())
            var names: [String] = []
            for visit in [first, second] {
                var draft = MessageDraft(
                    to: RecipientDraft(phone: PhoneNumber(Self.number)),
                    channels: [.sms],
                    content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL.")
                )
                draft.reference = "appointment:\(visit)"
                let message = try await clinic.settled(try await clinic.send(draft))
                names.append(try #require(message.attempts.last?.providerMessageId))
            }
            func answering(_ name: String?, from number: String = Self.number) throws -> InboundText {
                var text = try text("CANCEL", from: number)
                text.answers = name.map { [$0] } ?? []
                return text
            }
            try await clinic.take(try answering(names[0]), try answering(names[1]), try answering(nil))
            // Nobody answers a message that somebody else got.
            try await clinic.take(try answering(names[0], from: "+4915112345671"))
            // Unnamed it may be either.
            #expect(try await clinic.toldOfTexts().map(\.appointmentId) == [first, second, nil, nil])
        }
    }
}
