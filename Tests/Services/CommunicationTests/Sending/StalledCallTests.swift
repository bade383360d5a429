import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Providers that take a message and never say so, with workers that wait for nobody long.
@Suite(.timeLimit(.minutes(2))) struct StalledCallTests {
    private static let desk = Result { try MessageDesk(apart: "_stalled", callTime: .seconds(3)) }
    private static let key = "clinic-authentication-key"

    private func clinic() throws -> TestClinic { TestClinic(at: try Self.desk.get()) }

    @Test func whoNeverAnswersLeavesItUnknownUntilAWebhookTells() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let address = "stalled\(clinic.clinic.low)@example.com"
            var mail = ProviderDraft.zeptomail(sandbox.zeptomail)
            mail.credentials["webhookSecret"] = .string(Self.key)
            try await clinic.configure(mail, .smtp(port: sandbox.smtpPort))
            try await sandbox.fault("stall", of: "zeptomail")
            let id = try await clinic.send(to: address)
            let message = try await clinic.settled(id)
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(message.attempts.first?.providerCode == OutboundFailure.lost(.deadline).code)
            #expect(try await clinic.jobCount() == 0)
            #expect(try await sandbox.received(for: address).map(\.provider) == ["zeptomail"])
            let notice: JSONValue = [
                "event_name": ["delivered"], "webhook_request_id": .string("\(RequestID())"),
                "event_message": [["email_info": ["client_reference": .string("\(id)")], "event_data": []]],
            ]
            let body = try JSONWriter.encode(notice)
            let told = try await clinic.ask(
                MessageDesk.endpoints.deliveries.receive,
                WebhookPayload(provider: "zeptomail", clinicId: clinic.clinic, body: RawBody(body)),
                as: Principal(kind: .provider, id: "test"),
                headers: Dictionary(uniqueKeysWithValues: ZeptoMail.sign(Self.key, body, .now()))
            )
            #expect(told.status == 200)
            #expect(try await clinic.message(id).status == .delivered)
        }
    }

    /// What expires while one provider keeps us waiting is given to no other.
    @Test func whatExpiresDuringACallGoesToNobodyElse() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let number = "+4915\(Int.random(in: 100_000_000...999_999_999))"
            try await clinic.configure(
                sms: [.texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns"))]
            )
            try await sandbox.fault("stall", of: "twilio")
            var draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(number)),
                channels: [.sms],
                content: MessageContent(text: "481516")
            )
            draft.category = .security
            draft.expiresAt = .now() + .seconds(600)
            let id = try await clinic.send(draft)
            try await eventually("the call is under way", within: .seconds(30)) {
                try await clinic.message(id).attempts.first.map { $0.outcome == nil } ?? false
            }
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute("update messages set expires_at = now() where id = \(id)")
            }
            let message = try await clinic.settled(id)
            #expect(message.status == .unknown && message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: number).map(\.provider) == ["twilio"])
        }
    }
}
