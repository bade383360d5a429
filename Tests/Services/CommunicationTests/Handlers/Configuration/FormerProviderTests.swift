import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Providers that a clinic has no more still tell of what they sent, and hand on what is answered, for a day.
@Suite(.timeLimit(.minutes(3))) struct FormerProviderTests {
    private static let seed = "former-seed"
    private static let token = "auth-token-0001"
    private static let number = "+4915112345678"
    private let endpoints = MessageDesk.endpoints.configuration

    private func path(_ clinic: TestClinic) -> ConfigurationPath { ConfigurationPath(clinicId: clinic.clinic) }
    private func address(_ clinic: TestClinic) -> String { "f\(clinic.clinic.low)@example.com" }

    /// A clinic that has sent a message by SendGrid.
    private func sent(_ sandbox: SandboxPlace) async throws -> (clinic: TestClinic, message: MessageID) {
        let clinic = try TestClinic()
        var draft = ProviderDraft.sendgrid(sandbox.url("sendgrid"))
        draft.credentials["webhookPublicKey"] = .text(SendGrid.publicKey(Self.seed))
        try await clinic.configure(draft)
        let id = try await clinic.send(to: address(clinic))
        #expect(try await clinic.settled(id).status == .sent)
        return (clinic, id)
    }

    /// What SendGrid gets when it tells that the message has bounced.
    private func bounce(_ id: MessageID, of clinic: TestClinic, seed: String = seed) async throws -> Int {
        let events: JSONValue = [
            [
                "event": "bounce", "type": "bounce", "email": .string(address(clinic)),
                "sg_event_id": .string("\(RequestID())"), "sg_message_id": "p-1.x-1", "message_id": .string("\(id)"),
            ]
        ]
        let body = try JSONWriter.encode(events)
        let headers = Dictionary(uniqueKeysWithValues: SendGrid.sign(seed, body, .now()))
        return try await clinic.bring(body, headers: headers, by: "sendgrid")
    }

    @Test(arguments: [true, false]) func aBounceIsTakenAfterItsProviderIsGone(isDeleted: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, id) = try await sent(sandbox)
            if isDeleted {
                #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "*").status == 204)
                #expect(try await clinic.ask(endpoints.read, path(clinic)).code == "not_configured")
            } else {
                let shown = try await clinic.configure(.resend(sandbox.url("resend")))
                #expect(shown.email?.primary.provider == "resend" && shown.email?.fallback.isEmpty == true)
            }
            #expect(try await bounce(id, of: clinic, seed: "another-seed") == 401)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await bounce(id, of: clinic) == 200)
            let failed = try await clinic.message(id)
            #expect(failed.status == .failed && failed.reason?.code == "hard_bounce")
            #expect(try await clinic.suppressionReasons() == ["hard_bounce"])
        }
    }

    @Test(arguments: [true, false]) func itIsRefusedOnceFormerSecretsAreDropped(isDeleted: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, id) = try await sent(sandbox)
            if isDeleted {
                #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "*").status == 204)
            } else {
                try await clinic.configure(.resend(sandbox.url("resend")))
            }
            #expect(try await clinic.ask(endpoints.dropFormerSecrets, path(clinic)).status == 428)
            #expect(try await clinic.ask(endpoints.dropFormerSecrets, path(clinic), ifMatch: "\"1\"").status == 412)
            #expect(try await clinic.ask(endpoints.dropFormerSecrets, path(clinic), ifMatch: "\"2\"").status == 204)
            #expect(try await bounce(id, of: clinic) == 401)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await clinic.suppressionReasons().isEmpty)
        }
    }

    /// What Twilio gets when somebody has written to the clinic's number.
    private func hear(_ words: String, _ clinic: TestClinic, token: String = token) async throws -> Int {
        let pairs: [(name: String, value: String)] = [
            ("MessageSid", "SM\(RequestID())"), ("SmsStatus", "received"), ("Body", words), ("To", "+15005550006"),
            ("From", Self.number), ("AccountSid", "AC" + String(repeating: "a", count: 32)), ("NumMedia", "0"),
        ]
        let url = "https://clinic.example/api/v1/webhooks/communication/twilio/\(clinic.clinic)"
        return try await clinic.bring(
            Communication.FormBody.encode(pairs),
            headers: ["X-Twilio-Signature": Sandbox.TwilioSignature.make(token, url, pairs)],
            by: "twilio"
        )
    }

    @Test func aStopToAFormerNumberIsHeeded() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            try await clinic.configure(sms: [.texts("aws_sns", at: sandbox.url("aws_sns"))])
            #expect(try await hear("ARRÊT", clinic, token: "guessed") == 401)
            #expect(try await hear("ARRÊT", clinic) == 204)
            #expect(try await clinic.suppressionReasons() == ["stop"])
            #expect(try await clinic.heard().map(\.text) == ["ARRÊT"])
            // From the number that was written to nothing can be confirmed.
            try await clinic.silence()
            let list = MessageListRequest(recipient: Self.number)
            #expect(try await clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items.isEmpty == true)
        }
    }

    /// The same account, removed and configured anew, is heard once, and of what it sent before as well.
    @Test func whoComesBackIsHeardOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, id) = try await sent(sandbox)
            #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "*").status == 204)
            let texts = ProviderDraft.texts("twilio", at: sandbox.url("twilio"))
            var mails = ProviderDraft.sendgrid(sandbox.url("sendgrid"))
            mails.credentials["webhookPublicKey"] = .text(SendGrid.publicKey(Self.seed))
            try await clinic.configure(email: [mails], sms: [texts])
            #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "*").status == 204)
            try await clinic.configure(email: [mails], sms: [texts])
            #expect(try await bounce(id, of: clinic) == 200)
            #expect(try await clinic.message(id).status == .failed)
            #expect(try await hear("Where are you?", clinic) == 204)
            #expect(try await clinic.heard().map(\.text) == ["Where are you?"])
        }
    }
}
