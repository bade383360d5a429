import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// Header lines of a sender's own, from the request to the recipient.
@Suite(.timeLimit(.minutes(3))) struct HeaderTests {
    private static let send = MessageDesk.endpoints.messages.send
    private static let headers = ProviderSamples.headers

    private func draft(
        _ headers: [String: String]? = headers,
        channels: [MessageChannel]? = nil,
        phone: String? = nil,
        subject: String? = "Hello"
    ) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress("asha@example.com"), phone: phone.flatMap { PhoneNumber($0) }),
            channels: channels,
            content: MessageContent(subject: subject, text: "See you soon."),
            headers: headers
        )
    }

    @Test(arguments: ["zeptomail", "aws_ses", "smtp", "sendgrid", "resend"])
    func theyArriveThroughEach(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            switch provider {
            case "zeptomail": try await clinic.configure(.zeptomail(sandbox.zeptomail))
            case "smtp": try await clinic.configure(.smtp(port: sandbox.smtpPort))
            default: try await clinic.configure(try .named(provider, at: sandbox.url(provider)))
            }
            let id = try await clinic.send(draft())
            #expect(try await clinic.settled(id, [.sent, .delivered]).status != .failed)
            let arrived = try #require(try await sandbox.received(for: "asha@example.com").first)
            #expect(arrived.provider == provider)
            for (name, text) in Self.headers { #expect(arrived.message["headers"]?[name]?.string == text, "\(name)") }
        }
    }

    @Test func theyAreShownWithTheContentAndSealed() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let id = try await clinic.send(draft())
        #expect(try await clinic.message(id).headers == Self.headers)
        #expect(try await clinic.message(id, as: TestClinic.accountant).headers == nil)
        let clinicID = clinic.clinic
        let sealed: [UInt8] = try await clinic.desk.database.inspect(
            "select sealed from messages where clinic_id = \(clinicID)"
        ) { try $0[0][0] }
        #expect(!sealed.contains(Array("visit-17".utf8)) && !sealed.contains(Array("X-Praxis".utf8)))
        let plain = try await clinic.send(draft(nil))
        #expect(try await clinic.message(plain).headers == nil)
    }

    @Test func theyGoWithAnEmailOnly() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(email: [.smtp(port: 9)], sms: [.twilio(SandboxPlace.nowhere)])
        let number = "+4915112345678"
        let text = try await clinic.ask(Self.send, draft(channels: [.sms], phone: number))
        #expect(text.status == 422 && text.pointers == ["/headers"])
        // The other channel of two goes without them.
        let both = try await clinic.ask(Self.send, draft(channels: [.sms, .email], phone: number))
        #expect(both.status == 202)
    }

    @Test func whatIsNotTheSendersIsRefusedAtItsPlace() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let answer = try await clinic.ask(Self.send, draft(["Bcc": "eve@evil.example", "X-A": "a\r\nBcc: b"]))
        #expect(answer.status == 422 && answer.pointers == ["/headers/Bcc", "/headers/X-A"])
        let batch = try MessageBatch(
            messages: try [draft(), draft(["Subject": "Other"])].map {
                try JSONTape(JSONWriter.encode($0)).decode(JSONValue.self)
            }
        )
        let items = try await clinic.ask(MessageDesk.endpoints.messages.sendBatch, batch).output?.items
        #expect(items?.first?.id != nil)
        #expect(items?.last?.problem?.errors?.map(\.pointer).contains { $0.hasSuffix("/headers/Subject") } == true)
    }

    @Test func otherHeadersAreAnotherRequest() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let key = "\(RequestID())"
        let first = try await clinic.ask(Self.send, draft(), key: key)
        let again = try await clinic.ask(Self.send, draft(), key: key)
        #expect(first.status == 202 && again.output?.id == first.output?.id)
        #expect(try await clinic.ask(Self.send, draft(["X-A": "b"]), key: key).code == "idempotency_key_reused")
    }
}
