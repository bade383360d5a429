import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Messages wait for the quiet hours that there are, not for those that there were.
@Suite(.timeLimit(.minutes(3))) struct ChangedHoursTests {
    /// Where it is day while the hours of `QuietNow` last in UTC.
    private static let elsewhere = "Pacific/Kiritimati"

    /// A clinic in whose night it is now.
    private func clinic(_ sandbox: SandboxPlace, quiet: Bool = true) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.tellOfItself(zone: "UTC")
        try await set(clinic, sandbox, try quiet ? QuietNow().hours : nil)
        return clinic
    }

    private func set(_ clinic: TestClinic, _ sandbox: SandboxPlace, _ hours: QuietTime?) async throws {
        try await clinic.configure(
            email: [.smtp(port: sandbox.smtpPort)],
            settings: CommunicationSettings(quietHours: hours)
        )
    }

    private func patient(_ clinic: TestClinic) async throws -> PatientID {
        let id = PatientID()
        try await clinic.tell(of: id, email: "h\(id.low)@example.com")
        return id
    }

    /// A message that waits for the end of the night.
    private func waiting(
        _ clinic: TestClinic,
        _ to: RecipientDraft,
        _ priority: MessagePriority = .normal,
        sendAt: Instant? = nil
    ) async throws -> MessageID {
        let content = MessageContent(subject: "Hello", text: "Hello")
        let id = try await clinic.send(MessageDraft(to: to, content: content, priority: priority, sendAt: sendAt))
        let message = try await clinic.message(id)
        #expect(message.status == .queued && message.waitingFor == .quietHours && message.attempts.isEmpty)
        return id
    }

    private func address(_ clinic: TestClinic, _ number: Int = 0) -> RecipientDraft {
        RecipientDraft(email: EmailAddress("h\(number)x\(clinic.clinic.low)@example.com"))
    }

    @Test func whatWaitsGoesWhenAClinicLiftsItsHours() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let scheduled = Instant.now() + .seconds(3_600)
            let ids = [
                try await waiting(clinic, address(clinic)), try await waiting(clinic, address(clinic), .bulk),
                try await waiting(clinic, RecipientDraft(patientId: try await patient(clinic))),
            ]
            let later = try await waiting(clinic, address(clinic, 1), sendAt: scheduled)
            try await set(clinic, sandbox, nil)
            for id in ids { #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted]) }
            // It was not to be sent before its time, whoever sleeps.
            let held = try await eventually("the wait for its time", within: .seconds(40)) {
                let message = try await clinic.message(later)
                return message.waitingFor == .schedule ? message : nil
            }
            #expect(held.attempts.isEmpty && held.sendAt != nil && held.nextAttemptAt == held.sendAt)
            let due = try await clinic.desk.database.inspect(
                "select due_at from jobs where clinic_id = \(clinic.clinic) and handler = \(SendMessageJob.name)"
            ) { rows -> [Instant] in try rows.map { try $0[0] } }
            #expect(due == [held.sendAt])
        }
    }

    @Test func whatWaitsGoesWhenTheConfigurationWithItsHoursGoes() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let id = try await waiting(clinic, address(clinic))
            let configuration = MessageDesk.endpoints.configuration
            let path = ConfigurationPath(clinicId: clinic.clinic)
            let present = try await clinic.ask(configuration.read, path)
            #expect(try await clinic.ask(configuration.delete, path, ifMatch: present.version).status == 204)
            // Nobody is left who could send it, which it would not have found out before the morning.
            #expect(try await clinic.settled(id, [.failed, .sent]).reason?.code == "channel_not_configured")
        }
    }

    @Test func shorterHoursAreWaitedFor() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let ids = [
                try await waiting(clinic, address(clinic)),
                try await waiting(clinic, RecipientDraft(patientId: try await patient(clinic))),
            ]
            let now = try QuietNow(endingIn: 60)
            try await set(clinic, sandbox, now.hours)
            for id in ids {
                let message = try await eventually("the wait for the present hours", within: .seconds(40)) {
                    let message = try await clinic.message(id)
                    return message.nextAttemptAt == now.end ? message : nil
                }
                #expect(message.waitingFor == .quietHours && message.attempts.isEmpty)
            }
        }
    }

    @Test func aClinicThatMovesSleepsElsewhere() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let id = try await waiting(clinic, address(clinic))
            try await clinic.tellOfItself(zone: Self.elsewhere, version: 2)
            #expect(try await clinic.settled(id).status == .sent)
        }
    }

    /// What a contact wishes now holds for what waits, whoever it is.
    @Test(arguments: [true, false]) func whatWaitsGoesWhenAContactLiftsTheirHours(isPatient: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, quiet: false)
            let contact: ContactID = try await isPatient ? patient(clinic).retagged() : stranger(clinic)
            func prefer(_ hours: QuietTime?) async throws {
                let draft = ContactPreferencesDraft(
                    contactId: contact,
                    timeZone: TimeZoneName("UTC"),
                    categories: [CategoryPreference(category: .care, quietHours: hours)]
                )
                #expect(try await clinic.ask(MessageDesk.endpoints.preferences.put, draft).status == 200)
            }
            try await prefer(try QuietNow().hours)
            let id = try await waiting(clinic, RecipientDraft(contactId: contact))
            try await prefer(nil)
            #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
            // The job of before does nothing more.
            try await clinic.hurryJobs()
            try await eventually("the jobs are done", within: .seconds(40)) {
                try await clinic.jobCount() == 0 ? true : nil
            }
            #expect(try await clinic.message(id).attempts.count == 1)
        }
    }

    /// Somebody who is no patient, as if they had written.
    private func stranger(_ clinic: TestClinic) async throws -> ContactID {
        let desk = clinic.desk
        let sealer = try await desk.dataKeys.sealer(for: clinic.clinic)
        let address = try #require(ChannelAddress(.email, "stranger\(clinic.clinic.low)@example.com"))
        return try await desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            let index = AddressIndex(blindIndex: desk.blindIndex)
            return try #require(
                try ContactStore.findOrMake(address, index: index, sealer: sealer, at: .now(), in: tx).first
            )
        }
    }

    @Test func aClinicsMessagesAreGoneThroughInSteps() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            var ids: [MessageID] = []
            for number in 0..<5 { ids.append(try await waiting(clinic, address(clinic, number))) }
            let later = try await waiting(clinic, address(clinic, 5), sendAt: .now() + .seconds(3_600))
            let id = clinic.clinic
            let woken = try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
                // The clinic has moved, and nobody was told; all were accepted a while ago.
                tx.execute("update known_clinics set time_zone = \(Self.elsewhere) where clinic_id = clinic_id()")
                tx.execute(
                    "update messages set created_at = created_at - interval '1 minute' where clinic_id = clinic_id()"
                )
                let change = WakeMessagesJob.Payload(scope: .clinic(.normal), changedAt: .now())
                try WakeMessagesJob(step: 2).run([change], in: tx)
                return try tx.rows(
                    """
                    select count(*) from jobs where clinic_id = \(id) and handler = \(SendMessageJob.name)
                        and due_at < now() + interval '30 minutes'
                    """
                )[0][0] as Int64
            }
            #expect(woken == 2)
            // The rest follows, each step leaving the next.
            for id in ids { #expect(try await clinic.settled(id).status == .sent) }
            try await eventually("the wait for its time", within: .seconds(40)) {
                try await clinic.message(later).waitingFor == .schedule ? true : nil
            }
        }
    }

    /// Who names an address that is nobody's contact is held against the clinic's present night as well.
    @Test func aNightOfAfterwardsHoldsUpWhatGoesToNobodysContact() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, quiet: false)
            var draft = MessageDraft(to: address(clinic), content: MessageContent(subject: "Hello", text: "Hello"))
            draft.sendAt = .now() + CurrentPreferences.freshFor + .seconds(1)
            let id = try await clinic.send(draft)
            let now = try QuietNow()
            try await set(clinic, sandbox, now.hours)
            let message = try await eventually("the wait for the morning", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.waitingFor == .quietHours ? message : nil
            }
            #expect(message.attempts.isEmpty && message.nextAttemptAt == now.end)
        }
    }
}
