import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What was delayed and comes to be sent in the recipient's night waits for its end, without an attempt.
@Suite(.timeLimit(.minutes(3))) struct NightTests {
    private static let hour: Duration = .seconds(3_600)

    private func draft(_ clinic: TestClinic, _ channels: [MessageChannel], to number: String) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address(clinic)), phone: PhoneNumber(number)),
            channels: channels,
            content: MessageContent(subject: "Hello", text: "Your results are in."),
            sendAt: .now() + Self.hour
        )
    }

    private func address(_ clinic: TestClinic) -> String { "n\(clinic.clinic.low)@example.com" }

    /// Hours around now in which a channel is not used, and when they end.
    private func now(channel: MessageChannel) throws -> (period: QuietPeriods.Period, end: Instant) {
        let now = try QuietNow()
        let period = QuietPeriods.Period(
            time: now.hours,
            zone: try #require(TimeZoneName("UTC")),
            channel: channel.rawValue
        )
        return (period, now.end)
    }

    /// Has a message's turn come now, as if it had been accepted with other hours.
    private func come(_ clinic: TestClinic, _ id: MessageID, quiet: QuietPeriods.Period?) async throws {
        try await setHours(clinic, id, quiet: quiet)
        _ = try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try Jobs.enqueue(SendMessageJob.self, payload: .init(message: id), lane: .normal, in: tx)
        }
    }

    /// Gives a message other hours than it was accepted with.
    private func setHours(_ clinic: TestClinic, _ id: MessageID, quiet: QuietPeriods.Period?) async throws {
        let sealer = try await clinic.desk.dataKeys.sealer(for: clinic.clinic)
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            let message = try #require(try MessageStore.lock(id, in: tx))
            var content = try SealedContent.open(message.sealed, of: id, with: sealer)
            content.quiet = quiet.flatMap { QuietPeriods([$0]) }
            let sealed = try content.seal(for: id, with: sealer)
            tx.execute("update messages set sealed = \(sealed) where clinic_id = clinic_id() and id = \(id)")
        }
    }

    /// Has a message wait for no time, whenever its job is due.
    private func unschedule(_ clinic: TestClinic, _ id: MessageID) async throws {
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            tx.execute("update messages set send_at = null where clinic_id = clinic_id() and id = \(id)")
        }
    }

    private func held(_ clinic: TestClinic, _ id: MessageID) async throws -> Message {
        try await eventually("the message waits for the morning", within: .seconds(40)) {
            let message = try await clinic.message(id)
            return message.waitingFor == .quietHours ? message : nil
        }
    }

    private func rounds(_ clinic: TestClinic, _ id: MessageID) async throws -> Int {
        try await clinic.desk.database.inspect("select rounds from messages where id = \(id)") { try $0[0][0] }
    }

    @Test func whatIsDelayedIntoTheNightWaitsForItsEnd() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.resend(sandbox.url("resend")))
            let id = try await clinic.send(draft(clinic, [.email], to: "+4915112345678"))
            let (period, end) = try now(channel: .email)
            try await come(clinic, id, quiet: period)
            let message = try await held(clinic, id)
            #expect(message.status == .queued && message.nextAttemptAt == end && message.attempts.isEmpty)
            #expect(try await rounds(clinic, id) == 0)
            #expect(try await sandbox.received(for: address(clinic)).isEmpty)
            // By day it goes.
            try await come(clinic, id, quiet: nil)
            #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
            #expect(try await sandbox.received(for: address(clinic)).count == 1)
        }
    }

    /// In the morning the visit would be over that is not held.
    @Test(arguments: [90, 180]) func newsOfAVisitBeforeTheMorningDoNotWaitForIt(minutes: Int) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.resend(sandbox.url("resend")))
            let (period, end) = try now(channel: .email)
            let start = Instant.now() + .seconds(minutes * 60)
            let draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address(clinic))),
                channels: [.email],
                template: BuiltInTemplates.appointmentCancellation,
                data: [
                    "clinicName": "Lindenhof", "patientName": "Asha Rao", "doctorName": "Dr. Okafor",
                    "serviceName": "Check-up", "date": "2026-11-23", "time": "07:30", "timeZone": "UTC",
                ],
                sendAt: .now() + .seconds(60),
                expiresAt: start
            )
            let id = try await clinic.send(draft)
            try await come(clinic, id, quiet: period)
            if start > end {
                #expect(try await held(clinic, id).nextAttemptAt == end)
            } else {
                #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
            }
        }
    }

    /// The job of before is still there, and both are due when the night ends.
    @Test func whatIsCancelledAndSentAgainInTheNightGoesOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            try await sandbox.fault("slow", of: "smtp")
            let (period, end) = try now(channel: .email)
            var sent: [(id: MessageID, address: String)] = []
            for number in 0..<6 {
                var draft = draft(clinic, [.email], to: "+4915112345678")
                let address = "again\(number)x\(clinic.clinic.low)@example.com"
                draft.to.email = EmailAddress(address)
                let id = try await clinic.send(draft)
                try await setHours(clinic, id, quiet: period)
                let path = MessagePath(id: id)
                #expect(try await clinic.ask(MessageDesk.endpoints.messages.cancel, path).status == 200)
                try await unschedule(clinic, id)
                #expect(try await clinic.ask(MessageDesk.endpoints.messages.retry, path).status == 200)
                sent.append((id, address))
            }
            for (id, _) in sent {
                #expect(try await held(clinic, id).nextAttemptAt == end)
                try await setHours(clinic, id, quiet: nil)
            }
            #expect(try await clinic.jobCount() == Int64(2 * sent.count))
            try await clinic.hurryJobs()
            for (id, address) in sent {
                #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
                #expect(try await sandbox.received(for: address).count == 1)
            }
            try await eventually("the jobs are done") { try await clinic.jobCount() == 0 ? true : nil }
        }
    }

    @Test func whatExpiresBeforeTheMorningSaysSo() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = draft(clinic, [.email], to: "+4915112345678")
        draft.expiresAt = .now() + Self.hour + .seconds(600)
        let id = try await clinic.send(draft)
        try await come(clinic, id, quiet: try now(channel: .email).period)
        let message = try await clinic.settled(id)
        #expect(message.status == .expired && message.attempts.isEmpty)
        #expect(message.reason == SendingRules.expiredAtNight)
    }

    /// The first channel fails, and the next one has hours of its own.
    @Test func theNextChannelWaitsForItsHours() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                email: [.resend(sandbox.url("resend"))],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            let id = try await clinic.send(draft(clinic, [.sms, .email], to: "+15005550009"))
            let (period, end) = try now(channel: .email)
            try await come(clinic, id, quiet: period)
            let message = try await held(clinic, id)
            #expect(message.attempts.map(\.outcome) == [.badRecipient] && message.nextAttemptAt == end)
            #expect(try await rounds(clinic, id) == 0)
            try await come(clinic, id, quiet: nil)
            let sent = try await clinic.settled(id)
            #expect(sent.status == .sent && sent.channel == .email)
            #expect(sent.attempts.map(\.outcome).first == .badRecipient)
            #expect(sent.attempts.filter { $0.channel == .email }.map(\.outcome) == [.accepted])
        }
    }

    /// A channel out of its hours is passed over while another one may be used.
    @Test func anotherChannelMayBeUsedAtOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                email: [.resend(sandbox.url("resend"))],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            let number = "+4915\(Int.random(in: 100_000_000...999_999_999))"
            let id = try await clinic.send(draft(clinic, [.sms, .email], to: number))
            try await come(clinic, id, quiet: try now(channel: .sms).period)
            let sent = try await clinic.settled(id)
            #expect(sent.channel == .email && sent.attempts.map(\.outcome) == [.accepted])
            #expect(try await sandbox.received(for: number).isEmpty)
        }
    }

    /// Where the others only fail for now they are tried again, as without those hours.
    @Test func aChannelOutOfItsHoursDoesNotHoldUpTheOthersRetry() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(email: [.smtp(port: 9)], sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let id = try await clinic.send(draft(clinic, [.email, .sms], to: "+4915112345678"))
            try await come(clinic, id, quiet: try now(channel: .sms).period)
            let message = try await eventually("the mail is to be tried again", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.waitingFor == .retry ? message : nil
            }
            #expect(message.attempts.map(\.channel) == [.email])
            #expect(try await rounds(clinic, id) == 1)
        }
    }

    /// What cannot wait carries no hours, and what can carries everybody's.
    @Test func hoursAreKeptOfWhatCanWait() async throws {
        let clinic = try TestClinic()
        let night = try now(channel: .email).period.time
        try await clinic.configure(email: [.smtp(port: 9)], settings: CommunicationSettings(quietHours: night))
        try await clinic.tellOfItself(zone: "Asia/Kolkata")
        let sealer = try await clinic.desk.dataKeys.sealer(for: clinic.clinic)
        func quiet(_ priority: MessagePriority, _ category: MessageCategory) async throws -> QuietPeriods? {
            var draft = draft(clinic, [.email], to: "+4915112345678")
            (draft.priority, draft.category) = (priority, category)
            let id = try await clinic.send(draft)
            return try await clinic.desk.database.database.transaction(
                for: Tenant(clinic.clinic, actor: "test")
            ) { tx in
                let message = try #require(try MessageStore.find(id, in: tx))
                return try SealedContent.open(message.sealed, of: id, with: sealer).quiet
            }
        }
        let kept = try #require(try await quiet(.normal, .care))
        #expect(kept.periods.map(\.time) == [night] && kept.periods.map(\.zone.name) == ["Asia/Kolkata"])
        #expect(try await quiet(.critical, .care) == nil)
        #expect(try await quiet(.normal, .security) == nil)
    }
}
