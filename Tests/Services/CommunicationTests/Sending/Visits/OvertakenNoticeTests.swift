import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// What waits to say when a visit is does not go once the visit is cancelled or moved; what it has become is told.
@Suite(.timeLimit(.minutes(3))) struct OvertakenNoticeTests {
    private static let hour: Duration = .seconds(3_600)
    /// Until a reminder is due: time enough to tell of the visit.
    private static let soon: Duration = .seconds(20)
    private static let reminder = ReminderTime.halfHourBefore

    /// - Parameter isNight: it is night there, and later news than of a visit in this night waits.
    private func makeClinic(_ sandbox: SandboxPlace, isNight: Bool = true) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(
            email: [.smtp(port: sandbox.smtpPort)],
            settings: CommunicationSettings(
                quietHours: try isNight ? QuietNow(endingIn: 180).hours : nil,
                reminders: [Self.reminder]
            )
        )
        try await clinic.tellOfItself(zone: "UTC")
        return clinic
    }

    private func book(_ visit: ToldVisit) async throws {
        let booked = AppointmentBooked(appointment: try visit.state(.confirmed))
        try await visit.tell(booked, "\(visit.appointment)", 1)
    }

    private func cancel(_ visit: ToldVisit, version: Int64 = 2) async throws {
        let cancelled = AppointmentCancelled(appointment: try visit.state(.cancelled))
        try await visit.tell(cancelled, "\(visit.appointment)", version)
    }

    /// Tells that a visit begins later; gives it as it is then.
    private func move(_ visit: ToldVisit, by time: Duration) async throws -> ToldVisit {
        var moved = visit
        moved.start = visit.start + time
        moved.localStart = "2026-11-22T11:30"
        let change = AppointmentRescheduled(
            appointment: try moved.state(.confirmed),
            formerLocalStart: visit.localStart
        )
        try await moved.tell(change, "\(moved.appointment)", 2)
        return moved
    }

    /// A message of a visit, once it stands so.
    @discardableResult
    private func message(_ template: String, of visit: ToldVisit, _ status: MessageStatus) async throws -> Message {
        try await eventually("\(template) \(status)", within: .seconds(60)) {
            try await visit.messages().first { $0.template == template && $0.status == status }
        }
    }

    /// How a visit's messages stand, by template.
    private func statuses(_ visit: ToldVisit) async throws -> [String: MessageStatus] {
        let messages = try await visit.messages()
        return Dictionary(messages.map { ($0.template ?? "", $0.status) }) { first, _ in first }
    }

    /// Waits for the notices that are due now, or tried again soon; reminders that are due later are left.
    private func noticesAreDone(_ clinic: TestClinic) async throws {
        try await eventually("the notices are done", within: .seconds(60)) {
            try await clinic.desk.database.inspect(
                """
                select count(*) from jobs where clinic_id = \(clinic.clinic) and handler = \(NoticeJob.name)
                    and due_at < now() + interval '10 minutes'
                """
            ) { try $0[0][0] as Int } == 0
        }
    }

    @Test func aReminderInTheNightIsCalledBackWithItsVisit() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, neighbour) = (try await makeClinic(sandbox), try await makeClinic(sandbox))
            let visit = ToldVisit(clinic: clinic, start: .now() + Self.reminder.lead + Self.soon)
            try await visit.tellOfPeople()
            // The patient's other visit, and another clinic's of the same name.
            var other = visit
            other.appointment = AppointmentID()
            let foreign = ToldVisit(clinic: neighbour, appointment: visit.appointment, start: visit.start)
            try await foreign.tellOfPeople()
            let held = [BuiltInTemplates.appointmentConfirmation, Self.reminder.template]
            for visit in [visit, other, foreign] { try await book(visit) }
            for visit in [visit, other, foreign] {
                for template in held {
                    #expect(try await message(template, of: visit, .queued).waitingFor == .quietHours)
                }
            }
            try await cancel(visit)
            for template in held {
                let withdrawn = try await message(template, of: visit, .cancelled)
                #expect(withdrawn.reason == VisitNews.changed && withdrawn.nextAttemptAt == nil)
            }
            try await message(BuiltInTemplates.appointmentCancellation, of: visit, .sent)
            for visit in [other, foreign] {
                #expect(try await statuses(visit) == [held[0]: .queued, held[1]: .queued])
            }
            // The jobs of before find nothing to do; the other visit's expire before the morning.
            try await clinic.hurryJobs()
            try await eventually("the jobs are done") { try await clinic.jobCount() == 0 }
            for template in held { #expect(try await statuses(visit)[template] == .cancelled) }
            #expect(try await sandbox.received(for: visit.email).count == 1)
        }
    }

    @Test func aVisitThatMovesIsToldOfAsItIs() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await makeClinic(sandbox)
            let visit = ToldVisit(clinic: clinic, start: .now() + Self.hour)
            try await visit.tellOfPeople()
            try await book(visit)
            try await message(BuiltInTemplates.appointmentConfirmation, of: visit, .queued)
            let moved = try await move(visit, by: Self.hour)
            let change = try await message(BuiltInTemplates.appointmentChange, of: moved, .sent)
            #expect(change.expiresAt == moved.start)
            let former = try await message(BuiltInTemplates.appointmentConfirmation, of: moved, .cancelled)
            #expect(former.reason?.code == "visit_changed")
            // Told again it calls nothing back, the change least of all.
            let again = AppointmentChanged(appointment: try moved.state(.confirmed))
            try await moved.tell(again, "\(moved.appointment)", 2, notify: false)
            #expect(try await statuses(moved)[BuiltInTemplates.appointmentChange] == .sent)
            #expect(try await sandbox.received(for: visit.email).count == 1)
        }
    }

    /// A change that waits for the morning is itself called back when the visit moves again or is cancelled.
    @Test func aChangeThatWaitsIsOvertakenToo() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await makeClinic(sandbox)
            let visit = ToldVisit(clinic: clinic)
            try await visit.tellOfPeople()
            let moved = try await move(visit, by: Self.hour)
            try await message(BuiltInTemplates.appointmentChange, of: moved, .queued)
            // A state that is told again is no change.
            let again = AppointmentChanged(appointment: try moved.state(.confirmed))
            try await moved.tell(again, "\(moved.appointment)", 2, notify: false)
            #expect(try await statuses(moved) == [BuiltInTemplates.appointmentChange: .queued])
            try await cancel(moved, version: 3)
            try await message(BuiltInTemplates.appointmentChange, of: moved, .cancelled)
            try await message(BuiltInTemplates.appointmentCancellation, of: moved, .queued)
        }
    }

    /// The booking's notice waits for what the patient is called when the cancellation comes.
    @Test func whatIsToldTogetherIsToldAsItStands() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await makeClinic(sandbox, isNight: false)
            let visit = ToldVisit(clinic: clinic, start: .now() + Self.hour)
            var moving = visit
            moving.appointment = AppointmentID()
            try await book(visit)
            try await cancel(visit)
            try await book(moving)
            let moved = try await move(moving, by: Self.hour)
            try await visit.tellOfPeople()
            try await message(BuiltInTemplates.appointmentCancellation, of: visit, .sent)
            try await message(BuiltInTemplates.appointmentChange, of: moved, .sent)
            try await noticesAreDone(clinic)
            #expect(try await statuses(visit) == [BuiltInTemplates.appointmentCancellation: .sent])
            #expect(try await statuses(moved) == [BuiltInTemplates.appointmentChange: .sent])
            #expect(try await sandbox.received(for: visit.email).count == 2)
        }
    }

    /// Nobody can call back what a provider has or may have.
    @Test func whatIsOnItsWayIsLeftAlone() async throws {
        try await SandboxPlace.with { sandbox in
            let day = try await makeClinic(sandbox, isNight: false)
            let told = ToldVisit(clinic: day, start: .now() + Self.hour)
            try await told.tellOfPeople()
            try await book(told)
            try await message(BuiltInTemplates.appointmentConfirmation, of: told, .sent)
            try await cancel(told)
            try await message(BuiltInTemplates.appointmentCancellation, of: told, .sent)
            #expect(try await statuses(told)[BuiltInTemplates.appointmentConfirmation] == .sent)

            let clinic = try await makeClinic(sandbox)
            let visit = ToldVisit(clinic: clinic, start: .now() + Self.reminder.lead + Self.soon)
            try await visit.tellOfPeople()
            try await book(visit)
            let sending = try await message(BuiltInTemplates.appointmentConfirmation, of: visit, .queued)
            let lost = try await message(Self.reminder.template, of: visit, .queued)
            let tenant = Tenant(clinic.clinic, actor: "test")
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                tx.execute(
                    """
                    update messages set status = 'sending', waiting_for = null
                    where clinic_id = clinic_id() and id = \(sending.id)
                    """
                )
                tx.execute(
                    """
                    insert into message_attempts (clinic_id, message_id, number, channel, provider, entry_id, fingerprint,
                        started_at, outcome)
                    values (clinic_id(), \(lost.id), 1, 'email', 'resend', \(RequestID()), '', now(), 'unknown_outcome')
                    """
                )
            }
            try await cancel(visit)
            try await message(BuiltInTemplates.appointmentCancellation, of: visit, .sent)
            let found = try await statuses(visit)
            #expect(found[BuiltInTemplates.appointmentConfirmation] == .sending)
            #expect(found[Self.reminder.template] == .queued)
            // But nobody else is called for them.
            for id in [sending.id, lost.id] {
                #expect(try #require(try await clinic.message(id).expiresAt) <= .now())
            }
        }
    }

    /// What a provider has is not said again by another channel when nobody says that it arrived.
    @Test func whatWaitsForAReceiptGoesNowhereElse() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var mail = ProviderDraft.zeptomail(sandbox.zeptomail)
            mail.credentials["webhookSecret"] = "a-secret-of-the-clinic"
            try await clinic.configure(
                email: [mail],
                sms: [.twilio(sandbox.url("twilio"))],
                settings: CommunicationSettings(fallbackAfter: 600)
            )
            try await clinic.tellOfItself(zone: "UTC")
            let phone = "+4915\(10_000_000 + clinic.clinic.low % 90_000_000)"
            let visit = ToldVisit(clinic: clinic, start: .now() + Self.hour, phone: PhoneNumber(phone))
            try await visit.tellOfPeople()
            try await book(visit)
            let told = try await message(BuiltInTemplates.appointmentConfirmation, of: visit, .queued)
            let waiting = try await eventually("the wait for a receipt", within: .seconds(60)) {
                let message = try await clinic.message(told.id)
                return message.waitingFor == .receipt ? message : nil
            }
            try await cancel(visit)
            let held = try await eventually("nobody else has its turn", within: .seconds(60)) {
                let message = try await clinic.message(told.id)
                return message.expiresAt.map { $0 <= .now() } == true ? message : nil
            }
            #expect(held.waitingFor == .receipt && waiting.expiresAt == visit.start)
            let tenant = Tenant(clinic.clinic, actor: "test")
            let deadline = ReceiptDeadlineJob.Payload(message: told.id, stage: 1, until: waiting.nextAttemptAt)
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                try ReceiptDeadlineJob().run([deadline], in: tx)
            }
            let ended = try await clinic.settled(told.id)
            #expect(ended.status == .sent && ended.attempts.map(\.channel) == [.email])
            #expect(try await sandbox.received(for: phone).isEmpty)
        }
    }

    /// A provider that took it, or may have, reports only after the visit is off that it did not arrive.
    @Test(arguments: [MessageStatus.sent, .unknown]) func whatDidNotArriveGoesNowhereElse(status: MessageStatus)
        async throws
    {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(email: [.zeptomail(sandbox.zeptomail)], sms: [.twilio(sandbox.url("twilio"))])
            try await clinic.tellOfItself(zone: "UTC")
            let phone = "+4915\(10_000_000 + clinic.clinic.low % 90_000_000)"
            let visit = ToldVisit(clinic: clinic, start: .now() + Self.hour, phone: PhoneNumber(phone))
            try await visit.tellOfPeople()
            try await book(visit)
            let told = try await message(BuiltInTemplates.appointmentConfirmation, of: visit, .sent)
            let tenant = Tenant(clinic.clinic, actor: "test")
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                tx.execute(
                    """
                    update messages set status = \(status.rawValue) where clinic_id = clinic_id() and id = \(told.id)
                    """
                )
            }
            try await cancel(visit)
            try await message(BuiltInTemplates.appointmentCancellation, of: visit, .sent)
            let bounced = ReportedAttempt(
                message: told.id,
                number: 1,
                providerMessageID: nil,
                channel: "email",
                provider: "zeptomail",
                fingerprint: "",
                startedAt: .now(),
                isOpen: false
            )
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                _ = try MessageStore.deliver(bounced, .softBounce, at: .now(), in: tx)
            }
            let ended = try await clinic.message(told.id)
            #expect(ended.status == .failed && ended.reason?.code == "soft_bounce")
            #expect(ended.attempts.map(\.channel) == [.email])
            #expect(try await sandbox.received(for: phone).isEmpty)
        }
    }

    @Test func onlyAnotherTimeIsAChange() {
        let now = Instant.now()
        let stands = VisitStanding(isCancelled: false, start: now)
        let off = VisitStanding(isCancelled: true, start: now)
        let later = VisitStanding(isCancelled: false, start: now + Self.hour)
        #expect(VisitNews.isChange(from: stands, to: off) && VisitNews.isChange(from: nil, to: off))
        #expect(VisitNews.isChange(from: stands, to: later))
        #expect(!VisitNews.isChange(from: stands, to: stands) && !VisitNews.isChange(from: nil, to: stands))
        #expect(!VisitNews.isChange(from: off, to: off))
    }
}
