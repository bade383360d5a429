import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// Messages that somebody sends again.
@Suite(.timeLimit(.minutes(3))) struct RetryTests {
    private let endpoints = MessageDesk.endpoints.messages

    @Test func whatFailedIsSentAnewUnderAnotherKey() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "again\(clinic.clinic.low)@example.com"
            try await clinic.configure(.resend(sandbox.url("resend")))
            let id = try await clinic.send(to: address)
            #expect(try await clinic.settled(id).status == .sent)
            // As a bounce leaves it, which comes by webhook.
            try await end(id, .failed, in: clinic)
            let again = try await clinic.ask(endpoints.retry, MessagePath(id: id))
            #expect(again.output?.status == .queued && again.output?.reason == nil)
            let message = try await clinic.settled(id)
            #expect(message.status == .sent)
            #expect(message.attempts.map(\.outcome) == [.accepted, .accepted])
            #expect(Set(message.attempts.map(\.providerMessageId)).count == 2)
            // With the same key Resend would have said yes and sent nothing.
            #expect(try await sandbox.received(for: address).count == 2)
        }
    }

    @Test func anUnknownOneIsSentAgainOnlyByHand() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "unknown\(clinic.clinic.low)@example.com"
            try await clinic.configure(.sendgrid(sandbox.url("sendgrid")))
            try await sandbox.fault("lost_reply", of: "sendgrid", times: 1)
            let id = try await clinic.send(to: address)
            #expect(try await clinic.settled(id).status == .unknown)
            #expect(try await clinic.ask(endpoints.retry, MessagePath(id: id)).status == 200)
            let message = try await clinic.settled(id, [.sent])
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
        }
    }

    @Test func twiceAtOnceIsOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "both\(clinic.clinic.low)@example.com"
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let id = try await clinic.send(to: address)
            _ = try await clinic.settled(id)
            try await end(id, .failed, in: clinic)
            async let first = clinic.ask(endpoints.retry, MessagePath(id: id))
            async let second = clinic.ask(endpoints.retry, MessagePath(id: id))
            let answers = try await [first, second]
            #expect(answers.map(\.status).sorted() == [200, 409])
            #expect(answers.compactMap(\.code) == ["not_retryable"])
            _ = try await clinic.settled(id, [.sent])
            #expect(try await sandbox.received(for: address).count == 2)
            try await eventually("the jobs are done") { try await clinic.jobCount() == 0 ? true : nil }
        }
    }

    @Test func whatArrivedOrIsOnItsWayIsNot() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let id = try await clinic.send()
            _ = try await clinic.settled(id)
            #expect(try await clinic.ask(endpoints.retry, MessagePath(id: id)).code == "not_retryable")
            #expect(try await clinic.ask(endpoints.retry, MessagePath(id: MessageID())).status == 404)
            let other = try TestClinic()
            #expect(try await other.ask(endpoints.retry, MessagePath(id: id)).status == 404)
        }
    }

    /// Who has called a message off that was to be sent later, and wants it after all, wants it then.
    @Test func whatIsScheduledWaitsForItsTimeAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "later\(clinic.clinic.low)@example.com"
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let sendAt = Instant.now() + .seconds(3_600)
            var draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress(address)),
                content: MessageContent(subject: "Hello", text: "See you tomorrow.")
            )
            draft.sendAt = sendAt
            let id = try await clinic.send(draft)
            let cancelled = try await clinic.ask(endpoints.cancel, MessagePath(id: id))
            try #require(cancelled.output?.status == .cancelled)
            let again = try await clinic.ask(endpoints.retry, MessagePath(id: id))
            #expect(again.output?.status == .queued && again.output?.waitingFor == .schedule)
            #expect(again.output?.nextAttemptAt == again.output?.sendAt && again.output?.sendAt != nil)
            let dueAt = try await clinic.desk.database.inspect(
                "select min(due_at) from jobs where clinic_id = \(clinic.clinic) and handler = \(SendMessageJob.name)"
            ) { rows -> Instant in try rows[0][0] }
            #expect(dueAt > sendAt - .seconds(1))
            try await clinic.hurryJobs()
            #expect(try await clinic.settled(id).status == .sent)
            #expect(try await sandbox.received(for: address).count == 1)
        }
    }

    private func end(_ id: MessageID, _ status: MessageStatus, in clinic: TestClinic) async throws {
        let tenant = Tenant(clinic.clinic, actor: "test")
        try await clinic.desk.database.database.transaction(for: tenant) { tx in
            tx.execute("update messages set status = \(status.rawValue) where id = \(id)")
        }
    }
}
