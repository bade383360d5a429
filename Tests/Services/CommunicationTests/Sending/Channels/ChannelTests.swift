import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import Postgres
import ProviderConfig
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
        var mail = ProviderDraft.zeptomail(sandbox.zeptomail)
        mail.credentials["webhookSecret"] = "a-secret-of-the-clinic"
        return try await clinic(sandbox, by: mail, fallbackAfter: fallbackAfter)
    }

    /// Mail that knows a message again by its key.
    private static func resend(_ sandbox: SandboxPlace) -> ProviderDraft {
        var mail = ProviderDraft.resend(sandbox.url("resend"))
        mail.credentials["webhookSecret"] = .string("whsec_" + Base64.encode(Array("a-secret-of-the-clinic".utf8)))
        return mail
    }

    private func clinic(
        _ sandbox: SandboxPlace,
        by mail: ProviderDraft,
        fallbackAfter: Int? = nil
    ) async throws -> TestClinic {
        let clinic = try TestClinic()
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

    /// The jobs that wait for receipts in vain, in their order.
    private func deadlines(_ clinic: TestClinic) async throws -> [(dueAt: Instant, payload: ReceiptDeadlineJob.Payload)]
    {
        let rows = try await clinic.desk.database.inspect(
            """
            select due_at, payload from jobs
            where clinic_id = \(clinic.clinic) and handler = \(ReceiptDeadlineJob.name) order by due_at
            """
        ) { rows -> [(Instant, [UInt8])] in try rows.map { (try $0[0], try $0[1]) } }
        return try rows.map { row in
            (row.0, try JSONDecoder().decode(ReceiptDeadlineJob.Payload.self, from: Data(row.1)))
        }
    }

    /// Has the time be over in which a message waits for a receipt.
    private func outwait(_ id: MessageID, _ clinic: TestClinic) async throws {
        try await eventually("the wait for a receipt", within: .seconds(40)) {
            try await clinic.message(id).waitingFor == .receipt ? true : nil
        }
        let job = try #require(try await deadlines(clinic).first)
        try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([job.payload], in: tx) }
    }

    /// The entries in force for mail and for texts.
    private func entries(_ clinic: TestClinic) async throws -> (mail: ProviderEntry, texts: ProviderEntry) {
        let texts = try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: "sms").entries.first
        return (try #require(try await clinic.configuredEntry()), try #require(texts))
    }

    private static func byMail(_ id: MessageID) -> ReportedAttempt {
        ReportedAttempt(
            message: id,
            number: 1,
            providerMessageID: nil,
            channel: "email",
            provider: "zeptomail",
            fingerprint: "",
            startedAt: .now(),
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
            let job = try #require(try await deadlines(clinic).first)
            #expect(job.dueAt == waiting.nextAttemptAt && job.payload.message == id && job.payload.stage == 1)
            // As it runs then, twice as a worker that was cut off runs it.
            for _ in 1...2 {
                try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([job.payload], in: tx) }
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

    /// A provider has taken it, and nobody else does: it is sent, and may still arrive, or come back.
    @Test(arguments: [DeliveryEvent.delivered, .hardBounce]) func whatOnlyTheFirstChannelTookIsSentByIt(
        event: DeliveryEvent
    ) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            // Nobody has the number.
            let id = try await clinic.send(draft("x\(clinic.clinic.low)@example.com", phone: "+15005550009"))
            try await eventually("the wait for a receipt") {
                try await clinic.message(id).waitingFor == .receipt ? true : nil
            }
            let job = try #require(try await deadlines(clinic).first)
            try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([job.payload], in: tx) }
            let message = try await clinic.settled(id, [.sent, .failed])
            #expect(message.status == .sent && message.channel == .email && message.reason == nil)
            #expect(message.attempts.map(\.outcome) == [.accepted, .badRecipient])
            try await inTransaction(clinic) { tx in
                try MessageStore.deliver(Self.byMail(id), event, at: .now(), in: tx)
            }
            #expect(try await clinic.message(id).status == (event == .delivered ? .delivered : .failed))
            #expect(try await clinic.message(id).attempts.count == 2)
        }
    }

    /// What its provider tells while the next channel is tried decides: it was not sent after all.
    @Test(arguments: [false, true]) func whatComesBackDuringTheNextTryIsNotSent(isLost: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            if isLost { try await sandbox.fault("lost_reply", of: "zeptomail", times: 1) }
            let id = try await clinic.send(draft("y\(clinic.clinic.low)@example.com", phone: "+15005550009"))
            try await eventually("the wait for a receipt", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .receipt ? true : nil
            }
            try await sandbox.fault("slow", of: "twilio")
            let job = try #require(try await deadlines(clinic).first)
            try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([job.payload], in: tx) }
            try await eventually("the call") { try await clinic.message(id).attempts.count == 2 ? true : nil }
            try await inTransaction(clinic) { tx in
                try MessageStore.deliver(Self.byMail(id), .hardBounce, at: .now(), in: tx)
                AttemptStore.note(.hardBounce, code: nil, of: Self.byMail(id), at: .now(), in: tx)
            }
            let message = try await clinic.settled(id, [.sent, .failed, .unknown])
            #expect(message.status == .failed && message.reason?.code == "bad_recipient")
            #expect(message.attempts.map(\.outcome) == [isLost ? .unknownOutcome : .accepted, .badRecipient])
        }
    }

    /// Both providers had it, and the last one gives it back: by the first it has been sent, or may have been, until that one says
    /// no as well.
    @Test(arguments: [false, true]) func whatTheLastChannelGivesBackMayArriveByTheFirst(isLost: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            if isLost { try await sandbox.fault("lost_reply", of: "zeptomail", times: 1) }
            let id = try await clinic.send(draft("g\(clinic.clinic.low)@example.com"))
            try await outwait(id, clinic)
            let sent = try await clinic.settled(id)
            #expect(sent.status == .sent && sent.channel == .sms)
            let (mail, texts) = try await entries(clinic)
            try await clinic.tell(.hardBounce, of: id, through: texts)
            let message = try await clinic.message(id)
            #expect(message.status == (isLost ? .unknown : .sent) && message.channel == .email)
            #expect(message.reason?.code == (isLost ? "unknown_outcome" : nil))
            try await clinic.tell(.hardBounce, of: id, through: mail)
            let failed = try await clinic.message(id)
            #expect(failed.status == .failed && failed.reason?.code == "hard_bounce")
        }
    }

    /// Nobody knew whether the last channel's provider took what mail had taken: when that is known, mail has it still.
    @Test func whatTheLastChannelLosesAndGivesBackIsSentByTheFirst() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            try await sandbox.fault("lost_reply", of: "twilio", times: 1)
            let id = try await clinic.send(draft("h\(clinic.clinic.low)@example.com"))
            try await outwait(id, clinic)
            #expect(try await clinic.settled(id).status == .unknown)
            try await clinic.tell(.hardBounce, of: id, through: try await entries(clinic).texts)
            let message = try await clinic.message(id)
            #expect(message.status == .sent && message.channel == .email && message.reason == nil)
        }
    }

    /// Nobody knew whether either provider took it: the one that says it has it is not contradicted by the other.
    @Test func whatMailSaysItHasIsSentByMail() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            for provider in ["zeptomail", "twilio"] { try await sandbox.fault("lost_reply", of: provider, times: 1) }
            let id = try await clinic.send(draft("j\(clinic.clinic.low)@example.com"))
            try await outwait(id, clinic)
            #expect(try await clinic.settled(id).status == .unknown)
            let (mail, texts) = try await entries(clinic)
            try await clinic.tell(.sent, of: id, through: mail)
            try await clinic.tell(.hardBounce, of: id, through: texts)
            let message = try await clinic.message(id)
            #expect(message.status == .sent && message.channel == .email && message.reason == nil)
        }
    }

    /// What arrived by mail did not by SMS: the number that takes nothing is written off, and so is the mailbox that gives it back.
    @Test func whatArrivesByAnEarlierChannelIsShownWithIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            let id = try await clinic.send(draft("m\(clinic.clinic.low)@example.com"))
            try await outwait(id, clinic)
            #expect(try await clinic.settled(id).channel == .sms)
            let (mail, texts) = try await entries(clinic)
            try await clinic.tell(.delivered, of: id, through: mail)
            let arrived = try await clinic.message(id)
            #expect(arrived.status == .delivered && arrived.channel == .email)
            try await clinic.tell(.hardBounce, of: id, through: texts)
            #expect(try await clinic.suppressionReasons() == ["hard_bounce"])
            try await clinic.tell(.hardBounce, of: id, through: mail)
            let back = try await clinic.message(id)
            #expect(back.status == .delivered && back.channel == .email && back.reason?.code == "hard_bounce")
        }
    }

    /// Mail was asked twice, and answers for both: whichever channel's news come first, the message has failed with the last.
    @Test(arguments: [[MessageChannel.email, .sms], [.sms, .email]])
    func whatEveryChannelGivesBackHasFailed(order: [MessageChannel]) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let id = try await clinic.send(draft("k\(clinic.clinic.low)@example.com"))
            #expect(try await clinic.settled(id).status == .sent)
            let (mail, texts) = try await entries(clinic)
            // As it stands when each reply was lost.
            try await inTransaction(clinic) { tx in
                tx.execute(
                    "update messages set status = 'unknown', stage = 1 where clinic_id = clinic_id() and id = \(id)"
                )
                tx.execute(
                    """
                    update message_attempts set outcome = 'unknown_outcome', provider_message_id = null
                    where clinic_id = clinic_id() and message_id = \(id)
                    """
                )
                for (number, entry) in [(2, mail), (3, texts)] {
                    var attempt = NewAttempt(number: number, message: id, entry: entry, startedAt: .now())
                    attempt.outcome = .unknownOutcome
                    tx.gather(AttemptChange.made(attempt))
                }
            }
            for (channel, status) in zip(order, [MessageStatus.unknown, .failed]) {
                try await clinic.tell(.hardBounce, of: id, through: channel == .email ? mail : texts)
                #expect(try await clinic.message(id).status == status)
            }
        }
    }

    /// Handed over again in the meantime, it waits as long as after the first time.
    @Test func theDeadlineOfAWaitThatIsOverEndsNoOther() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            let id = try await clinic.send(draft("o\(clinic.clinic.low)@example.com"))
            try await eventually("the wait for a receipt") {
                try await clinic.message(id).waitingFor == .receipt ? true : nil
            }
            try await inTransaction(clinic) { tx in
                try MessageStore.deliver(Self.byMail(id), .pairLimited, at: .now(), in: tx)
            }
            let waiting = try await eventually("the second wait for a receipt") {
                let message = try await clinic.message(id)
                return message.waitingFor == .receipt && message.attempts.count == 2 ? message : nil
            }
            let jobs = try await deadlines(clinic)
            #expect(jobs.count == 2 && jobs.last?.dueAt == waiting.nextAttemptAt)
            try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([jobs[0].payload], in: tx) }
            #expect(try await clinic.message(id).waitingFor == .receipt)
            try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([jobs[1].payload], in: tx) }
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.attempts.map(\.channel) == [.email, .email, .sms])
        }
    }

    /// A job of before deadlines said when they are.
    @Test func aDeadlineWithoutItsTimeActsStill() throws {
        let id = MessageID()
        let payload = try JSONDecoder().decode(
            ReceiptDeadlineJob.Payload.self,
            from: Data(#"{"message":"\#(id)","stage":1}"#.utf8)
        )
        #expect(payload.message == id && payload.stage == 1 && payload.until == nil)
        let sending = try JSONDecoder().decode(SendMessageJob.Payload.self, from: Data(#"{"message":"\#(id)"}"#.utf8))
        #expect(sending.message == id && sending.course == nil)
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

    /// A lost reply that was answered when it was asked for again is lost no more.
    @Test(arguments: [nil, 600]) func whatBouncesAfterALostReplyGoesOn(fallbackAfter: Int?) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await self.clinic(sandbox, by: Self.resend(sandbox), fallbackAfter: fallbackAfter)
            try await sandbox.fault("lost_reply", of: "resend", times: 1)
            let id = try await clinic.send(draft("l\(clinic.clinic.low)@example.com"))
            let taken = try await eventually("mail has taken it", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.attempts.last?.outcome == .accepted && message.status != .sending ? message : nil
            }
            #expect(taken.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
            #expect(taken.waitingFor == (fallbackAfter == nil ? nil : .receipt))
            try await clinic.tell(.hardBounce, of: id, through: try #require(try await clinic.configuredEntry()))
            let message = try await eventually("the other channel", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.channel == .sms && message.status == .sent ? message : nil
            }
            #expect(message.attempts.map(\.channel) == [.email, .email, .sms])
        }
    }

    /// Whether mail took it nobody knows: without a receipt in the clinic's time the next channel has its turn.
    @Test func withoutAReceiptALostReplyGoesOn() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            try await sandbox.fault("lost_reply", of: "zeptomail", times: 1)
            let id = try await clinic.send(draft("v\(clinic.clinic.low)@example.com"))
            let waiting = try await eventually("the wait for a receipt", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.waitingFor == .receipt ? message : nil
            }
            #expect(waiting.status == .queued && waiting.attempts.map(\.outcome) == [.unknownOutcome])
            let job = try #require(try await deadlines(clinic).first)
            #expect(job.dueAt == waiting.nextAttemptAt && job.payload.stage == 1)
            try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([job.payload], in: tx) }
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.channel == .sms)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
        }
    }

    @Test func aReceiptAfterALostReplyEndsTheWait() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            try await sandbox.fault("lost_reply", of: "zeptomail", times: 1)
            let id = try await clinic.send(draft("y\(clinic.clinic.low)@example.com"))
            try await eventually("the wait for a receipt", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .receipt ? true : nil
            }
            try await clinic.tell(.delivered, of: id, through: try #require(try await clinic.configuredEntry()))
            let message = try await clinic.message(id)
            #expect(message.status == .delivered && message.attempts.map(\.channel) == [.email])
        }
    }

    /// Nobody else may have it any more; that mail had it nobody can deny.
    @Test func whatMayHaveArrivedHasNotFailed() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, fallbackAfter: 600)
            try await sandbox.fault("lost_reply", of: "zeptomail", times: 1)
            let phone = "+49151\(10_000_000 + clinic.clinic.low % 10_000_000)"
            let id = try await clinic.send(draft("z\(clinic.clinic.low)@example.com", phone: phone))
            try await eventually("the wait for a receipt", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .receipt ? true : nil
            }
            let suppression = SuppressionDraft(channel: .sms, address: phone, reason: .manual)
            #expect(try await clinic.ask(MessageDesk.endpoints.suppressions.create, suppression).status == 201)
            let job = try #require(try await deadlines(clinic).first)
            try await inTransaction(clinic) { tx in try ReceiptDeadlineJob().run([job.payload], in: tx) }
            let message = try await clinic.settled(id)
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
        }
    }

    /// Who knows a message again is asked again, but not past the clinic's time; nor is it forgotten with the entry.
    @Test(arguments: [false, true]) func whoeverLosesEachReplyIsLeftInTheClinicsTime(isRemoved: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await self.clinic(sandbox, by: Self.resend(sandbox), fallbackAfter: 600)
            try await sandbox.fault("lost_reply", of: "resend")
            let id = try await clinic.send(draft("x\(clinic.clinic.low)@example.com"))
            try await eventually("the reply is lost", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .retry ? true : nil
            }
            if isRemoved {
                try await clinic.configure(
                    email: [.smtp(port: sandbox.smtpPort)],
                    sms: [.twilio(sandbox.url("twilio"))],
                    settings: CommunicationSettings(fallbackAfter: 600)
                )
            }
            try await inTransaction(clinic) { tx in
                tx.execute(
                    """
                    update message_attempts set started_at = started_at - interval '10 minutes'
                    where clinic_id = clinic_id() and message_id = \(id)
                    """
                )
            }
            try await clinic.hurryJobs()
            let message = try await eventually("the other channel", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.channel == .sms && message.status == .sent ? message : nil
            }
            #expect(message.attempts.last?.channel == .sms)
            #expect(message.attempts.dropLast().allSatisfy { $0.outcome == .unknownOutcome })
        }
    }

    /// For a channel that its recipient does not want any more nobody is left who knows the message again.
    @Test func aLostReplyIsNotGivenUpForAChannelThatIsNotWanted() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await self.clinic(sandbox, by: Self.resend(sandbox), fallbackAfter: 600)
            let (patient, address) = (PatientID(), "p\(clinic.clinic.low)@example.com")
            try await clinic.tell(of: patient, email: address, phone: PhoneNumber(Self.phone))
            try await sandbox.fault("reset", of: "resend")
            var draft = draft(address)
            draft.to = RecipientDraft(patientId: patient)
            let id = try await clinic.send(draft)
            try await eventually("the reply is lost", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .retry ? true : nil
            }
            let preferences = ContactPreferencesDraft(
                contactId: patient.retagged(),
                categories: [CategoryPreference(category: .care, channels: [.email])]
            )
            #expect(try await clinic.ask(MessageDesk.endpoints.preferences.put, preferences).status == 200)
            try await inTransaction(clinic) { tx in
                tx.execute(
                    """
                    update messages set created_at = created_at - interval '10 minutes'
                    where clinic_id = clinic_id() and id = \(id)
                    """
                )
                tx.execute(
                    """
                    update message_attempts set started_at = started_at - interval '10 minutes'
                    where clinic_id = clinic_id() and message_id = \(id)
                    """
                )
            }
            try await sandbox.fault(nil, of: "resend")
            try await clinic.hurryJobs()
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.channel == .email)
            #expect(message.attempts.allSatisfy { $0.channel == .email })
        }
    }

    /// What a provider tells of a message whose reply was lost, while it waits to be asked again.
    @Test(arguments: [[MessageChannel.email, .sms], [.email]])
    func aFailureIsHeardWhileALostReplyIsAskedFor(channels: [MessageChannel]) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await self.clinic(sandbox, by: Self.resend(sandbox))
            try await sandbox.fault("lost_reply", of: "resend")
            var draft = draft("w\(clinic.clinic.low)@example.com")
            draft.channels = channels
            let id = try await clinic.send(draft)
            try await eventually("the reply is lost", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .retry ? true : nil
            }
            try await clinic.tell(.hardBounce, of: id, through: try #require(try await clinic.configuredEntry()))
            let message = try await clinic.settled(id)
            if channels == [.email] {
                #expect(message.status == .failed && message.reason?.code == "hard_bounce")
            } else {
                #expect(message.status == .sent && message.channel == .sms)
            }
            #expect(message.attempts.first?.outcome == .unknownOutcome)
            try await clinic.hurryJobs()
            try await eventually("the jobs are done", within: .seconds(40)) {
                try await clinic.jobCount() == 0 ? true : nil
            }
            #expect(try await sandbox.received(for: "w\(clinic.clinic.low)@example.com").count == 1)
        }
    }

    @Test func whatWasUnknownAndFailedGoesOn() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await sandbox.fault("lost_reply", of: "zeptomail", times: 1)
            let id = try await clinic.send(draft("u\(clinic.clinic.low)@example.com"))
            #expect(try await clinic.settled(id).status == .unknown)
            try await clinic.tell(.hardBounce, of: id, through: try #require(try await clinic.configuredEntry()))
            let message = try await clinic.settled(id, [.sent, .failed])
            #expect(message.status == .sent && message.channel == .sms)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
            #expect(message.attempts.map(\.failure?.code) == ["hard_bounce", nil])
        }
    }

    /// Of a lost reply it is known that nothing arrived: what waits for the morning may be called off.
    @Test func whatIsKnownToHaveFailedMayBeCalledOff() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await clinic.tellOfItself(zone: "UTC")
            try await sandbox.fault("lost_reply", of: "zeptomail", times: 1)
            let id = try await clinic.send(draft("q\(clinic.clinic.low)@example.com"))
            #expect(try await clinic.settled(id).status == .unknown)
            let mail = try await entries(clinic).mail
            try await clinic.configure(
                email: [.smtp(port: sandbox.smtpPort)],
                sms: [.twilio(sandbox.url("twilio"))],
                settings: CommunicationSettings(quietHours: try QuietNow().hours)
            )
            try await clinic.tell(.hardBounce, of: id, through: mail)
            let waiting = try await eventually("the wait for the morning", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.waitingFor == .quietHours ? message : nil
            }
            #expect(waiting.attempts.map(\.outcome) == [.unknownOutcome])
            let cancelled = try await clinic.ask(MessageDesk.endpoints.messages.cancel, MessagePath(id: id))
            #expect(cancelled.status == 200 && cancelled.output?.status == .cancelled)
        }
    }

    /// A mailbox without room is passed by at once, and written to again the next time.
    @Test func aFullMailboxIsNotWrittenOff() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, by: .smtp(port: sandbox.smtpPort))
            let draft = draft("full@c\(clinic.clinic.low).example.com")
            for _ in 0..<2 {
                let message = try await clinic.settled(try await clinic.send(draft))
                #expect(message.status == .sent && message.channel == .sms)
                #expect(message.attempts.map(\.outcome) == [.badRecipient, .accepted])
            }
            #expect(try await clinic.suppressionReasons().isEmpty)
            #expect(try await clinic.health().allSatisfy { $0.state == .closed })
        }
    }

    /// While it is handed over only its sender can say what follows: the report waits, and is not lost.
    @Test func aFailureDuringACallIsHeardAfterIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            var draft = draft("s\(clinic.clinic.low)@example.com")
            draft.channels = [.email]
            let id = try await clinic.send(draft)
            #expect(try await clinic.settled(id).status == .sent)
            try await inTransaction(clinic) { tx in
                tx.execute("update messages set status = 'sending' where id = \(id)")
            }
            let entry = try #require(try await clinic.configuredEntry())
            try await clinic.tell(.hardBounce, of: id, code: "5.1.1", through: entry)
            #expect(try await clinic.message(id).status == .sending)
            try await inTransaction(clinic) { tx in
                tx.execute("update messages set status = 'sent' where id = \(id)")
            }
            let failed = try await clinic.settled(id, [.failed])
            #expect(failed.reason?.code == "hard_bounce")
            #expect(failed.attempts.map(\.failure?.providerCode) == ["5.1.1"])
        }
    }

    @Test(
        arguments: [
            (MessageStatus.queued, true, false, MessageCategory.care, ["email", "sms"], .nextChannel),
            (.queued, true, false, .care, ["email"], .moves), (.queued, true, false, .security, ["email"], .none),
            // It is tried again anyway.
            (.queued, false, false, .care, ["email", "sms"], .none),
            (.sending, true, false, .care, ["email", "sms"], .later),
            (.sending, false, false, .care, ["email"], .later),
            (.unknown, true, false, .care, ["email", "sms"], .nextChannel),
            (.unknown, true, false, .care, ["email"], .moves),
            // Another try was taken.
            (.sent, true, true, .security, ["email", "sms"], .none), (.sent, false, true, .care, ["email"], .none),
            // A mail server took it and gave it back; a telephone keeps what it got.
            (.delivered, true, false, .care, ["email", "sms"], .comesBack),
            (.delivered, false, false, .care, ["sms", "email"], .none),
        ] as [(MessageStatus, Bool, Bool, MessageCategory, [String], DeliveryRules.Effect)]
    )
    func whatFollowsFromAFailure(
        status: MessageStatus,
        isLost: Bool,
        isSuperseded: Bool,
        category: MessageCategory,
        channels: [String],
        effect: DeliveryRules.Effect
    ) {
        let message = StoredMessage(
            id: MessageID(),
            version: 1,
            status: status,
            channels: channels,
            category: category,
            priority: .normal,
            sealed: [],
            createdAt: .now(),
            updatedAt: .now(),
            rounds: 0
        )
        let found = DeliveryRules.effect(
            of: .hardBounce,
            at: 0,
            taken: isLost ? 0 : 1,
            isLost: isLost,
            isSuperseded: isSuperseded,
            on: message
        )
        #expect(found == effect)
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
        var blank = draft("e@example.com")
        blank.channels = [.sms]
        blank.content?.text = " \n"
        #expect(try await clinic.ask(send, blank).pointers == ["/content/text"])
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
