import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import Postgres
import ProviderConfig
import TestKit
import Testing
import Vault

@testable import Communication

/// Files, buttons and lists by WhatsApp, as the sandbox plays it with the real checks.
@Suite(.timeLimit(.minutes(3))) struct WhatsAppMediaTests {
    private static let number = "106540352242922"

    private func phone(_ clinic: TestClinic) throws -> PhoneNumber {
        try #require(PhoneNumber("+9196\(10_000_000 + clinic.clinic.low % 90_000_000)"))
    }

    /// A clinic that a patient has just written to.
    private func clinic(_ sandbox: SandboxPlace) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                whatsapp: ChannelDraft(primary: .meta(sandbox.url("meta")))
            )
        )
        let index = clinic.desk.blindIndex.token(
            try phone(clinic).number,
            purpose: AddressIndex.purpose,
            clinic: clinic.clinic
        )
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            ConversationWindowStore.note("meta:\(Self.number)", index, at: .now(), in: tx)
        }
        return clinic
    }

    private func draft(
        _ clinic: TestClinic,
        files: [AttachmentDraft]? = nil,
        interactive: InteractiveContent? = nil,
        text: String = "Your letter."
    ) throws -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(phone: try phone(clinic)),
            channels: [.whatsapp],
            content: MessageContent(text: text, interactive: interactive),
            attachments: files
        )
    }

    @Test(
        arguments: [
            (
                "Brief \"für\" Asha.pdf".replacing("\"", with: ""), "application/pdf", Array("%PDF-1.7 x".utf8),
                "document"
            ),
            ("scan.png", "image/png", [0x89, 0x50, 0x4E, 0x47, 13, 10, 45, 45, 13, 10, 0, 255], "image"),
            ("film.mp4", "video/mp4", [0, 0, 0, 24] + Array("ftypmp42".utf8), "video"),
            ("say.ogg", "audio/ogg", Array("OggS".utf8), "document"),
        ] as [(String, String, [UInt8], String)]
    ) func aFileArrivesWithItsText(name: String, type: String, bytes: [UInt8], kind: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let upload = try await clinic.upload(bytes, name: name, type: type)
            let id = try await clinic.send(try draft(clinic, files: [AttachmentDraft(upload.id)]))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent, "\(message.attempts)")
            let received = try #require(try await sandbox.received(for: phone(clinic).number).first?.message)
            #expect(received["text"]?.string == "Your letter." && received["headers"]?["type"]?.string == kind)
            guard case .array(let files) = received["files"], files.count == 1 else {
                Issue.record("no file: \(received)")
                return
            }
            #expect(files[0]["name"]?.string == name && files[0]["type"]?.string == type)
            #expect(files[0]["content"]?.string == Data(bytes).base64EncodedString())
        }
    }

    @Test(
        arguments: [
            ("say.ogg", "audio/ogg", Array("OggS".utf8) + [UInt8](repeating: 0, count: 24) + Array("OpusHead".utf8)),
            ("say.mp3", "audio/mpeg", Array("ID3".utf8)), ("say.aac", "audio/aac", [0xFF, 0xF1, 0x50]),
            ("say.amr", "audio/amr", Array("#!AMR\n".utf8)),
            ("say.m4a", "audio/mp4", [0, 0, 0, 24] + Array("ftypM4A ".utf8)),
        ] as [(String, String, [UInt8])]
    ) func aSoundIsPlayedAndItsTextFollows(name: String, type: String, bytes: [UInt8]) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let upload = try await clinic.upload(bytes, name: name, type: type)
            let id = try await clinic.send(try draft(clinic, files: [AttachmentDraft(upload.id)]))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.attempts.count == 1, "\(message.attempts)")
            // The last one first.
            let received = try await sandbox.received(for: phone(clinic).number).map(\.message).reversed().map { $0 }
            #expect(received.compactMap { $0["headers"]?["type"]?.string } == ["audio", "text"])
            guard received.count == 2, case .array(let files) = received[0]["files"] else { return }
            #expect(files.first?["content"]?.string == Data(bytes).base64EncodedString())
            #expect(received[1]["text"]?.string == "Your letter.")
            #expect(received[1]["id"]?.string == message.attempts.first?.providerMessageId)
        }
    }

    @Test func aSoundWhoseTextIsRefusedIsNotSentAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let upload = try await clinic.upload(Array("ID3".utf8), name: "say.mp3", type: "audio/mpeg")
            // The file, the sound, and then nothing more.
            try await sandbox.call("/faults/meta", ["kind": "500", "after": 2], method: "PUT")
            let id = try await clinic.send(try draft(clinic, files: [AttachmentDraft(upload.id)]))
            let message = try await clinic.settled(id)
            #expect(message.status == .unknown && message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: phone(clinic).number).count == 1)
        }
    }

    @Test func buttonsAndListsArrive() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let buttons = InteractiveContent(
                type: .buttons,
                buttons: [.init(id: "CONFIRM", title: "Confirm"), .init(id: "CANCEL", title: "Cancel")],
                footer: "Lindenhof"
            )
            let list = InteractiveContent(
                type: .list,
                button: "Choose",
                sections: [
                    .init(title: "Mon", rows: [.init(id: "a", title: "9:00", description: "Dr. Rao")]),
                    .init(title: "Tue", rows: [.init(id: "b", title: "10:00")]),
                ]
            )
            for content in [buttons, list] {
                let id = try await clinic.send(try draft(clinic, interactive: content))
                let message = try await clinic.settled(id)
                #expect(message.status == .sent && message.content?.interactive == content, "\(message.attempts)")
            }
            let png = AttachmentDraft(
                filename: "map.png",
                contentType: "image/png",
                content: Data([0x89, 0x50, 0x4E, 0x47, 1]).base64EncodedString()
            )
            let both = try await clinic.settled(
                try await clinic.send(try draft(clinic, files: [png], interactive: buttons))
            )
            #expect(both.status == .sent, "\(both.attempts)")
            let received = try await sandbox.received(for: phone(clinic).number)
            #expect(received.count == 3)
            #expect(received.allSatisfy { $0.message["headers"]?["type"]?.string == "interactive" })
            #expect(received.contains { $0.message["files"] != .array([]) })
        }
    }

    @Test func whatCannotGoIsRefusedAtOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let pdf = AttachmentDraft(
                filename: "a.pdf",
                contentType: "application/pdf",
                content: Data("%PDF-1.7".utf8).base64EncodedString()
            )
            let send = MessageDesk.endpoints.messages.send
            let buttons = InteractiveContent(type: .buttons, buttons: [.init(id: "a", title: "A")])
            let long = String(repeating: "a", count: 1_025)
            for (draft, pointer) in [
                (try draft(clinic, files: [pdf, pdf]), "/attachments"),
                (try draft(clinic, files: [pdf], text: long), "/attachments"),
                (try draft(clinic, interactive: buttons, text: long), "/content/text"),
                (try draft(clinic, interactive: .init(type: .list)), "/content/interactive/button"),
            ] {
                let answer = try await clinic.ask(send, draft)
                #expect(answer.status == 422 && answer.pointers.first == pointer, "\(answer)")
            }
        }
    }

    @Test func twilioIsToldWhereTheFileIs() async throws {
        let credentials = Credentials([
            "accountSid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "authToken": "token", "whatsappNumber": "+14155238886",
            "endpoint": "http://127.0.0.1:9",
        ])
        let twilio = try #require(TwilioWhatsAppProvider(credentials, through: ProviderSamples.transports()))
        var text = try ProviderSamples.text("Your letter.", lastInbound: ["twilio:+14155238886": .now()])
        text.file = Attachment(
            file: AttachedFile(filename: "a.pdf", contentType: "application/pdf", size: 1),
            bytes: [1]
        )
        let verdict = await twilio.send(text, deadline: .after(.seconds(5)))
        #expect(verdict.outcome == .contentRejected && verdict.code == "media_url" && verdict.host == .untried)
        text.fileURL = "https://clinic.example/f"
        let form = String(decoding: try twilio.sending(text, at: .now()).body, as: UTF8.self)
        #expect(form.contains("Body=Your") && form.contains("MediaUrl=https%3A%2F%2Fclinic.example%2Ff"))
        // A template that begins a conversation says what it says, without the file.
        let template = ApprovedTemplate(name: "HX" + String(repeating: "a", count: 32), language: "en", parameters: [])
        let opening = try ProviderSamples.text("Your letter.", approved: template)
        #expect(!String(decoding: try twilio.sending(opening, at: .now()).body, as: UTF8.self).contains("MediaUrl"))
    }

    @Test func aLinkShowsOneFileForAWhile() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try await clinic(sandbox), try TestClinic())
            let file = Array("%PDF-1.7".utf8) + [UInt8](repeating: 7, count: 300_000)
            let upload = try await clinic.upload(file)
            let id = try await clinic.send(try draft(clinic, files: [AttachmentDraft(upload.id)]))
            let links = clinic.desk.sending.media
            let token = links.token(of: id, 0, clinic.clinic, at: .now())
            let first = try await clinic.page(token)
            let second = try await clinic.page(token, page: first.next)
            #expect(first.status == 200 && first.contentType == "application/pdf" && second.next == nil)
            let isSame = first.body + second.body == file
            #expect(isSame)
            let early = links.token(of: id, 0, clinic.clinic, at: .now() - MediaLinks.lifetime)
            let another = links.token(of: id, 1, clinic.clinic, at: .now())
            let unknown = links.token(of: MessageID(), 0, clinic.clinic, at: .now())
            for token in [early, another, unknown, String(token.dropLast(2)) + "AA", "x"] {
                #expect(try await clinic.page(token).status == 404)
            }
            #expect(try await other.page(token).status == 404)
        }
    }
}
