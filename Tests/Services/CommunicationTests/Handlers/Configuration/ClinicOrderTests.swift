import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

/// What a clinic's own order of channels does to messages of which nobody names any.
@Suite(.timeLimit(.minutes(2))) struct ClinicOrderTests {
    /// A clinic with mail and SMS.
    private func clinic(_ sandbox: SandboxPlace, _ order: [MessageChannel]?) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(
            email: [.smtp(port: sandbox.smtpPort)],
            sms: [.twilio(sandbox.url("twilio"))],
            settings: CommunicationSettings(channels: order)
        )
        return clinic
    }

    private func draft(
        _ clinic: TestClinic,
        phone: String? = "+4915112345678",
        channels: [MessageChannel]? = nil,
        _ category: MessageCategory = .care
    ) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(
                email: EmailAddress("o\(clinic.clinic.low)@example.com"),
                phone: phone.flatMap { PhoneNumber($0) }
            ),
            channels: channels,
            content: MessageContent(subject: "Hello", text: "We expect you at ten."),
            category: category
        )
    }

    private func channel(_ clinic: TestClinic, _ draft: MessageDraft) async throws -> MessageChannel? {
        let message = try await clinic.settled(try await clinic.send(draft))
        #expect(message.status == .sent)
        return message.channel
    }

    @Test func eachClinicGoesByItsOwn() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, other) = (try await clinic(sandbox, [.sms, .email]), try await clinic(sandbox, nil))
            #expect(try await channel(first, draft(first)) == .sms)
            #expect(try await channel(other, draft(other)) == .email)
            // Who names the channels has their order, and the next one has its turn where there is no address.
            #expect(try await channel(first, draft(first, channels: [.email, .sms])) == .email)
            #expect(try await channel(first, draft(first, phone: nil)) == .email)
            let shown = try await first.ask(
                MessageDesk.endpoints.configuration.read,
                ConfigurationPath(clinicId: first.clinic)
            )
            #expect(shown.output?.settings.channels == [.sms, .email])
        }
    }

    @Test func whatItLeavesOutIsUsedByNameOnly() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, [.whatsapp, .sms])
            let send = MessageDesk.endpoints.messages.send
            #expect(try await clinic.ask(send, draft(clinic, phone: nil)).pointers == ["/to"])
            #expect(try await channel(clinic, draft(clinic, phone: nil, channels: [.email])) == .email)
            // What concerns an account is no matter of taste.
            #expect(try await channel(clinic, draft(clinic, phone: nil, .security)) == .email)
            // A patient who has chosen has named it.
            let patient = PatientID()
            try await clinic.tell(of: patient, email: "p\(clinic.clinic.low)@example.com")
            let preferences = ContactPreferencesDraft(
                contactId: patient.retagged(),
                categories: [CategoryPreference(category: .care, channels: [.email])]
            )
            #expect(try await clinic.ask(MessageDesk.endpoints.preferences.put, preferences).status == 200)
            var mine = draft(clinic)
            mine.to = RecipientDraft(patientId: patient)
            #expect(try await channel(clinic, mine) == .email)
        }
    }

    @Test func anOrderWithoutAProviderIsToMend() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, [.push, .whatsapp])
            let refused = try await clinic.ask(MessageDesk.endpoints.messages.send, draft(clinic))
            #expect(refused.status == 409 && refused.code == "channel_not_configured")
            #expect(refused.problem?["detail"]?.string?.contains("push, whatsapp") == true)
        }
    }

    @Test func noticesGoByIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, [.sms])
            let visit = ToldVisit(clinic: clinic, phone: PhoneNumber("+4915112345678"))
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            let booked = AppointmentBooked(appointment: try visit.state(.confirmed))
            try await visit.tell(booked, "\(visit.appointment)", 1)
            let message = try await eventually("the confirmation", within: .seconds(40)) {
                try await visit.messages().first { $0.status == .sent }
            }
            #expect(message.channel == .sms && message.attempts.map(\.channel) == [.sms])
        }
    }

    @Test func aChannelStandsInItOnce() async throws {
        let clinic = try TestClinic()
        let put = MessageDesk.endpoints.configuration.put
        var draft = ConfigurationDraft(
            clinicId: clinic.clinic,
            email: ChannelDraft(primary: .smtp(port: 9)),
            settings: CommunicationSettings(channels: [.sms, .email, .sms])
        )
        let twice = try await clinic.ask(put, draft, ifNoneMatch: "*")
        #expect(twice.status == 422 && twice.pointers == ["/settings/channels"])
        draft.settings?.channels = []
        let empty = try put.inputSchema.violations(in: JSONTape(try JSONWriter.encode(draft)))
        #expect(empty.map(\.pointer) == ["/settings/channels"])
    }
}
