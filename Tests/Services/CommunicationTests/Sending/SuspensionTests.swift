import AccessAPI
import Authorization
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import ServiceHost

/// A clinic that the operator has closed.
@Suite(.timeLimit(.minutes(2))) struct SuspensionTests {
    @Test func whatASuspendedClinicHadToSendWaitsUntilItIsOpenedAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let (closed, open) = (try TestClinic(), try TestClinic())
            for clinic in [closed, open] { try await clinic.configure(.smtp(port: sandbox.smtpPort)) }
            try await closed.tellOfItself(status: .suspended)
            let address = "suspended\(closed.clinic.low)@example.com"
            let waiting = try await closed.send(to: address)
            #expect(try await open.settled(try await open.send()).status == .sent)
            try await rests(closed)
            let message = try await closed.message(waiting)
            #expect(message.status == .queued && message.attempts.isEmpty)
            #expect(try await saysWhenItIsLookedAtAgain(closed, waiting))
            try await closed.tellOfItself(version: 2)
            try await closed.hurryJobs()
            #expect(try await closed.settled(waiting).status == .sent)
            #expect(try await sandbox.received(for: address).count == 1)
        }
    }

    /// Whether a clinic's only message says that it waits, and until when.
    private func saysWhenItIsLookedAtAgain(_ clinic: TestClinic, _ id: MessageID) async throws -> Bool {
        let message = try await clinic.message(id)
        let isTrue =
            try await clinic.desk.database.inspect(
                """
                select count(*) from messages m join jobs j on j.clinic_id = m.clinic_id and j.due_at = m.next_attempt_at
                where m.clinic_id = \(clinic.clinic) and m.id = \(id) and j.handler = \(SendMessageJob.name)
                """
            ) { try $0[0][0] as Int64 } == 1
        return isTrue && message.status == .queued && message.waitingFor == .retry && message.nextAttemptAt != nil
    }

    /// Waits until a clinic's only message is put off.
    private func rests(_ clinic: TestClinic) async throws {
        try await eventually("the message to rest", within: .seconds(40)) {
            try await clinic.desk.database.inspect(
                """
                select count(*) from jobs where clinic_id = \(clinic.clinic) and handler = \(SendMessageJob.name)
                    and lease is null and due_at > now() + interval '5 minutes'
                """
            ) { try $0[0][0] as Int64 } == 1
        }
    }

    /// Leaves a message as a process that was killed during its call does.
    private func cutOff(
        _ id: MessageID,
        of clinic: TestClinic,
        at provider: String,
        with entry: ProviderEntryID = ProviderEntryID(),
        _ fingerprint: String = "f"
    ) async throws {
        let clinicID = clinic.clinic
        try await clinic.desk.database.database.transaction(for: Tenant(clinicID, actor: "test")) { tx in
            tx.execute("update messages set status = 'sending', waiting_for = null where id = \(id)")
            tx.execute(
                """
                insert into message_attempts (clinic_id, message_id, number, channel, provider, entry_id, fingerprint,
                    started_at, held_until)
                values (\(clinicID), \(id), 1, 'email', \(provider), \(entry), \(fingerprint),
                    now() - interval '11 minutes', now() - interval '1 second')
                """
            )
        }
    }

    /// A call during which a process was killed is over, whatever has become of its clinic since; its message rests as all do.
    @Test(arguments: ["smtp", "resend"]) func aCallThatWasCutOffIsClosedAllTheSame(provider: String) async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let id = try await clinic.send(
            MessageDraft(
                to: RecipientDraft(email: EmailAddress("cut\(clinic.clinic.low)@example.com")),
                content: MessageContent(subject: "Hello", text: "See you soon."),
                sendAt: .now() + .seconds(3_600)
            )
        )
        try await clinic.tellOfItself(status: .suspended)
        try await cutOff(id, of: clinic, at: provider)
        try await clinic.hurryJobs()
        let message = try await eventually("the attempt is closed and the message waits", within: .seconds(40)) {
            let message = try await clinic.message(id)
            return message.attempts.first?.outcome == nil || message.status == .sending ? nil : message
        }
        #expect(message.status == .queued && message.attempts.map(\.outcome) == [.unknownOutcome])
        #expect(message.attempts.first?.providerCode == "interrupted")
        try await rests(clinic)
        try await clinic.tellOfItself(version: 2)
        try await clinic.hurryJobs()
        let ended = try await clinic.settled(id)
        #expect(ended.status == .unknown && ended.reason?.code == "unknown_outcome" && ended.attempts.count == 1)
    }

    /// Where the clinic waits for a receipt no longer than it was suspended, the next channel has its turn then.
    @Test func aCallThatWasCutOffGoesOnOnceTheClinicIsOpened() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var mail = ProviderDraft.zeptomail(sandbox.zeptomail)
            mail.credentials["webhookSecret"] = "a-secret-of-the-clinic"
            try await clinic.configure(
                email: [mail],
                sms: [.twilio(sandbox.url("twilio"))],
                settings: CommunicationSettings(fallbackAfter: 600)
            )
            let entry = try #require(try await clinic.configuredEntry())
            let address = EmailAddress("cut\(clinic.clinic.low)@example.com")
            let id = try await clinic.send(
                MessageDraft(
                    to: RecipientDraft(email: address, phone: PhoneNumber("+4915112345678")),
                    channels: [.email, .sms],
                    content: MessageContent(subject: "Hello", text: "See you soon."),
                    sendAt: .now() + .seconds(3_600)
                )
            )
            try await clinic.tellOfItself(status: .suspended)
            try await cutOff(id, of: clinic, at: entry.provider, with: entry.id, entry.fingerprint)
            try await clinic.hurryJobs()
            try await rests(clinic)
            #expect(try await saysWhenItIsLookedAtAgain(clinic, id))
            try await clinic.tellOfItself(version: 2)
            try await clinic.hurryJobs()
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.channel == .sms)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
        }
    }

    /// Of a clinic that was suspended before anybody noted it here, access tells again.
    @Test func whoWasSuspendedBeforeItWasNotedIsHeldOnceAccessTellsAgain() async throws {
        let desk = try MessageDesk(apart: "_suspended")
        let clinic = TestClinic(at: desk)
        try await clinic.configure(.smtp(port: 9))
        try await clinic.tellOfItself(status: .suspended)
        let kinds: [ServiceName: Set<String>] = [.access: [ClinicChanged.kind, UserChanged.kind]]
        func beat(_ copy: DatabaseLife.Copy?) async throws -> DatabaseLifeStore.Beat {
            try await desk.database.database.through(.relay) { tx in
                let beat = try DatabaseLifeStore.beat(
                    .communication,
                    kinds: kinds,
                    areFollowed: true,
                    copy: copy,
                    in: tx
                )
                if let ask = beat.ask { DatabaseLifeStore.asked(ask, in: tx) }
                return beat
            }
        }
        let first = try await beat(nil)
        let second = try await beat(first.copy)
        #expect(second.ask == nil)
        // The migration finds what was told of clinics before, without the note.
        let migration = String(decoding: Communication.PackageResources._030_suspended_clinics_sql, as: UTF8.self)
        try desk.database.asOwner(
            "alter table communication.known_clinics drop column suspended;\n"
                + migration.replacing(":schema", with: "communication")
        )
        let third = try await beat(second.copy)
        #expect(third.ask?.topics == [.access] && third.reason == "kinds")
        #expect(try await beat(third.copy).ask == nil)
        // It is the version that is known already.
        try await clinic.tellOfItself(status: .suspended)
        let id = try await clinic.send(to: "before@example.com")
        try await rests(clinic)
        let message = try await clinic.message(id)
        #expect(message.status == .queued && message.attempts.isEmpty)
    }

    @Test func aSuspendedClinicsMessageThatExpiresIsNotSentLater() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let id = try await clinic.send(
            MessageDraft(
                to: RecipientDraft(email: EmailAddress("late@example.com")),
                content: MessageContent(subject: "Hello", text: "See you soon."),
                sendAt: .now() + .seconds(30),
                expiresAt: .now() + .seconds(60)
            )
        )
        try await clinic.tellOfItself(status: .suspended)
        let (desk, now) = (clinic.desk, Instant.now())
        let lookup = SendingLookup(
            dataKeys: desk.dataKeys,
            store: desk.store,
            index: desk.sending.index,
            providers: desk.sending.providers
        )
        let findings = try await desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try [now, now + .seconds(61)].map { try lookup.find([id], at: $0, in: tx)[0] }
        }
        guard case .resting = findings[0], case .ready = findings[1] else {
            Issue.record("\(findings)")
            return
        }
    }
}
