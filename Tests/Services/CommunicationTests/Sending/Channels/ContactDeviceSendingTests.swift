import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Notices to contacts' devices: to the one registered last, and to the next when its app is gone.
@Suite(.timeLimit(.minutes(3))) struct ContactDeviceSendingTests {
    private static let (first, second) = ("fGTokenOfTheFirstPhone:APA91b", "fGTokenOfTheSecondPhone:APA91b")
    private static let dead = "unregistered-000000000"

    /// A clinic with notices to apps and mail, in this order, and a patient with devices, the last registered last.
    private func clinic(
        _ sandbox: SandboxPlace,
        _ tokens: String...
    ) async throws -> (clinic: TestClinic, patient: PatientID) {
        let account = try await sandbox.call("/fcm/service-account")
        return try await clinic(sandbox, by: .fcm(sandbox.url("fcm"), account: account), tokens)
    }

    private func clinic(
        _ sandbox: SandboxPlace,
        by push: ProviderDraft,
        _ tokens: [String]
    ) async throws -> (clinic: TestClinic, patient: PatientID) {
        let clinic = try TestClinic()
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort)),
                push: ChannelDraft(primary: push),
                settings: CommunicationSettings(channels: [.push, .email])
            )
        )
        let patient = PatientID()
        try await clinic.tell(of: patient, email: "p\(clinic.clinic.low)@example.com")
        for token in tokens { #expect(try await clinic.register(token, of: patient.retagged()).status == 201) }
        return (clinic, patient)
    }

    private func send(
        _ clinic: TestClinic,
        to patient: PatientID,
        channels: [MessageChannel]? = nil
    ) async throws -> MessageID {
        let draft = MessageDraft(
            to: RecipientDraft(patientId: patient),
            channels: channels,
            content: MessageContent(subject: "Clinic", text: "See you soon.")
        )
        return try await clinic.send(draft)
    }

    private func suppressed(_ clinic: TestClinic) async throws -> [Suppression] {
        try #require(try await clinic.ask(MessageDesk.endpoints.suppressions.list, .init()).output).items
    }

    @Test func theOneRegisteredLastIsCalled() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, Self.first, Self.second)
            let message = try await clinic.settled(try await send(clinic, to: patient))
            #expect(message.status == .sent && message.channel == .push)
            #expect(try await sandbox.received(for: Self.second).count == 1)
            // The other one is in use again, and its holder's contact is no patient of another clinic.
            #expect(try await clinic.register(Self.first, of: patient.retagged()).status == 200)
            #expect(try await clinic.settled(try await send(clinic, to: patient)).channel == .push)
            #expect(try await sandbox.received(for: Self.first).count == 1)
            let (other, neighbour) = try await self.clinic(sandbox)
            #expect(try await other.settled(try await send(other, to: neighbour)).channel == .email)
        }
    }

    @Test func theNextHasItsTurnWhenOneIsGone() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(
                sandbox,
                Self.first,
                "othersender-000000000",
                Self.dead
            )
            let message = try await clinic.settled(try await send(clinic, to: patient))
            #expect(message.attempts.map(\.outcome) == [.badRecipient, .badRecipient, .accepted])
            #expect(message.attempts.allSatisfy { $0.channel == .push } && message.channel == .push)
            #expect(try await sandbox.received(for: Self.first).count == 1)
            // What is gone is forgotten, and nobody is kept from registering it.
            #expect(try await clinic.devices(of: patient.retagged()).map(\.pushToken) == ["••••A91b"])
            #expect(try await suppressed(clinic).isEmpty)
            let again = try await clinic.settled(try await send(clinic, to: patient))
            #expect(again.attempts.map(\.outcome) == [.accepted])
        }
    }

    @Test func theNextChannelHasItsTurnWhenAllAreGone() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, Self.dead)
            let message = try await clinic.settled(try await send(clinic, to: patient))
            #expect(message.attempts.map(\.outcome) == [.badRecipient, .accepted] && message.channel == .email)
            #expect(try await clinic.devices(of: patient.retagged()).isEmpty)
            // By push alone there is no address any more.
            let draft = MessageDraft(
                to: RecipientDraft(patientId: patient),
                channels: [.push],
                content: MessageContent(text: "See you soon.")
            )
            #expect(try await clinic.ask(MessageDesk.endpoints.messages.send, draft).status == 422)
            #expect(try await clinic.register(Self.dead, of: patient.retagged()).status == 201)
            let alone = try await clinic.settled(try await send(clinic, to: patient, channels: [.push]))
            #expect(alone.status == .failed && alone.reason?.code == "bad_recipient")
        }
    }

    @Test func itGoesToWhatThereIsWhenItIsSent() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, Self.first)
            /// A message that nobody has taken yet.
            func held() async throws -> MessageID {
                try await sandbox.fault("500", of: "fcm")
                let id = try await send(clinic, to: patient, channels: [.push])
                try await eventually("the first round is over", within: .seconds(40)) {
                    try await clinic.message(id).attempts.first?.outcome == .transient
                }
                let device = try #require(try await clinic.devices(of: patient.retagged()).first)
                let path = ContactDevicePath(contactId: patient.retagged(), deviceId: device.id)
                #expect(try await clinic.ask(MessageDesk.endpoints.devices.delete, path).status == 204)
                return id
            }
            let moved = try await held()
            #expect(try await clinic.register(Self.second, of: patient.retagged()).status == 201)
            try await sandbox.fault(nil, of: "fcm")
            #expect(try await clinic.settled(moved).status == .sent)
            #expect(try await sandbox.received(for: Self.first).isEmpty)
            #expect(try await sandbox.received(for: Self.second).count == 1)
            // With none left it says so.
            let message = try await clinic.settled(try await held())
            #expect(message.status == .failed && message.reason?.code == "bad_recipient")
        }
    }

    /// A device that was gone in one round keeps nobody away from those that there are in the next.
    @Test func anotherOneIsCalledInTheNextRound() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, "toofast-00000000000000", Self.dead)
            let id = try await send(clinic, to: patient, channels: [.push])
            try await eventually("the first round is over", within: .seconds(40)) {
                try await clinic.message(id).attempts.prefix(2).map(\.outcome) == [.badRecipient, .throttled]
            }
            #expect(try await clinic.register(Self.first, of: patient.retagged()).status == 201)
            // Not before the time that the provider has named, which is a minute.
            try await eventually("the next round is set") { try await clinic.message(id).nextAttemptAt != nil }
            try await clinic.hurryJobs()
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.attempts.last?.outcome == .accepted)
            #expect(try await sandbox.received(for: Self.first).count == 1)
        }
    }

    @Test func whatTheClinicKeepsAwayIsPassedOver() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, Self.first, Self.second)
            func suppress(_ token: String) async throws {
                let draft = SuppressionDraft(channel: .push, address: token)
                #expect(try await clinic.ask(MessageDesk.endpoints.suppressions.create, draft).status == 201)
            }
            try await suppress(Self.second)
            #expect(try await clinic.settled(try await send(clinic, to: patient)).channel == .push)
            #expect(try await sandbox.received(for: Self.first).count == 1)
            try await suppress(Self.first)
            let message = try await clinic.settled(try await send(clinic, to: patient))
            #expect(message.attempts.map(\.outcome) == [.skippedSuppressed, .accepted] && message.channel == .email)
            let alone = try await send(clinic, to: patient, channels: [.push])
            let ended = try await clinic.settled(alone, [.suppressed, .sent, .failed])
            #expect(ended.status == .suppressed && ended.reason?.code == "suppressed_manual")
            #expect(try await sandbox.received(for: Self.second).isEmpty)
        }
    }

    @Test func noticesReachThem() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox)
            let visit = ToldVisit(clinic: clinic, patient: patient)
            try await visit.tellOfPeople(version: 2)
            try await visit.tellOfClinic()
            #expect(try await clinic.register(Self.first, of: patient.retagged()).status == 201)
            let booked = AppointmentBooked(appointment: try visit.state(.confirmed))
            try await visit.tell(booked, "\(visit.appointment)", 1)
            let message = try await eventually("the confirmation", within: .seconds(40)) {
                try await visit.messages().first { $0.status == .sent }
            }
            #expect(message.template == BuiltInTemplates.appointmentConfirmation && message.channel == .push)
            #expect(try await sandbox.received(for: Self.first).count == 1)
            // Who has chosen otherwise is reached otherwise.
            let preferences = ContactPreferencesDraft(
                contactId: patient.retagged(),
                categories: [CategoryPreference(category: .care, channels: [.email])]
            )
            #expect(try await clinic.ask(MessageDesk.endpoints.preferences.put, preferences).status == 200)
            #expect(try await clinic.settled(try await send(clinic, to: patient)).channel == .email)
        }
    }

    /// A token that was named is no contact's device: it is kept away, until the app registers itself.
    @Test func aNamedTokenIsSuppressedUntilItIsRegistered() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox)
            let draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress("named@example.com"), pushToken: Self.dead),
                channels: [.push, .email],
                content: MessageContent(subject: "Clinic", text: "See you soon.")
            )
            func outcomes() async throws -> [AttemptOutcome?] {
                try await clinic.settled(try await clinic.send(draft)).attempts.map(\.outcome)
            }
            #expect(try await outcomes() == [.badRecipient, .accepted])
            #expect(try await outcomes() == [.skippedSuppressed, .accepted])
            #expect(try await clinic.register(Self.dead, of: patient.retagged()).status == 201)
            #expect(try await suppressed(clinic).isEmpty)
            #expect(try await outcomes() == [.badRecipient, .accepted])
        }
    }

    /// What a provider says of a device is about the registration that it was called with.
    @Test func aDeviceThatIsRegisteredMeanwhileStays() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, Self.first)
            let contact: ContactID = patient.retagged()
            let sealer = try await clinic.desk.dataKeys.sealer(for: clinic.clinic)
            let tenant = Tenant(clinic.clinic, actor: "test")
            func stored() async throws -> StoredDevice? {
                try await clinic.desk.database.database.transaction(for: tenant) { tx in
                    try ContactDeviceStore.all(of: [contact], sealer: sealer, in: tx)[contact]?.first
                }
            }
            let before = PushDevice(try #require(try await stored()))
            #expect(before.isFresh)
            #expect(try await clinic.register(Self.first, of: contact).status == 200)
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                ContactDeviceStore.giveUp(before, in: tx)
                ContactDeviceStore.taken(before, at: .now(), in: tx)
            }
            let after = PushDevice(try #require(try await stored()))
            #expect(after.isFresh && after.registeredAt > before.registeredAt)
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                ContactDeviceStore.taken(after, at: .now(), in: tx)
            }
            #expect(try await stored()?.takenAt != nil)
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                ContactDeviceStore.giveUp(after, in: tx)
            }
            #expect(try await stored() == nil)
        }
    }

    // MARK: - SNS

    private static let application = "arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic"

    private static func sns(_ sandbox: SandboxPlace) -> ProviderDraft {
        ProviderDraft(
            provider: AWSSNSPushProvider.name,
            credentials: [
                "accessKeyId": .string(ProviderSamples.accessKey),
                "secretAccessKey": .string(ProviderSamples.secretKey), "region": "eu-west-1",
                "platformApplicationArn": .string(application), "endpoint": .string(sandbox.url("aws_sns")),
            ]
        )
    }

    /// Turns a device's endpoint off, as AWS does when Google has refused its token.
    private static func disable(_ token: String, at sandbox: SandboxPlace) async throws {
        let draft = sns(sandbox)
        let account = try #require(
            AWSSNSAccount(
                Credentials(draft.credentials),
                base: sandbox.url("aws_sns"),
                through: ProviderSamples.transports()
            )
        )
        let endpoint = await account.verdict(
            "CreatePlatformEndpoint",
            [("PlatformApplicationArn", application), ("Token", token)],
            deadline: .after(.seconds(10)),
            reading: AWSSNSReply.endpointVerdict
        )
        let disabled = await account.verdict(
            "SetEndpointAttributes",
            [
                ("EndpointArn", try #require(endpoint.messageID)), ("Attributes.entry.1.key", "Enabled"),
                ("Attributes.entry.1.value", "false"),
            ],
            deadline: .after(.seconds(10)),
            reading: AWSSNSReply.changed
        )
        try #require(disabled.outcome == .accepted, "\(disabled)")
    }

    @Test func anEndpointIsEnabledForAnAppThatIsThereAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, patient) = try await clinic(sandbox, by: Self.sns(sandbox), [Self.first])
            func outcomes() async throws -> [AttemptOutcome?] {
                try await clinic.settled(try await send(clinic, to: patient)).attempts.map(\.outcome)
            }
            // Whatever was known of the token before it was registered is over.
            try await Self.disable(Self.first, at: sandbox)
            #expect(try await outcomes() == [.accepted])
            // After a notice was taken, the endpoint says that the app is gone.
            try await Self.disable(Self.first, at: sandbox)
            #expect(try await outcomes() == [.badRecipient, .accepted])
            #expect(try await clinic.devices(of: patient.retagged()).isEmpty)
            #expect(try await clinic.register(Self.first, of: patient.retagged()).status == 201)
            #expect(try await outcomes() == [.accepted])
            #expect(try await sandbox.received(for: Self.first).count == 2)
        }
    }

    @Test func aNamedTokensEndpointStaysDisabled() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, _) = try await clinic(sandbox, by: Self.sns(sandbox), [])
            try await Self.disable(Self.first, at: sandbox)
            let draft = MessageDraft(
                to: RecipientDraft(pushToken: Self.first),
                channels: [.push],
                content: MessageContent(text: "See you soon.")
            )
            let message = try await clinic.settled(try await clinic.send(draft))
            #expect(message.status == .failed && message.attempts.map(\.providerCode) == ["EndpointDisabled"])
            #expect(try await suppressed(clinic).map(\.address) == [Self.first])
        }
    }
}
