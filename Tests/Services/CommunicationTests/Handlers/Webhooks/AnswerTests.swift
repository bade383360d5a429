import AccessAPI
import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What patients write is answered where they wrote it, once, and not without end.
@Suite(.timeLimit(.minutes(3))) struct AnswerTests {
    /// A patient's telephone, and the clinic that it writes to.
    private struct Line: Sendable {
        let clinic: TestClinic
        let phone: PhoneNumber
        var visit: ToldVisit

        /// The clinic has a number at the sandbox's Twilio for SMS, and another as its fallback; it speaks German.
        init(_ sandbox: SandboxPlace, settings: CommunicationSettings? = nil) async throws {
            clinic = try TestClinic()
            phone = try #require(PhoneNumber("+49151\(10_000_000 + clinic.clinic.low % 80_000_000)"))
            visit = ToldVisit(clinic: clinic, phone: phone)
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    sms: ChannelDraft(
                        primary: Self.twilio(sandbox, "+15005550006"),
                        fallback: [Self.twilio(sandbox, "+15005550020")]
                    ),
                    settings: settings
                )
            )
            try await visit.tellOfClinic()
            try await visit.tellOfPeople()
        }

        private static func twilio(_ sandbox: SandboxPlace, _ number: String) -> ProviderDraft {
            ProviderDraft(
                provider: "twilio",
                credentials: [
                    "accountSid": .string("AC" + String(repeating: "b", count: 32)), "authToken": "auth-token-0001",
                    "fromNumber": .string(number), "endpoint": .string(sandbox.url("twilio")),
                ]
            )
        }

        /// Writes to the clinic; gives what others are told of it.
        @discardableResult
        func write(
            _ text: String,
            by channel: MessageChannel = .sms,
            optOut: InboundText.OptOut? = nil,
            toFallback: Bool = false
        ) async throws -> InboundMessageReceived {
            let chain = try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: channel.rawValue)
            let entry = try #require(toFallback ? chain.entries.last : chain.entries.first)
            let credentials = entry.credentials
            let inbound = InboundText(
                channel: channel,
                to: credentials.text("fromNumber") ?? credentials.text("whatsappNumber") ?? "",
                from: phone,
                text: text,
                media: [],
                providerMessageID: "SM\(RequestID())",
                optOut: optOut
            )
            let intake = InboundIntake(
                store: InboundStore(dataKeys: clinic.desk.dataKeys),
                suppressions: SuppressionStore(dataKeys: clinic.desk.dataKeys),
                addresses: AddressIndex(blindIndex: clinic.desk.blindIndex)
            )
            let id = clinic.clinic
            try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "provider:twilio")) { tx in
                try intake.take([inbound], through: entry, clinic: id, at: .now(), in: tx)
            }
            return try await #require(
                clinic.desk.database.inspect(
                    """
                    select payload from outbox where clinic_id = \(id) and name = 'message.received'
                    order by position desc limit 1
                    """
                ) { rows in try rows.map { try JSONTape(try $0[0]).decode(InboundMessageReceived.self) } }.first
            )
        }

        /// The calendar tells what came of what was written.
        func answer(
            _ heard: InboundMessageReceived,
            _ result: VisitCommandResult,
            about visit: ToldVisit? = nil,
            offers: [OfferedTime] = [],
            id: EventID = EventID()
        ) async throws {
            let answered = VisitCommandAnswered(
                commandId: heard.id,
                conversationId: heard.conversationId,
                result: result,
                appointment: try visit?.state(result == .cancelled ? .cancelled : .confirmed),
                offers: offers
            )
            try await self.visit.tell(answered, "\(heard.id)", 1, id: id)
        }

        /// Every job that is due is done.
        func rest() async throws {
            let id = clinic.clinic
            try await eventually("every job is done", within: .seconds(60)) {
                try await clinic.desk.database.inspect(
                    "select count(*) from jobs where clinic_id = \(id) and due_at < now()"
                ) { try $0[0][0] as Int } == 0
            }
        }

        func messages() async throws -> [Message] {
            let request = MessageListRequest(recipient: phone.number)
            return try await clinic.ask(MessageDesk.endpoints.messages.list, request).output?.items ?? []
        }

        /// The newest message of a template, once it is sent.
        func answered(_ template: String) async throws -> Message {
            try await eventually("the answer \(template)", within: .seconds(40)) {
                try await messages().first { $0.template == template && $0.status == .sent }
            }
        }
    }

    @Test func whatIsWrittenIsToldWithWhoseNumberItIs() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            var child = line.visit
            child.patient = PatientID()
            try await child.tellOfPeople()
            let family = [line.visit.patient, child.patient].sorted()
            let choice = try await line.write("2")
            #expect(choice.choice == 2 && choice.command == nil && choice.patientIds == family)
            let command = try await line.write("CONFIRM")
            #expect(command.command == "confirm" && command.choice == nil && command.patientIds == family)
            #expect(try await line.write("2 o'clock?").choice == nil)
            // Nothing of it is for us to answer.
            #expect(try await line.messages().isEmpty)
        }
    }

    @Test(
        arguments: [
            (.confirmed, "reply_confirmed", "Danke, Ihr Termin am 22. November 2026 um 10:30 Uhr ist bestätigt."),
            (.cancelled, "reply_cancelled", "am 22. November 2026 um 10:30 Uhr abgesagt."),
            (.rescheduled, "reply_rescheduled", "Ihr Termin ist jetzt am 22. November 2026 um 10:30 Uhr."),
            (.tooLate, "reply_too_late", "geändert wurde nichts."),
        ] as [(VisitCommandResult, String, String)]
    )
    func aCommandIsAnsweredOnceWhereItCameFrom(result: VisitCommandResult, template: String, words: String) async throws
    {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let heard = try await line.write("CONFIRM", toFallback: true)
            let id = EventID()
            for _ in 0..<2 { try await line.answer(heard, result, about: line.visit, id: id) }
            // The same under an id that nobody has seen.
            try await line.answer(heard, result, about: line.visit)
            let message = try await line.answered(template)
            #expect(message.channel == .sms && message.category == .care && message.priority == .normal)
            #expect(message.patientId == line.visit.patient)
            #expect(message.reference == "appointment:\(line.visit.appointment)")
            #expect(message.content?.text.contains(words) == true, "\(message.content?.text ?? "")")
            let arrived = try await sandbox.received(for: line.phone.number)
            #expect(arrived.count == 1 && arrived.first?.message["from"]?.string == "+15005550020")
            #expect(try await line.messages().count == 1)
        }
    }

    /// Almost all others go by the fallback, whose receipts are not late.
    @Test func anAnswerGoesByTheNumberThatWasWrittenToHoweverItDoes() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let (desk, clinic) = (line.clinic.desk, line.clinic.clinic)
            let primary = try #require(try await desk.sending.resolver.resolve(clinic, channel: "sms").entries.first)
            for _ in 0..<TrafficShareRules.minimumReceipts {
                desk.sending.shares.receipts.note(CircuitKey(clinic, primary), after: TrafficShareRules.lateAfter * 2)
            }
            #expect(
                try await line.clinic.health().map(\.share) == [TrafficShareRules.floor, 1 - TrafficShareRules.floor]
            )
            let results: [(VisitCommandResult, String)] = [
                (.confirmed, "reply_confirmed"), (.rescheduled, "reply_rescheduled"), (.tooLate, "reply_too_late"),
            ]
            for (result, template) in results {
                try await line.answer(try await line.write("CONFIRM"), result, about: line.visit)
                _ = try await line.answered(template)
            }
            let numbers = try await sandbox.received(for: line.phone.number).map { $0.message["from"]?.string }
            #expect(numbers == Array(repeating: "+15005550006", count: results.count))
        }
    }

    /// Within the day in which free text may be sent, from the number that was written to.
    @Test func whoWritesByWhatsAppIsAnsweredThere() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            try await line.clinic.configure(
                ConfigurationDraft(
                    clinicId: line.clinic.clinic,
                    sms: ChannelDraft(primary: .texts("twilio", at: sandbox.url("twilio"))),
                    whatsapp: ChannelDraft(primary: .whatsApp(at: sandbox.url("twilio")))
                )
            )
            let heard = try await line.write("👍", by: .whatsapp)
            #expect(heard.command == "yes" && heard.channel == .whatsapp)
            try await line.answer(heard, .confirmed, about: line.visit)
            let message = try await line.answered("reply_confirmed")
            #expect(message.channel == .whatsapp && message.attempts.map(\.outcome) == [.accepted])
            let arrived = try await sandbox.received(for: line.phone.number)
            #expect(arrived.map { $0.message["channel"]?.string } == ["whatsapp"])
        }
    }

    @Test func timesToChooseFromAreNumbered() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let now = Instant.now()
            let offers = ["2026-11-23T09:00", "2026-11-23T14:30"].map { OfferedTime(start: now, localStart: $0) }
            try await line.answer(try await line.write("verschieben"), .offered, about: line.visit, offers: offers)
            let text = try await line.answered("reply_offer").content?.text ?? ""
            #expect(text.contains("1) 23. November 2026, 09:00 Uhr, 2) 23. November 2026, 14:30 Uhr. "), "\(text)")
            #expect(!text.contains("3)") && !text.contains("nicht mehr frei"))
            try await line.answer(try await line.write("1"), .taken, about: line.visit, offers: offers)
            try await eventually("the second offer", within: .seconds(40)) {
                try await line.messages().contains { $0.content?.text.contains("nicht mehr frei") == true }
            }
        }
    }

    /// Whoever wants none of the times, or says so late or once more, has not given up the visit.
    @Test(
        arguments: [(.offered, "reply_offer"), (.kept, "reply_kept"), (.noneFree, "reply_none_free")]
            as [(VisitCommandResult, String)]
    )
    func aNoToOfferedTimesIsAboutNoVisit(result: VisitCommandResult, template: String) async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let offers = result == .offered ? [OfferedTime(start: .now(), localStart: "2026-11-23T09:00")] : []
            try await line.answer(try await line.write("verschieben"), result, about: line.visit, offers: offers)
            _ = try await line.answered(template)
            let declined = try await line.write("Nein danke")
            #expect(declined.command == "no" && declined.appointmentId == nil)
            for word in ["ja", "absagen"] {
                #expect(try await line.write(word).appointmentId == line.visit.appointment, "\(word)")
            }
        }
    }

    /// What explains how a reminder can be answered does not stand between it and the answer.
    @Test func whatExplainsCommandsIsNotWhatIsAnswered() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let visit = line.visit.appointment
            let reminder = MessageDraft(
                to: RecipientDraft(phone: line.phone),
                channels: [.sms],
                content: MessageContent(text: "Tomorrow at ten. Answer CONFIRM or CANCEL."),
                reference: "appointment:\(visit)"
            )
            _ = try await line.clinic.settled(try await line.clinic.send(reminder))
            try await line.write("HILFE")
            _ = try await line.answered("reply_help")
            for word in ["BESTÄTIGEN", "ja", "nein"] {
                #expect(try await line.write(word).appointmentId == visit, "\(word)")
            }
            try await line.answer(try await line.write("absagen"), .severalVisits)
            _ = try await line.answered("reply_several_visits")
            #expect(try await line.write("absagen").appointmentId == visit)
            for (word, template) in [("STOP", "reply_stop"), ("START", "reply_start")] {
                try await line.write(word)
                _ = try await line.answered(template)
            }
            #expect(try await line.write("BESTÄTIGEN").appointmentId == visit)
        }
    }

    @Test func whoIsNotKnownIsToldWhereToCall() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let now = Instant.now()
            let place = Location(
                id: LocationID(),
                clinicId: line.clinic.clinic,
                name: "Main street",
                timeZone: try #require(TimeZoneName("Europe/Berlin")),
                address: nil,
                phone: PhoneNumber("+493012345678"),
                createdAt: now,
                updatedAt: now
            )
            try await line.visit.tell(LocationChanged(location: place), "\(place.id)", 1)
            try await line.answer(try await line.write("absagen"), .severalVisits)
            let several = try await line.answered("reply_several_visits").content?.text ?? ""
            #expect(several.contains("mehrere kommende Termine") && several.hasSuffix("+493012345678"))
            try await line.write("HILFE")
            let help = try await line.answered("reply_help").content?.text ?? ""
            #expect(help.hasPrefix("Lindenhof: ") && help.contains("STOP beendet") && help.hasSuffix("+493012345678"))
            try await line.visit.tell(LocationChanged(location: place, deleted: true), "\(place.id)", 2)
            try await line.answer(try await line.write("absagen"), .noVisit)
            #expect(try await line.answered("reply_no_visit").content?.text.hasSuffix("geändert wurde nichts.") == true)
        }
    }

    @Test func whoHasEndedMessagesIsNotAnswered() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            // Their provider confirms both by itself.
            try await line.write("STOP", optOut: .stop)
            try await line.answer(try await line.write("absagen"), .cancelled, about: line.visit)
            try await line.write("HELP")
            try await line.rest()
            try await line.write("START", optOut: .start)
            try await line.write("HELP", optOut: .help)
            try await line.answer(try await line.write("absagen"), .alreadyCancelled, about: line.visit)
            _ = try await line.answered("reply_already_cancelled")
            #expect(try await line.messages().map(\.template) == ["reply_already_cancelled"])
        }
    }

    /// Whoever has just written is awake.
    @Test func quietHoursDoNotHoldUpAnswers() async throws {
        try await SandboxPlace.with { sandbox in
            let allDay = QuietTime(
                from: try #require(TimeOfDay("00:00")),
                to: try #require(TimeOfDay("24:00"))
            )
            let line = try await Line(sandbox, settings: CommunicationSettings(quietHours: allDay))
            try await line.answer(try await line.write("CONFIRM"), .confirmed, about: line.visit)
            _ = try await line.answered("reply_confirmed")
        }
    }

    @Test func twoMachinesComeToRest() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            for _ in 0..<(AnswerRules.mostPerHour + 5) { try await line.write("HELP") }
            try await eventually("the answers", within: .seconds(60)) {
                try await line.messages().count { $0.status == .sent } >= AnswerRules.mostPerHour
            }
            try await line.rest()
            #expect(try await line.messages().count == AnswerRules.mostPerHour)
        }
    }

    /// Who asked for it is answered where they asked; nobody is told the same twice.
    @Test func whatWasAskedForByAReplyIsNoNoticeToo() async throws {
        try await SandboxPlace.with { sandbox in
            let line = try await Line(sandbox)
            let heard = try await line.write("absagen")
            let (visit, now) = (line.visit, try line.visit.state(.cancelled))
            try await visit.tell(
                AppointmentCancelled(appointment: now, commandId: heard.id),
                "\(visit.appointment)",
                2
            )
            try await line.answer(heard, .cancelled, about: visit)
            _ = try await line.answered("reply_cancelled")
            var other = visit
            other.appointment = AppointmentID()
            let moved = AppointmentRescheduled(
                appointment: try other.state(.confirmed),
                formerLocalStart: "2026-11-20T09:00"
            )
            try await other.tell(moved, "\(other.appointment)", 2)
            let notice = try await line.answered(BuiltInTemplates.appointmentChange)
            #expect(notice.content?.text.contains("22. November 2026") == true)
            #expect(try await line.messages().count == 2)
        }
    }
}
