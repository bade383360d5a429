import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import Postgres
import TestKit
import Testing

@testable import Communication

/// Files from the request to whoever receives them.
@Suite(.timeLimit(.minutes(3))) struct AttachmentTests {
    private let endpoints = MessageDesk.endpoints.messages
    private let letter = Array("%PDF-1.7 confidential".utf8)
    private let picture: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0, 255, 1]

    private func draft(to address: String) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            content: MessageContent(subject: "Hello", text: "See the letter.", html: "<img src=\"cid:logo\">"),
            attachments: [
                AttachmentDraft(
                    filename: "Brief für Asha.pdf",
                    contentType: "application/pdf",
                    content: Data(letter).base64EncodedString()
                ),
                AttachmentDraft(
                    filename: "logo.png",
                    contentType: "image/png",
                    content: Data(picture).base64EncodedString(),
                    contentId: "logo"
                ),
            ]
        )
    }

    @Test(arguments: ["zeptomail", "aws_ses", "sendgrid", "resend", "smtp"])
    func theyArriveAsTheyWere(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "files\(clinic.clinic.low)@example.com"
            let entry: ProviderDraft =
                switch provider {
                case "smtp": .smtp(port: sandbox.smtpPort)
                case "zeptomail": .zeptomail(sandbox.zeptomail)
                default: try .named(provider, at: sandbox.url(provider))
                }
            try await clinic.configure(entry)
            let id = try await clinic.send(draft(to: address))
            #expect(try await clinic.settled(id).status == .sent)
            let received = try #require(try await sandbox.received(for: address).first?.message)
            guard case .array(let unordered) = received["files"] else {
                Issue.record("no files: \(received)")
                return
            }
            // Pictures that are shown stand before what is attached in a MIME message.
            let files = unordered.sorted { ($0["name"]?.string ?? "") < ($1["name"]?.string ?? "") }
            #expect(files.map { $0["name"]?.string } == ["Brief für Asha.pdf", "logo.png"])
            #expect(files.map { $0["type"]?.string } == ["application/pdf", "image/png"])
            #expect(files.map { $0["contentId"]?.string } == [nil, "logo"])
            let contents = [letter, picture].map { Data($0).base64EncodedString() }
            #expect(files.map { $0["content"]?.string } == contents)
            #expect(received["text"]?.string?.hasPrefix("See the letter.") == true)
            let message = try await clinic.message(id)
            #expect(
                message.attachments == [
                    MessageAttachment(
                        filename: "Brief für Asha.pdf",
                        contentType: "application/pdf",
                        bytes: letter.count
                    ),
                    MessageAttachment(filename: "logo.png", contentType: "image/png", bytes: picture.count),
                ]
            )
            #expect(try await clinic.message(id, as: TestClinic.accountant).attachments == nil)
        }
    }

    @Test func theyAreSealedAtRest() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let id = try await clinic.send(draft(to: "asha@example.com"))
        let tenant = Tenant(clinic.clinic, actor: "test")
        let stored = try await clinic.desk.database.database.read(for: tenant) { tx in
            try tx.rows("select sealed from message_attachments where message_id = \(id) order by place").map { row in
                let bytes: [UInt8] = try row[0]
                return bytes
            }
        }
        #expect(stored.count == 2)
        #expect(stored.allSatisfy { $0.firstRange(of: Array("confidential".utf8)) == nil })
    }

    @Test func aMessageThatDoesNotGoByMailHasNone() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = draft(to: "asha@example.com")
        draft.attachments?[0].contentType = "text/html"
        let answer = try await clinic.ask(endpoints.send, draft)
        #expect(answer.status == 422 && answer.pointers == ["/attachments/0/contentType"])
    }
}
