import AppointmentsAPI
import BillingAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Patients are reminded of visits that still take place then, each time once.
@Suite(.timeLimit(.minutes(3))) struct ReminderTests {
    private static let day: Duration = .seconds(24 * 3_600)
    /// Until a reminder of these visits is due: time enough to tell of them.
    private static let soon: Duration = .seconds(6)

    private func visit(_ clinic: TestClinic, due reminder: ReminderTime = .dayBefore) async throws -> ToldVisit {
        let visit = ToldVisit(clinic: clinic, start: .now() + reminder.lead + Self.soon)
        try await visit.tellOfPeople()
        return visit
    }

    private func book(_ visit: ToldVisit, version: Int64 = 1, id: EventID = EventID(), notify: Bool = true) async throws
    {
        let state = try visit.state(.confirmed)
        try await visit.tell(
            AppointmentBooked(appointment: state),
            "\(visit.appointment)",
            version,
            id: id,
            notify: notify
        )
    }

    private func clinic(
        _ sandbox: SandboxPlace,
        _ settings: CommunicationSettings? = nil
    ) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(email: [.smtp(port: sandbox.smtpPort)], settings: settings)
        try await ToldVisit(clinic: clinic).tellOfClinic()
        return clinic
    }

    private func reminders(_ visit: ToldVisit) async throws -> [Message] {
        try await visit.messages().filter { $0.template?.hasPrefix("appointment_reminder") == true }
    }

    private func reminded(_ visit: ToldVisit) async throws -> Message {
        try await eventually("the reminder", within: .seconds(60)) { try await reminders(visit).first }
    }

    @Test(arguments: ReminderTime.allCases) func patientsAreRemindedOnce(reminder: ReminderTime) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, CommunicationSettings(reminders: ReminderTime.allCases))
            let visit = try await visit(clinic, due: reminder)
            let id = EventID()
            try await book(visit, id: id)
            try await book(visit, id: id)
            // Told again, as after a restore.
            let state = try visit.state(.confirmed)
            try await visit.tell(AppointmentChanged(appointment: state), "\(visit.appointment)", 1, notify: false)
            let message = try await clinic.settled(try await reminded(visit).id)
            #expect(message.template == reminder.template && message.status == .sent)
            #expect(message.expiresAt == visit.start - reminder.lead + reminder.validity)
            #expect(message.patientId == visit.patient && message.category == .care)
            // Only what is still to come when it is booked: whoever books a day before is not told of the day before.
            try await visit.tell(AppointmentChanged(appointment: state), "\(visit.appointment)", 1, notify: false)
            #expect(try await reminders(visit).count == 1)
        }
    }

    /// One clinic's visits, all due at the same moment: the one that stands is reminded of, and no other.
    @Test func onlyWhatTakesPlaceThenIsRemindedOf() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let stands = try await visit(clinic)
            var (off, overtaken, moved) = (stands, stands, stands)
            (off.appointment, overtaken.appointment, moved.appointment) = (.init(), .init(), .init())
            let cancelled = AppointmentCancelled(appointment: try off.state(.cancelled))
            try await book(off)
            try await off.tell(cancelled, "\(off.appointment)", 2)
            let overtaking = AppointmentCancelled(appointment: try overtaken.state(.cancelled))
            try await overtaken.tell(overtaking, "\(overtaken.appointment)", 2)
            try await book(overtaken)
            try await book(moved)
            moved.start = moved.start + .seconds(3 * 86_400)
            let rescheduled = AppointmentRescheduled(
                appointment: try moved.state(.confirmed),
                formerLocalStart: "2026-11-20T09:00"
            )
            try await moved.tell(rescheduled, "\(moved.appointment)", 2)
            try await book(stands)
            _ = try await reminded(stands)
            let id = clinic.clinic
            try await eventually("every job is done", within: .seconds(60)) {
                try await clinic.desk.database.inspect(
                    "select count(*) from jobs where clinic_id = \(id) and due_at < now()"
                ) { try $0[0][0] as Int } == 0
            }
            for visit in [off, overtaken, moved] { #expect(try await reminders(visit).isEmpty) }
            // The visit that has moved is reminded of later.
            let waiting: Int = try await clinic.desk.database.inspect(
                """
                select count(*) from visit_reminders where clinic_id = \(id) and visit_id = \(moved.appointment)
                and starts_at = \(moved.start)
                """
            ) { try $0[0][0] }
            #expect(waiting == 3)
            let other = try TestClinic()
            let foreign: Int = try await clinic.desk.database.inspect(
                "select count(*) from known_visits where clinic_id = \(other.clinic)"
            ) { try $0[0][0] }
            #expect(foreign == 0)
        }
    }

    @Test func clinicsChooseWhatTheySend() async throws {
        try await SandboxPlace.with { sandbox in
            let (silent, usual) = (try await clinic(sandbox, .init(reminders: [])), try await clinic(sandbox))
            let shown = try await silent.ask(
                MessageDesk.endpoints.configuration.read,
                ConfigurationPath(clinicId: silent.clinic)
            )
            #expect(shown.output?.settings.reminders == [])
            let (unwanted, wanted) = (try await visit(silent), try await visit(usual))
            try await book(unwanted)
            try await book(wanted)
            _ = try await reminded(wanted)
            let id = silent.clinic
            try await eventually("every job is done", within: .seconds(60)) {
                try await silent.desk.database.inspect(
                    "select count(*) from jobs where clinic_id = \(id) and due_at < now()"
                ) { try $0[0][0] as Int } == 0
            }
            #expect(try await reminders(unwanted).isEmpty)
        }
    }

    @Test func theSameTwiceIsNoChoice() async throws {
        let clinic = try TestClinic()
        let settings = CommunicationSettings(reminders: [.dayBefore, .dayBefore])
        let draft = ConfigurationDraft(
            clinicId: clinic.clinic,
            email: ChannelDraft(primary: .smtp(port: 9)),
            settings: settings
        )
        let answer = try await clinic.ask(MessageDesk.endpoints.configuration.put, draft, ifNoneMatch: "*")
        #expect(answer.status == 422 && answer.pointers == ["/settings/reminders"])
    }

    @Test func quietHoursHoldThemUntilTheVisit() async throws {
        try await SandboxPlace.with { sandbox in
            let allDay = QuietTime(from: try #require(TimeOfDay("00:00")), to: try #require(TimeOfDay("24:00")))
            let clinic = try await clinic(sandbox, CommunicationSettings(quietHours: allDay))
            let visit = try await visit(clinic)
            try await book(visit)
            let message = try await reminded(visit)
            #expect(message.status == .queued && message.waitingFor == .quietHours && message.expiresAt == visit.start)
        }
    }

    /// A text asks for a word where a word can be answered, and nowhere else.
    @Test func onlyNumbersThatHearAreToBeAnswered() throws {
        func entry(_ channel: String, _ provider: String, _ sender: [String: JSONValue] = [:]) -> ProviderEntry {
            ProviderEntry(
                id: ProviderEntryID(),
                channel: channel,
                provider: provider,
                position: 0,
                credentials: Credentials(sender),
                version: 1,
                updatedAt: .now(),
                updatedBy: "test",
                fingerprint: "f",
                formerSecrets: []
            )
        }
        let number = entry("sms", "twilio", ["fromNumber": "+15005550006"])
        let name = entry("sms", "twilio", ["fromNumber": "Lindenhof"])
        let meta = entry("whatsapp", "meta")
        func canBeAnswered(_ channels: Set<MessageChannel>, _ own: [ProviderEntry]) -> Bool {
            TextSenders.canBeAnswered(channels, own: own, by: .builtIn)
        }
        #expect(canBeAnswered([.sms, .email], [number]))
        #expect(canBeAnswered([.sms, .whatsapp], [number, meta]))
        #expect(canBeAnswered([.sms], [entry("sms", "twilio", ["messagingServiceSid": "MG1"])]))
        #expect(!canBeAnswered([.sms], [name]))
        #expect(!canBeAnswered([.sms], [number, entry("sms", "aws_sns")]))
        // The installation's own number hears nobody.
        #expect(!canBeAnswered([.sms, .whatsapp], [meta]))
        #expect(!canBeAnswered([.email], []))
    }

    @Test func dueIsWhatIsStillToCome() throws {
        let visit = ToldVisit(clinic: try TestClinic(), start: .now() + .seconds(7_200))
        let state = try visit.state(.confirmed)
        #expect(ReminderRules.due(for: state, at: .now()).map(\.reminder) == [.halfHourBefore])
        let day = ReminderRules.due(for: state, at: visit.start - .seconds(90_000))
        #expect(day.map(\.at) == [86_400, 7_200, 1_800].map { visit.start - .seconds($0) })
        #expect(ReminderRules.due(for: try visit.state(.cancelled), at: .now() - .seconds(90_000)).isEmpty)
        #expect(ReminderRules.wanted([:]) == [.dayBefore, .twoHoursBefore])
        #expect(ReminderRules.wanted(["reminders": ["30min"]]) == [.halfHourBefore])
    }

    // MARK: - What billing tells

    @Test func anInvoiceAndAPaymentThatFailsAreToldOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let visit = try await visit(clinic)
            let now = Instant.now()
            let total = Money(amount: 8_050, currency: try #require(Currency("EUR")))
            let invoice = Invoice(
                id: InvoiceID(),
                number: "INV-2026-000007",
                status: .open,
                patientId: visit.patient,
                appointmentId: visit.appointment,
                locationId: nil,
                lines: [],
                total: total,
                paid: Money(amount: 0, currency: total.currency),
                due: total,
                issuedAt: now,
                paidAt: nil,
                voidedAt: nil,
                createdAt: now,
                updatedAt: now
            )
            let payment = Payment(
                id: PaymentID(),
                invoiceId: invoice.id,
                patientId: visit.patient,
                status: .failed,
                provider: "stripe",
                amount: total,
                providerPaymentId: nil,
                reason: "card_declined",
                next: .none,
                createdAt: now,
                updatedAt: now
            )
            // The payment's news comes first and waits for what the invoice is called.
            for _ in 0..<2 {
                try await visit.tell(PaymentChanged(payment: PaymentState(payment)), "\(payment.id)", 2)
            }
            try await visit.tell(PaymentChanged(payment: PaymentState(payment)), "\(payment.id)", 2, notify: false)
            for _ in 0..<2 { try await visit.tell(InvoiceOpened(invoice: invoice), "\(invoice.id)", 1) }
            let list = MessageListRequest(reference: "invoice:\(invoice.id)")
            let messages = try await eventually("both notices", within: .seconds(60)) {
                let items = try await clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items ?? []
                return items.count { $0.status == .sent } >= 2 ? items : nil
            }
            #expect(Set(messages.map(\.template)) == ["invoice", "payment_failed"] && messages.count == 2)
            #expect(messages.allSatisfy { $0.content?.text.contains("INV-2026-000007") == true })
            #expect(messages.allSatisfy { $0.category == .billing })
            var voided = invoice
            voided.id = InvoiceID()
            voided.status = .void
            try await visit.tell(InvoiceVoided(invoice: voided), "\(voided.id)", 2)
            try await visit.tell(InvoiceOpened(invoice: voided), "\(voided.id)", 1)
            let none = MessageListRequest(reference: "invoice:\(voided.id)")
            #expect(try await clinic.ask(MessageDesk.endpoints.messages.list, none).output?.items.isEmpty == true)
        }
    }
}
