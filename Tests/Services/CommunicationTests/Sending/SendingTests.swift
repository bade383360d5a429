import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(3))) struct SendingTests {
    private func address(_ clinic: TestClinic) -> String { "p\(clinic.clinic.low)@example.com" }

    @Test func theFirstFailureFallsOverAndArrivesOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                .zeptomail(SandboxPlace.nowhere),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .sent && message.channel == .email && message.reason == nil)
            #expect(message.attempts.map(\.provider) == ["zeptomail", "smtp"])
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
            #expect(message.attempts[0].providerCode == "connect")
            #expect(message.attempts[0].detail == "The provider cannot be reached.")
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == ["smtp"])
            #expect(received.first?.message["text"]?.string?.contains("Your results are in.") == true)
            #expect(received.first?.message["html"]?.string?.contains("<p>Your results are in.</p>") == true)
        }
    }

    @Test(arguments: ["down", "500", "429"])
    func whateverThePrimarySaysTheFallbackIsNext(fault: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault(fault, of: "zeptomail")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .sent)
            #expect(message.attempts.map(\.outcome) == [fault == "429" ? .throttled : .transient, .accepted])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == ["smtp"])
        }
    }

    @Test func thePrimaryTakesItWhenItIsWell() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            let id = try await clinic.send(to: address(clinic))
            let message = try await clinic.settled(id)
            #expect(message.attempts.map(\.outcome) == [.accepted])
            #expect(message.attempts.first?.providerMessageId?.contains(".t1.") == true)
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == ["zeptomail"])
            #expect(received.first?.message["reference"]?.string == id.description)
        }
    }

    @Test(arguments: ["reset", "lost_reply"])
    func aLostReplyIsShownAndNeverSentAgain(fault: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault(fault, of: "zeptomail")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome])
            let received = try await sandbox.received(for: address(clinic)).map(\.provider)
            #expect(received == (fault == "lost_reply" ? ["zeptomail"] : []))
        }
    }

    @Test func aMailServerLostAfterTheTextIsUnknown() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("lost_reply", of: "smtp")
            try await clinic.configure(.smtp(port: sandbox.smtpPort), .zeptomail(sandbox.zeptomail))
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .unknown)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == ["smtp"])
        }
    }

    @Test func whenAllFailItComesAgainAndArrives() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("500", of: "zeptomail")
            try await sandbox.fault("500", of: "smtp")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            let id = try await clinic.send(to: address(clinic))
            let waiting = try await eventually("a first round in vain", within: .seconds(30)) {
                let message = try await clinic.message(id)
                return message.waitingFor == .retry ? message : nil
            }
            #expect(waiting.status == .queued && waiting.attempts.map(\.outcome) == [.transient, .transient])
            #expect(waiting.nextAttemptAt != nil)
            try await sandbox.fault(nil, of: "smtp")
            let message = try await clinic.settled(id)
            #expect(message.status == .sent)
            #expect(message.attempts.suffix(1).map(\.outcome) == [.accepted])
            #expect(try await sandbox.received(for: address(clinic)).count == 1)
        }
    }

    @Test func wrongCredentialsLatchUntilTheyChange() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                .zeptomail(sandbox.zeptomail, token: "wrong-token-0001"),
                .smtp(port: sandbox.smtpPort)
            )
            let first = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(first.attempts.map(\.outcome) == [.credentials, .accepted])
            #expect(first.attempts[0].providerCode == "SERR_157")
            let second = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(second.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
            let latched = try #require(try await clinic.health().first)
            #expect(latched.state == .latched && latched.reason == "credentials" && latched.retryAt == nil)
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            let third = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(third.attempts.map(\.outcome) == [.accepted])
            #expect(try await clinic.health().map(\.state) == [.closed, .closed])
        }
    }

    /// Taken out and put in again, an entry has another id and the circuit that its credentials had.
    @Test func whatIsConfiguredAnewWithTheSameCredentialsShowsTheirCircuit() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let wrong = ProviderDraft.zeptomail(sandbox.zeptomail, token: "wrong-token-0002")
            let right = ProviderDraft.smtp(port: sandbox.smtpPort)
            try await clinic.configure(wrong, right)
            _ = try await clinic.settled(try await clinic.send(to: address(clinic)))
            let before = try await clinic.health().first { $0.provider == "zeptomail" }
            try await clinic.configure(right)
            try await clinic.configure(wrong, right)
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
            let shown = try #require(try await clinic.health().first { $0.provider == "zeptomail" })
            #expect(shown.state == .latched && shown.reason == "credentials")
            #expect(before.map { $0.entryId != shown.entryId } == true)
        }
    }

    @Test func aRunThatWasCutOffIsUnknownAndNotRepeated() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, message) = try await cutOff(.care, sandbox)
            #expect(message.status == .unknown)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(message.attempts.first?.providerCode == "interrupted")
            #expect(try await sandbox.received(for: address(clinic)).isEmpty)
        }
    }

    /// A code that comes twice is better than none.
    @Test func aCodeWhoseRunWasCutOffIsSentAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, message) = try await cutOff(.security, sandbox)
            #expect(message.status == .sent)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
            #expect(message.attempts.first?.providerCode == "interrupted")
            #expect(try await sandbox.received(for: address(clinic)).count == 1)
        }
    }

    /// A message whose process was killed during its call, and what became of it.
    private func cutOff(
        _ category: MessageCategory,
        _ sandbox: SandboxPlace
    ) async throws -> (clinic: TestClinic, message: Message) {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: sandbox.smtpPort))
        var draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress(address(clinic))),
            content: MessageContent(subject: "S", text: "T")
        )
        draft.category = category
        draft.sendAt = .now() + .seconds(3_600)
        let id = try await clinic.send(draft)
        let clinicID = clinic.clinic
        let tenant = Tenant(clinicID, actor: "test")
        try await clinic.desk.database.database.transaction(for: tenant) { tx in
            // What a killed process leaves: on its way, an attempt open and its time over.
            tx.execute("update messages set status = 'sending', waiting_for = null where id = \(id)")
            tx.execute(
                """
                insert into message_attempts (clinic_id, message_id, number, channel, provider, entry_id, fingerprint,
                    started_at, held_until)
                values (\(clinicID), \(id), 1, 'email', 'smtp', \(ProviderEntryID()), 'f', now(), now() - interval '1 second')
                """
            )
            try Jobs.enqueue(SendMessageJob.self, payload: .init(message: id), in: tx)
        }
        return (clinic, try await clinic.settled(id))
    }

    @Test func whatExpiredIsNotSent() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("500", of: "smtp")
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            var draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address(clinic))),
                content: MessageContent(subject: "S", text: "T")
            )
            draft.expiresAt = .now() + .seconds(2)
            let message = try await clinic.settled(try await clinic.send(draft))
            #expect(message.status == .expired && message.reason?.code == "expired")
            #expect(try await sandbox.received(for: address(clinic)).isEmpty)
        }
    }

    @Test func aBadAddressEndsItAndHarmsNobodyElse() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            // Both providers are well; a clinic's own sender that is not verified is passed over.
            var unverified = ProviderDraft.zeptomail(sandbox.zeptomail)
            unverified.credentials["fromEmail"] = "clinic@unverified.example.com"
            try await clinic.configure(unverified, .smtp(port: sandbox.smtpPort))
            for _ in 0..<6 {
                let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
                #expect(message.attempts.map(\.outcome) == [.senderNotAuthorised, .accepted])
            }
            // An answer is an answer: the circuit stays closed.
            #expect(try await clinic.health().first?.state == .closed)
        }
    }

    @Test func fiftyAtOnceArriveOnceEach() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.zeptomail(SandboxPlace.nowhere), .smtp(port: sandbox.smtpPort))
            let ids = try await withThrowingTaskGroup(of: MessageID.self) { group in
                for _ in 0..<50 { group.addTask { try await clinic.send(to: address(clinic)) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for id in ids { #expect(try await clinic.settled(id).status == .sent) }
            #expect(try await sandbox.received(for: address(clinic)).count == 50)
        }
    }
}
