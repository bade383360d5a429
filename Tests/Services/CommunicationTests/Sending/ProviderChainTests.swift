import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Messages through the providers' own protocols, played by the sandbox.
@Suite(.timeLimit(.minutes(3))) struct ProviderChainTests {
    private func address(_ clinic: TestClinic) -> String { "q\(clinic.clinic.low)@example.com" }

    @Test func whenSESIsDownSendGridTakesItOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("down", of: "aws_ses")
            try await clinic.configure(.awsSES(sandbox.url("aws_ses")), .sendgrid(sandbox.url("sendgrid")))
            let id = try await clinic.send(to: address(clinic))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.reason == nil)
            #expect(message.attempts.map(\.provider) == ["aws_ses", "sendgrid"])
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
            #expect(message.attempts[0].providerCode == "ServiceUnavailableException")
            #expect(message.attempts[0].detail == "The provider is not available.")
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == ["sendgrid"])
            #expect(received.first?.message["id"]?.string == message.attempts[1].providerMessageId)
            #expect(received.first?.message["reference"]?.string == id.description)
            #expect(received.first?.message["text"]?.string == "Your results are in.")
            #expect(received.first?.message["html"]?.string == "<p>Your results are in.</p>")
        }
    }

    @Test(arguments: ["aws_ses", "sendgrid", "resend"]) func eachTakesItWhenItIsWell(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try .named(provider, at: sandbox.url(provider)))
            let id = try await clinic.send(to: address(clinic))
            let message = try await clinic.settled(id)
            #expect(message.attempts.map(\.outcome) == [.accepted])
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == [provider])
            #expect(received.first?.message["id"]?.string == message.attempts.first?.providerMessageId)
            #expect(received.first?.message["reference"]?.string == id.description)
            #expect(received.first?.message["headers"]?["Auto-Submitted"]?.string == "auto-generated")
            let entry = try #require(try await clinic.configuredEntry())
            #expect(
                await clinic.desk.sending.provider(for: entry)?.check(deadline: .after(.seconds(10))).outcome
                    == .accepted
            )
        }
    }

    @Test(arguments: [
        ("aws_ses", "429", AttemptOutcome.throttled), ("aws_ses", "500", .transient), ("sendgrid", "429", .throttled),
        ("sendgrid", "down", .transient), ("resend", "429", .throttled), ("resend", "500", .transient),
    ])
    func whateverOneSaysTheNextTakesIt(provider: String, fault: String, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault(fault, of: provider)
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider)),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == ["smtp"])
        }
    }

    @Test(arguments: ["aws_ses", "sendgrid", "resend"]) func wrongCredentialsLatch(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider), wrong: true),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let first = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(first.attempts.map(\.outcome) == [.credentials, .accepted])
            let second = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(second.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
            let latched = try #require(try await clinic.health().first)
            #expect(latched.state == .latched && latched.reason == "credentials" && latched.retryAt == nil)
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider)),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let third = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(third.attempts.map(\.outcome) == [.accepted])
        }
    }

    @Test(arguments: ["aws_ses", "sendgrid"]) func aLostReplyIsNotSentAgain(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("lost_reply", of: provider)
            try await clinic.configure(
                try .named(provider, at: sandbox.url(provider)),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == [provider])
        }
    }

    /// `lost_reply` sent it, `reset` did not: asked again by its key, Resend has sent it once either way.
    @Test(arguments: ["lost_reply", "reset"]) func aLostReplyOfResendIsAskedForAgain(fault: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault(fault, of: "resend", times: 1)
            try await clinic.configure(.resend(sandbox.url("resend")), .smtp(port: sandbox.smtpPort, password: "pw"))
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.status == .sent)
            #expect(message.attempts.map(\.provider) == ["resend", "resend"])
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
            let received = try await sandbox.received(for: address(clinic))
            #expect(received.map(\.provider) == ["resend"])
            #expect(received.first?.message["id"]?.string == message.attempts.last?.providerMessageId)
        }
    }

    @Test func whatWasLostWithAnotherAccountIsNotRepeated() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("lost_reply", of: "resend")
            try await clinic.configure(.resend(sandbox.url("resend")), .smtp(port: sandbox.smtpPort, password: "pw"))
            let id = try await clinic.send(to: address(clinic))
            _ = try await eventually("a first try", within: .seconds(30)) {
                try await clinic.message(id).waitingFor == .retry ? true : nil
            }
            let called = try await clinic.ask(TestClinic.endpoints.messages.cancel, MessagePath(id: id))
            #expect(called.status == 409 && called.code == "not_cancellable")
            try await clinic.configure(
                .resend(sandbox.url("resend"), key: "re_other_account"),
                .smtp(port: sandbox.smtpPort, password: "pw")
            )
            try await sandbox.fault(nil, of: "resend")
            let message = try await clinic.settled(id)
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
            #expect(Set(message.attempts.map(\.outcome)) == [.unknownOutcome])
            #expect(try await sandbox.received(for: address(clinic)).map(\.provider) == ["resend"])
        }
    }

    @Test func aCallThatWasCutOffIsRepeatedWhereItCanBe() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.resend(sandbox.url("resend")))
            let entry = try #require(try await clinic.configuredEntry())
            var draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address(clinic))),
                content: MessageContent(subject: "S", text: "T")
            )
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
                    values (\(clinicID), \(id), 1, 'email', 'resend', \(entry.id), \(entry.fingerprint), now(),
                        now() - interval '1 second')
                    """
                )
                try Jobs.enqueue(SendMessageJob.self, payload: .init(message: id), in: tx)
            }
            let message = try await clinic.settled(id)
            #expect(message.status == .sent)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
            #expect(message.attempts.first?.providerCode == "interrupted")
            #expect(try await sandbox.received(for: address(clinic)).count == 1)
        }
    }

    /// With the same account it would be refused the same way: one call, and the clinic's people are told.
    @Test func aSenderThatNobodySendsForIsTriedOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var draft = try ProviderDraft.named("sendgrid", at: sandbox.url("sendgrid"))
            draft.credentials["fromEmail"] = "clinic@unverified.example.com"
            try await clinic.configure(draft, .smtp(port: sandbox.smtpPort, password: "pw"))
            try await sandbox.fault("down", of: "smtp")
            let id = try await clinic.send(to: address(clinic))
            let waiting = try await eventually("the second round") {
                let message = try await clinic.message(id)
                return message.waitingFor == .retry ? message : nil
            }
            #expect(waiting.attempts.map(\.outcome) == [.senderNotAuthorised, .transient])
            // Whoever may still take it is asked again, and nobody else.
            try await sandbox.fault(nil, of: "smtp")
            let sent = try await clinic.settled(id)
            #expect(sent.attempts.map(\.outcome) == [.senderNotAuthorised, .transient, .accepted])
            try await clinic.configure(draft)
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)), [.failed, .sent])
            #expect(message.status == .failed && message.reason?.code == "sender_not_authorised")
            #expect(message.attempts.map(\.outcome) == [.senderNotAuthorised])
            let told = try await clinic.desk.database.inspect(
                "select count(*) from alerts_told where clinic_id = \(clinic.clinic) and alert = 'sender_not_authorised'"
            ) { rows -> Int64 in try rows[0][0] }
            #expect(told == 1)
        }
    }

    @Test func anUnverifiedSenderIsPassedOver() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let drafts = try ["aws_ses", "sendgrid", "resend"].map { name in
                var draft = try ProviderDraft.named(name, at: sandbox.url(name))
                draft.credentials["fromEmail"] = "clinic@unverified.example.com"
                return draft
            }
            try await clinic.configure(drafts[0], drafts[1], drafts[2], .smtp(port: sandbox.smtpPort, password: "pw"))
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(
                message.attempts.map(\.outcome)
                    == [.senderNotAuthorised, .senderNotAuthorised, .senderNotAuthorised, .accepted]
            )
        }
    }
}
