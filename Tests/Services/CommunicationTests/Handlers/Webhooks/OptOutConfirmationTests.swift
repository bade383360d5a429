import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Whoever ends messages, or has them begin again, is told so once, where they said it.
@Suite(.timeLimit(.minutes(3))) struct OptOutConfirmationTests {
    /// A telephone, and the clinic that it writes to by WhatsApp, where Meta confirms nothing; the clinic speaks German.
    private struct Line: Sendable {
        private static let number = "106540352242922"
        static let ended =
            "Lindenhof: Sie erhalten hier keine Nachrichten mehr von uns. Antworten Sie START, um wieder welche zu erhalten."
        static let begun =
            "Lindenhof: Sie erhalten hier wieder Nachrichten von uns. Antworten Sie STOP, um sie zu beenden."

        let clinic: TestClinic
        let phone: PhoneNumber
        private let sandbox: SandboxPlace
        private let begin = Instant(seconds: Instant.now().seconds - 120)

        /// - Parameter phone: another clinic's, too; one of its own when `nil`.
        init(_ sandbox: SandboxPlace, _ phone: PhoneNumber? = nil, isNamed: Bool = true) async throws {
            self.sandbox = sandbox
            clinic = try TestClinic()
            let own = try #require(PhoneNumber("+9196\(10_000_000 + clinic.clinic.low % 90_000_000)"))
            self.phone = phone ?? own
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    whatsapp: ChannelDraft(
                        primary: .meta(sandbox.url("meta")),
                        fallback: [.whatsApp(at: sandbox.url("twilio"))]
                    )
                )
            )
            if isNamed { try await name() }
        }

        func name() async throws { try await ToldVisit(clinic: clinic).tellOfClinic() }

        /// Writes to the clinic's number at Meta, so many seconds after the beginning; Meta tells whole seconds.
        func write(_ text: String, after seconds: Int64, id: String = "\(RequestID())") async throws {
            let message: JSONValue = [
                "from": .string(String(phone.number.dropFirst())), "id": .string("wamid.\(id)"),
                "timestamp": .string("\((begin + .seconds(seconds)).seconds)"), "type": "text",
                "text": ["body": .string(text)],
            ]
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
            let headers = Dictionary(uniqueKeysWithValues: Meta.sign("clinic-app-secret", body, .now()))
            #expect(try await clinic.bring(body, headers: headers, by: "meta") == 200)
        }

        func messages() async throws -> [Message] {
            let request = MessageListRequest(recipient: phone.number)
            return try await clinic.ask(MessageDesk.endpoints.messages.list, request).output?.items ?? []
        }

        /// The newest message of a template, once it is as it is waited for.
        func message(_ template: String, where isWanted: (Message) -> Bool = { $0.status == .sent }) async throws
            -> Message
        {
            try await eventually("the confirmation \(template)") {
                try await messages().first { $0.template == template && isWanted($0) }
            }
        }

        /// What has arrived at the telephone, in the alphabet's order.
        func texts() async throws -> [String] {
            try await sandbox.received(for: phone.number).compactMap { $0.message["text"]?.string }.sorted()
        }

        /// A message that nobody has asked for; gives how it ends.
        func send(_ category: MessageCategory = .care) async throws -> MessageStatus {
            let draft = MessageDraft(
                to: RecipientDraft(phone: phone),
                channels: [.whatsapp],
                content: MessageContent(text: "Tomorrow at ten."),
                category: category
            )
            return try await clinic.settled(try await clinic.send(draft), [.sent, .failed, .suppressed]).status
        }
    }

    @Test func whoEndsMessagesIsToldOnceAndNothingElse() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let other = try await Line(sandbox, line.phone)
            try await other.write("Hello", after: 0)
            let said = "\(RequestID())"
            try await line.write("STOP", after: 0, id: said)
            let told = try await line.message("reply_stop")
            #expect(told.channel == .whatsapp && told.category == .care)
            #expect(told.attempts.map(\.provider) == ["meta"] && told.attempts.map(\.outcome) == [.accepted])
            // Brought again, said again, and asked for something.
            try await line.write("STOP", after: 0, id: said)
            try await line.write("STOP", after: 1)
            try await line.write("Stopp!", after: 2)
            try await line.write("HELP", after: 3)
            try await line.clinic.silence()
            for category in [MessageCategory.care, .security] { #expect(try await line.send(category) == .suppressed) }
            #expect(try await line.texts() == [Line.ended])
            // Nobody has said anything of the other clinic's messages.
            #expect(try await other.send() == .sent)
            #expect(try await other.messages().map(\.template) == [nil])
        }
    }

    @Test func saidManyTimesAtOnceItIsConfirmedOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let said = "\(RequestID())"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    let id = index.isMultiple(of: 2) ? said : "\(RequestID())"
                    group.addTask { try await line.write("STOP", after: 0, id: id) }
                }
                try await group.waitForAll()
            }
            _ = try await line.message("reply_stop")
            try await line.clinic.silence()
            #expect(try await line.texts() == [Line.ended])
        }
    }

    @Test func whoBeginsAgainIsTold() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await line.write("STOP", after: 10)
            _ = try await line.message("reply_stop")
            try await line.write("START", after: 20)
            _ = try await line.message("reply_start")
            try await line.write("START", after: 30)
            // Told late: they have changed their mind since.
            try await line.write("STOP", after: 15)
            try await line.clinic.silence()
            #expect(try await line.texts() == [Line.ended, Line.begun])
            #expect(try await line.send() == .sent)
        }
    }

    /// Whoever the clinic itself, or a complaint, keeps messages away from is not told that they come again.
    @Test func nothingIsPromisedThatDoesNotHold() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let draft = SuppressionDraft(channel: .whatsapp, address: line.phone.number)
            #expect(try await line.clinic.ask(MessageDesk.endpoints.suppressions.create, draft).status == 201)
            try await line.write("STOP", after: 0)
            try await line.write("START", after: 1)
            try await line.clinic.silence()
            #expect(try await line.messages().isEmpty)
        }
    }

    @Test func twoMachinesThatSayBothInTurnComeToRest() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            for turn in 0..<AnswerRules.mostConfirmations {
                try await line.write(turn.isMultiple(of: 2) ? "STOP" : "START", after: Int64(turn))
                try await eventually("confirmation \(turn)") {
                    try await line.messages().count { $0.status == .sent } == turn + 1
                }
            }
            try await line.write("STOP", after: Int64(AnswerRules.mostConfirmations))
            try await line.clinic.silence()
            #expect(try await line.messages().count == AnswerRules.mostConfirmations)
            #expect(try await line.clinic.suppressionReasons() == ["stop"])
        }
    }

    /// Whose language is known is spoken to in it, others in that of their word, and else in the clinic's.
    @Test(
        arguments: [
            ("रोको", nil, "Lindenhof: अब यहाँ हमारे संदेश नहीं आएँगे। फिर से पाने के लिए START लिखें।"),
            ("रोको", "en", "Lindenhof: You will get no more messages from us here. Answer START to get them again."),
            ("ARRÊT", nil, Line.ended),
        ] as [(String, String?, String)]
    )
    func itIsSaidInTheirLanguage(word: String, locale: String?, text: String) async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            if let locale { try await line.clinic.tell(of: PatientID(), phone: line.phone, locale: locale) }
            try await line.write(word, after: 0)
            _ = try await line.message("reply_stop")
            #expect(try await line.texts() == [text])
        }
    }

    /// Another number may be one that nobody has stopped; and whoever wants messages again is not told that they end.
    @Test func itGoesByTheNumberThatWasWrittenToOrNotAtAll() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await sandbox.fault("down", of: "meta")
            try await line.write("STOP", after: 0)
            let waiting = try await line.message("reply_stop") { $0.waitingFor == .retry }
            #expect(Set(waiting.attempts.map(\.provider)) == ["meta"])
            try await line.write("START", after: 1)
            try await sandbox.fault(nil, of: "meta")
            _ = try await line.message("reply_start")
            let ended = try await line.message("reply_stop") { $0.status == .suppressed }
            #expect(ended.id == waiting.id && ended.reason?.code == "suppressed_started_again")
            #expect(try await line.texts() == [Line.begun])
        }
    }

    /// It may have arrived: neither we nor anybody else tries again.
    @Test func aLostReplyToItIsTheEnd() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await sandbox.fault("lost_reply", of: "meta", times: 1)
            try await line.write("STOP", after: 0)
            let lost = try await line.message("reply_stop") { $0.status == .unknown }
            let again = try await line.clinic.ask(MessageDesk.endpoints.messages.retry, MessagePath(id: lost.id))
            #expect(again.code == "not_retryable")
            try await line.clinic.silence()
            #expect(try await line.texts() == [Line.ended])
        }
    }

    @Test func aStopThatIsToldOfLateIsNotConfirmed() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await line.write("STOP", after: -AnswerRules.stopConfirmationTime.components.seconds)
            try await line.clinic.silence()
            #expect(try await line.messages().isEmpty)
            #expect(try await line.clinic.suppressionReasons() == ["stop"])
        }
    }

    /// Nobody has been told by a message that did not go, nor of a STOP by what was said of another.
    @Test func whatNobodyWasToldIsConfirmedTheNextTime() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await sandbox.fault("down", of: "meta")
            try await line.write("STOP", after: 0)
            let waiting = try await line.message("reply_stop") { $0.waitingFor == .retry }
            let path = MessagePath(id: waiting.id)
            #expect(try await line.clinic.ask(MessageDesk.endpoints.messages.cancel, path).output?.status == .cancelled)
            try await sandbox.fault(nil, of: "meta")
            try await line.write("STOP", after: 1)
            _ = try await line.message("reply_stop")
            // The clinic lifts it, and they say it once more, after all that was confirmed.
            let list = try await line.clinic.ask(MessageDesk.endpoints.suppressions.list, SuppressionListRequest())
            for suppression in try #require(list.output).items {
                let lifted = try await line.clinic.ask(
                    MessageDesk.endpoints.suppressions.delete,
                    SuppressionPath(id: suppression.id)
                )
                #expect(lifted.status == 204)
            }
            try await line.write("STOP", after: 600)
            try await eventually("the second confirmation") {
                try await line.messages().count { $0.template == "reply_stop" && $0.status == .sent } == 2
            }
        }
    }

    /// The confirmation of a STOP that START has overtaken does not go with that of the next one.
    @Test func eachStopIsConfirmedByItsOwnMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await sandbox.fault("down", of: "meta")
            try await line.write("STOP", after: 0)
            let waiting = try await line.message("reply_stop") { $0.waitingFor == .retry }
            try await line.write("START", after: 1)
            try await line.write("STOP", after: 600)
            try await sandbox.fault(nil, of: "meta")
            let ended = try await line.message("reply_stop") { $0.id == waiting.id && $0.status == .suppressed }
            #expect(ended.reason?.code == "suppressed_started_again")
            _ = try await line.message("reply_stop") { $0.id != waiting.id && $0.status == .sent }
            try await line.clinic.silence()
            #expect(try await line.texts().filter { $0 == Line.ended } == [Line.ended])
        }
    }

    @Test func whatCannotBeConfirmedSoonIsNot() async throws {
        try await SandboxPlace.with { sandbox in
            // Until the clinic's name is known nobody is written to in it.
            let line = try await Line(sandbox, isNamed: false)
            try await line.write("STOP", after: 0)
            let (database, late) = (line.clinic.desk.database, AnswerRules.stopConfirmationTime)
            let table = "\(database.schema).inbound_messages"
            try database.asOwner(
                """
                alter table \(table) no force row level security;
                update \(table) set received_at = received_at - interval '\(late.components.seconds) seconds'
                where clinic_id = '\(line.clinic.clinic)';
                alter table \(table) force row level security
                """
            )
            try await line.name()
            try await line.clinic.silence()
            #expect(try await line.messages().isEmpty)
            #expect(try await line.clinic.suppressionReasons() == ["stop"])
        }
    }
}
