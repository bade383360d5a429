import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// Messages that go from one channel to the next: at once when nobody takes them, later when they do not arrive.
@Suite(.timeLimit(.minutes(3))) struct ChannelTests {
    private static let phone = "+4915112345678"

    private func draft(_ address: String, phone: String = phone) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address), phone: PhoneNumber(phone)),
            channels: [.email, .sms],
            content: MessageContent(subject: "Hello", text: "We expect you at ten.")
        )
    }

    /// A clinic with mail that gives receipts, and SMS.
    private func clinic(_ sandbox: SandboxPlace, fallbackAfter: Int? = nil) async throws -> TestClinic {
        let clinic = try TestClinic()
        var mail = ProviderDraft.zeptomail(sandbox.zeptomail)
        mail.credentials["webhookSecret"] = "a-secret-of-the-clinic"
        try await clinic.configure(
            email: [mail],
            sms: [.twilio(sandbox.url("twilio"))],
            settings: CommunicationSettings(fallbackAfter: fallbackAfter)
        )
        return clinic
    }

    private func inTransaction(
        _ clinic: TestClinic,
        _ body: @Sendable @escaping (borrowing Transaction) throws -> Void
    ) async throws {
        let tenant = Tenant(clinic.clinic, actor: "test")
        try await clinic.desk.database.database.transaction(for: tenant) { tx in try body(tx) }
    }

    private static func byMail(_ id: MessageID) -> ReportedAttempt {
        ReportedAttempt(
            message: id,
            number: 1,
            providerMessageID: nil,
            channel: "email",
            provider: "zeptomail",
            isOpen: false
        )
    }

    @Test func whatMailDoesNotTakeGoesBySMSInTheSameRound() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await sandbox.fault("down", of: "zeptomail")
            let id = try await clinic.send(draft("a\(clinic.clinic.low)@example.com"))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.channel == .sms)
            #expect(message.attempts.map(\.channel) == [.email, .sms])
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
            let sms = try #require(try await sandbox.received(for: Self.phone).last?.message)
            #expect(sms["text"]?.string == "We expect you at ten.")
            #expect(message.to?.phone?.number == Self.phone)
        }
    }

    @Test func withoutAReceiptTheNextChannelHasItsTurnOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            let id = try await clinic.send(draft("b\(clinic.clinic.low)@example.com"))
            let waiting = try await eventually("the wait for a receipt") {
                let message = try await clinic.message(id)
                return message.waitingFor == .receipt ? message : nil
            }
            #expect(waiting.status == .queued && waiting.attempts.map(\.outcome) == [.accepted])
            #expect(waiting.nextAttemptAt.map { abs(($0 - Instant.now()).inSeconds - 600) < 60 } == true)
            let cancelled = try await clinic.ask(MessageDesk.endpoints.messages.cancel, MessagePath(id: id))
            #expect(cancelled.code == "not_cancellable")
            // The deadline's job as it runs then, twice as a worker that was cut off runs it.
            for _ in 1...2 {
                try await inTransaction(clinic) { tx in
                    try ReceiptDeadlineJob().run([.init(message: id, stage: 1)], in: tx)
                }
            }
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.attempts.map(\.channel) == [.email, .sms])
            // A bounce of the first channel says nothing about a message that has gone on; a delivery does.
            try await inTransaction(clinic) { tx in
                try MessageStore.deliver(Self.byMail(id), .hardBounce, at: .now(), in: tx)
            }
            #expect(try await clinic.message(id).status == .sent)
            try await inTransaction(clinic) { tx in
                try MessageStore.deliver(Self.byMail(id), .delivered, at: .now(), in: tx)
            }
            #expect(try await clinic.message(id).status == .delivered)
        }
    }

    @Test func aReceiptInTimeIsTheEnd() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            let id = try await clinic.send(draft("c\(clinic.clinic.low)@example.com"))
            try await eventually("the wait for a receipt") {
                try await clinic.message(id).waitingFor == .receipt ? true : nil
            }
            try await inTransaction(clinic) { tx in
                try MessageStore.deliver(Self.byMail(id), .delivered, at: .now(), in: tx)
                try ReceiptDeadlineJob().run([.init(message: id, stage: 1)], in: tx)
            }
            let message = try await clinic.message(id)
            #expect(message.status == .delivered && message.waitingFor == nil && message.attempts.count == 1)
        }
    }

    @Test(arguments: [nil, 600]) func whatBouncesGoesOnAtOnce(fallbackAfter: Int?) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: fallbackAfter)
            let id = try await clinic.send(draft("d\(clinic.clinic.low)@example.com"))
            try await eventually("mail has taken it") {
                let message = try await clinic.message(id)
                return message.status == .sent || message.waitingFor == .receipt ? true : nil
            }
            // Several notices of the same bounce at once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...5 {
                    group.addTask {
                        try await inTransaction(clinic) { tx in
                            try MessageStore.deliver(Self.byMail(id), .hardBounce, at: .now(), in: tx)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let message = try await eventually("the other channel") {
                let message = try await clinic.message(id)
                return message.channel == .sms && message.status == .sent ? message : nil
            }
            #expect(message.attempts.map(\.channel) == [.email, .sms])
        }
    }

    @Test func oneChannelIsConfiguredWithoutTheOthers() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(email: [.smtp(port: 9)], sms: [.twilio("http://127.0.0.1:9")])
        let before = try await clinic.ask(
            MessageDesk.endpoints.configuration.read,
            ConfigurationPath(clinicId: clinic.clinic)
        )
        let answer = try await clinic.ask(
            MessageDesk.endpoints.configuration.putChannel,
            ChannelConfigurationDraft(
                clinicId: clinic.clinic,
                channel: .sms,
                primary: .twilio("http://127.0.0.1:10")
            ),
            ifMatch: before.version
        )
        #expect(answer.status == 200, "\(String(describing: answer.problem))")
        #expect(answer.output?.email?.primary.id == before.output?.email?.primary.id)
        #expect(answer.output?.email?.primary.version == before.output?.email?.primary.version)
        #expect(answer.output?.sms?.primary.credentials["endpoint"]?.string == "http://127.0.0.1:10")
        #expect(answer.output?.sms?.primary.credentials["authToken"]?.string?.hasPrefix("••••") == true)
    }

    @Test func textsAndAddressesMustFitTheirChannels() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(email: [.smtp(port: 9)], sms: [.twilio("http://127.0.0.1:9")])
        let send = MessageDesk.endpoints.messages.send
        var long = draft("e@example.com")
        long.content?.text = String(repeating: "ä", count: TextToSend.longest + 1)
        let tooLong = try await clinic.ask(send, long)
        #expect(tooLong.status == 422 && tooLong.pointers == ["/content/text"])
        long.content?.text.removeLast()
        #expect(try await clinic.ask(send, long).status == 202)
        var noPhone = draft("e@example.com")
        noPhone.to.phone = nil
        noPhone.channels = [.sms]
        #expect(try await clinic.ask(send, noPhone).pointers == ["/to"])
        noPhone.channels = [.push, .whatsapp]
        #expect(try await clinic.ask(send, noPhone).code == "channel_not_configured")
        let found = try await clinic.ask(
            MessageDesk.endpoints.messages.list,
            MessageListRequest(recipient: Self.phone)
        )
        #expect(found.output?.items.count == 1)
        let nonsense = MessageListRequest(recipient: "nobody at all")
        #expect(try await clinic.ask(MessageDesk.endpoints.messages.list, nonsense).status == 422)
    }
}
