import CommunicationAPI
import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// E-mails that providers receive for a clinic: SendGrid's forms, SES's receipts, Resend's notices.
@Suite(.timeLimit(.minutes(3))) struct ProviderMailTests {
    private static let topic = "arn:aws:sns:eu-west-1:123456789012:clinic"
    private static let secret = "whsec_Y2xpbmljLXNpZ25pbmctc2VjcmV0LTAwMDE="
    private static let seed = "clinic-seed"
    private static let raw =
        "From: Zoë <zoe@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        + "Message-ID: <1@example.com>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nnā, ok?\r\n"

    private static let withFile =
        "From: Zoë <zoe@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\n"
        + "Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.7\r\n"

    private func form(_ fields: [(name: String, value: String)], file: Bool = false) -> (
        body: [UInt8], type: String
    ) {
        var body = ""
        for (name, value) in fields {
            body += "--xYzZY\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n"
        }
        if file {
            body +=
                "--xYzZY\r\nContent-Disposition: form-data; name=\"attachment1\"; filename=\"a.pdf\"\r\n"
                + "Content-Type: application/pdf\r\n\r\n%PDF\r\n"
        }
        return (Array((body + "--xYzZY--\r\n").utf8), "multipart/form-data; boundary=xYzZY")
    }

    private func signed(_ form: (body: [UInt8], type: String), seed: String = seed) -> (
        body: [UInt8], headers: [String: String]
    ) {
        var headers = Dictionary(uniqueKeysWithValues: SendGrid.sign(seed, form.body, .now()))
        headers["Content-Type"] = form.type
        return (form.body, headers)
    }

    @Test func sendGridsFormsAreRead() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var draft = ProviderDraft.sendgrid(sandbox.url("sendgrid"))
            draft.credentials["webhookPublicKey"] = .text(SendGrid.publicKey(Self.seed))
            try await clinic.configure(draft)
            let whole = form([("email", Self.raw), ("envelope", "{\"from\":\"zoe@example.com\"}")])
            #expect(try await clinic.bring(signed(whole, seed: "another-seed"), by: "sendgrid") == 401)
            #expect(try await clinic.bring(whole.body, headers: ["Content-Type": whole.type], by: "sendgrid") == 401)
            #expect(try await clinic.heard().isEmpty)
            #expect(try await clinic.bring(signed(whole), by: "sendgrid") == 200)
            #expect(try await clinic.bring(signed(whole), by: "sendgrid") == 200)
            let taken = form(
                [
                    ("headers", "From: b@example.com\r\nMessage-ID: <2@example.com>\r\nSubject: Taken apart\r\n"),
                    ("text", "apart"), ("charsets", "{\"text\":\"UTF-8\"}"), ("envelope", "{\"from\":\"\"}"),
                ],
                file: true
            )
            #expect(try await clinic.bring(signed(taken), by: "sendgrid") == 200)
            #expect(try await clinic.bring(signed(form([("x", "y")])), by: "sendgrid") == 400)
            let found = try await clinic.heard()
            #expect(Set(found.map(\.text)) == ["nā, ok?\n", "apart"])
            #expect(Set(found.map(\.subject)) == ["Grüße", "Taken apart"])
            let second = found.first { $0.subject == "Taken apart" }
            #expect(second?.files.map(\.filename) == ["a.pdf"] && second?.isAutomatic == true)
            #expect(second?.files.map(\.reason) == ["type_not_kept"], "it does not begin as a PDF does")
        }
    }

    @Test(arguments: [true, false]) func receiptsOfSESAreRead(isBase64: Bool) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var draft = ProviderDraft.awsSES(sandbox.url("aws_ses"))
            draft.credentials["eventTopicArn"] = .string(Self.topic)
            try await clinic.configure(draft)
            func delivery(
                _ topic: String,
                spam: String = "PASS",
                virus: String = "PASS",
                id: String
            ) throws -> (
                body: [UInt8], headers: [String: String]
            ) {
                let raw = (id == "m3" ? Self.withFile : Self.raw).replacing("<1@", with: "<\(id)@")
                let receipt: JSONValue = [
                    "notificationType": "Received",
                    "receipt": [
                        "spamVerdict": ["status": .string(spam)], "virusVerdict": ["status": .string(virus)],
                        "action": ["type": "SNS", "encoding": .string(isBase64 ? "BASE64" : "UTF8")],
                    ], "mail": ["source": "zoe@example.com", "messageId": .string(id)],
                    "content": .string(isBase64 ? Base64.encode(Array(raw.utf8)) : raw),
                ]
                let event = WebhookSender.Event(
                    id: id,
                    type: "Notification",
                    account: "a",
                    clinic: nil,
                    body: try JSONWriter.encode(receipt)
                )
                let sent = SNSTopics.delivery(of: event, topic, .now(), origin: sandbox.url("aws_ses"))
                return (sent.body, Dictionary(uniqueKeysWithValues: sent.headers))
            }
            #expect(try await clinic.bring(delivery("\(Self.topic)-other", id: "m1"), by: "aws_ses") == 401)
            #expect(try await clinic.bring(delivery(Self.topic, id: "m1"), by: "aws_ses") == 200)
            #expect(try await clinic.bring(delivery(Self.topic, spam: "FAIL", id: "m2"), by: "aws_ses") == 200)
            #expect(try await clinic.bring(delivery(Self.topic, virus: "FAIL", id: "m3"), by: "aws_ses") == 200)
            let found = try await clinic.heard()
            #expect(found.map(\.isAutomatic) == [true, true, false])
            #expect(found.allSatisfy { $0.subject == "Grüße" } && found.last?.text == "nā, ok?\n")
            #expect(found[0].files.map(\.status) == [.refused] && found[0].files.map(\.reason) == ["virus"])
        }
    }

    @Test func resendsMailIsAskedFor() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            func configure(_ endpoint: String) async throws {
                var draft = ProviderDraft.resend(endpoint)
                draft.credentials["webhookSecret"] = .string(Self.secret)
                try await clinic.configure(draft)
            }
            let id = "56761188-7520-42d8-8898-ff6fc54ce618"
            let notice: JSONValue = [
                "type": "email.received",
                "data": [
                    "email_id": .string(id), "from": "Zoë <zoe@example.com>", "to": ["clinic@example.com"],
                    "message_id": "<1@example.com>", "subject": "Grüße",
                    "attachments": [["filename": "a.png", "content_type": "image/png"]],
                ],
            ]
            let body = try JSONWriter.encode(notice)
            func call(secret: String = Self.secret) -> (body: [UInt8], headers: [String: String]) {
                (body, Dictionary(uniqueKeysWithValues: Resend.sign(secret, id: "msg_1", body, .now())))
            }
            // Nobody is there who would hand it out: Resend tries again.
            try await configure(SandboxPlace.nowhere)
            #expect(try await clinic.bring(call(), by: "resend") == 503)
            #expect(try await clinic.bring(call(secret: Resend.signingSecretDefault), by: "resend") == 401)
            #expect(try await clinic.heard().isEmpty)
            try await configure(sandbox.url("resend"))
            try await sandbox.call(
                "/resend/received/\(id)",
                [
                    "from": "Zoë <zoe@example.com>", "subject": "Grüße", "message_id": "<1@example.com>",
                    "text": "nā, ok?",
                ],
                method: "PUT"
            )
            #expect(try await clinic.bring(call(), by: "resend") == 200)
            #expect(try await clinic.bring(call(), by: "resend") == 200)
            let found = try await clinic.heard()
            #expect(found.map(\.text) == ["nā, ok?"] && found.map(\.subject) == ["Grüße"])
        }
    }

    /// Several entries of one account are told of the same e-mail: the first of them asks for it.
    @Test func aMailIsAskedForByOneEntry() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let drafts = [sandbox.url("resend"), SandboxPlace.nowhere].map { endpoint in
                var draft = ProviderDraft.resend(endpoint)
                draft.credentials["webhookSecret"] = .string(Self.secret)
                return draft
            }
            try await clinic.configure(email: drafts)
            let id = "56761188-7520-42d8-8898-ff6fc54ce620"
            try await sandbox.call(
                "/resend/received/\(id)",
                ["from": "zoe@example.com", "subject": "Once", "message_id": "<1@example.com>", "text": "Hello"],
                method: "PUT"
            )
            let body = try JSONWriter.encode(
                ["type": "email.received", "data": ["email_id": .string(id)]] as JSONValue
            )
            let headers = Dictionary(uniqueKeysWithValues: Resend.sign(Self.secret, id: "msg_1", body, .now()))
            #expect(try await clinic.bring(body, headers: headers, by: "resend") == 200)
            #expect(try await clinic.heard().map(\.text) == ["Hello"])
        }
    }

    @Test func resendsFilesAreFetchedOneByOne() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var draft = ProviderDraft.resend(sandbox.url("resend"))
            draft.credentials["webhookSecret"] = .string(Self.secret)
            try await clinic.configure(draft)
            let http = OutboundHTTP(
                policy: try OutboundPolicy(allow: "loopback"),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            let files: [(id: String, type: String, bytes: [UInt8])] = [
                ("f1", "application/pdf", Array("%PDF-1.7 and more".utf8)),
                ("f2", "application/x-msdownload", Array("MZ".utf8)),
                ("f3", "text/plain", [UInt8](repeating: 0x61, count: InboundFileRules.largest + 1)),
            ]
            for file in files {
                let held = try await http.send(
                    method: "PUT",
                    url: "\(sandbox.url("resend"))/held/\(file.id)",
                    headers: [("Content-Type", file.type)],
                    body: file.bytes,
                    deadline: .after(.seconds(10))
                )
                #expect(held.status == 204)
            }
            let id = "56761188-7520-42d8-8898-ff6fc54ce619"
            var listed = files.map { file -> JSONValue in
                ["id": .string(file.id), "filename": "a", "content_type": .string(file.type)]
            }
            listed.append(["id": "f9", "filename": "gone.pdf", "content_type": "application/pdf"])
            listed.append(["id": "../x", "filename": "odd.pdf", "content_type": "application/pdf"])
            let mail: JSONValue = [
                "from": "zoe@example.com", "subject": "Files", "message_id": "<1@example.com>", "text": "See",
                "attachments": .array(listed),
            ]
            try await sandbox.call("/resend/received/\(id)", mail, method: "PUT")
            let body = try JSONWriter.encode(
                ["type": "email.received", "data": ["email_id": .string(id)]] as JSONValue
            )
            let headers = Dictionary(uniqueKeysWithValues: Resend.sign(Self.secret, id: "msg_1", body, .now()))
            #expect(try await clinic.bring(body, headers: headers, by: "resend") == 200)
            let settled = try await eventually("the files", within: .seconds(40)) {
                let found = try await clinic.heard().first?.files ?? []
                return found.contains { $0.status == .pending } || found.isEmpty ? nil : found
            }
            #expect(settled.map(\.status) == [.kept, .refused, .refused, .refused, .omitted])
            #expect(settled.map(\.reason) == [nil, "type_not_kept", "too_large", "not_there", nil])
        }
    }

    @Test func whatResendDoesNotHandOutIsKeptByItsName() throws {
        let data: JSONValue = [
            "from": "a@example.com", "subject": "x\r\nBcc: y", "message_id": "<1@example.com>",
            "headers": ["auto-submitted": "auto-replied"], "to": ["clinic@example.com"],
        ]
        let mail = ResendWebhooks.mail(data, id: "1")
        #expect(mail.from?.address.address == "a@example.com" && mail.isAutomatic && mail.text.isEmpty)
        #expect(mail.subject == "xBcc: y")
    }

    @Test func onlyWhoBringsMailsMaySendLargeOnes() async throws {
        let clinic = try TestClinic()
        var smtp = ProviderDraft.smtp(port: 9)
        smtp.credentials["verifyToken"] = "inbound-mail-token-0001"
        try await clinic.configure(email: [smtp], sms: [.twilio("http://127.0.0.1:9")])
        let headers = ["Authorization": "Bearer inbound-mail-token-0001"]
        let large = Array(Self.raw.utf8) + Array(repeating: UInt8(ascii: "x"), count: 400_000)
        #expect(try await clinic.bring(large, headers: headers, by: "smtp") == 200)
        #expect(try await clinic.bring(large, headers: headers, by: "twilio") == 413)
        #expect(try await clinic.heard().first?.text?.count == InboundText.longestText)
    }
}
