import AccessAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

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
            try await eventually("the message to rest") {
                try await closed.desk.database.inspect(
                    """
                    select count(*) from jobs where clinic_id = \(closed.clinic) and handler = \(SendMessageJob.name)
                        and lease is null and due_at > now() + interval '5 minutes'
                    """
                ) { try $0[0][0] as Int64 } == 1
            }
            let message = try await closed.message(waiting)
            #expect(message.status == .queued && message.attempts.isEmpty)
            try await closed.tellOfItself(version: 2)
            try await closed.hurryJobs()
            #expect(try await closed.settled(waiting).status == .sent)
            #expect(try await sandbox.received(for: address).count == 1)
        }
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
        guard case .held = findings[0], case .work = findings[1] else {
            Issue.record("\(findings)")
            return
        }
    }
}
