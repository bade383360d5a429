import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Files of e-mails that came to a clinic: kept sealed as far as they may be, and named with the reason where not.
@Suite(.timeLimit(.minutes(3))) struct InboundMailFileTests {
    private static let token = "inbound-mail-token-0001"
    private static let conversations = MessageDesk.endpoints.conversations
    private static let reader = Principal(kind: .user, id: "\(UserID())", roles: ["PHARMACIST"])
    private static let pdf = Array("%PDF-1.7\n".utf8) + [UInt8](repeating: 7, count: 200_000)

    private func clinic() async throws -> TestClinic {
        let clinic = try TestClinic()
        var draft = ProviderDraft.smtp(port: 9)
        draft.credentials["verifyToken"] = .string(Self.token)
        try await clinic.configure(draft)
        return clinic
    }

    private func part(_ type: String, _ name: String?, _ bytes: [UInt8]) -> [String] {
        let disposition =
            name.map { "Content-Disposition: attachment; filename=\"\($0)\"" } ?? "Content-Disposition: inline"
        return [
            "--b", "Content-Type: \(type)", disposition, "Content-Transfer-Encoding: base64", "", Base64.encode(bytes),
        ]
    }

    private func mail(_ parts: [[String]], id: String = "\(RequestID())") -> [UInt8] {
        let head = [
            "From: asha@example.com", "To: clinic@example.com", "Subject: My letter", "Message-ID: <\(id)@example.com>",
            "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "", "See the files",
        ]
        return Array((head + parts.flatMap { $0 } + ["--b--", ""]).joined(separator: "\r\n").utf8)
    }

    private func bring(_ body: [UInt8], to clinic: TestClinic) async throws {
        let input = WebhookPayload(provider: "smtp", clinicId: clinic.clinic, body: RawBody(body))
        let answer = try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            input,
            as: Principal(kind: .provider, id: "test"),
            headers: ["Authorization": "Bearer \(Self.token)"]
        )
        #expect(answer.status == 200, "\(String(describing: answer.problem))")
    }

    private func said(_ clinic: TestClinic, as principal: Principal = TestClinic.admin) async throws -> InboundMessage {
        let found = try await clinic.ask(Self.conversations.list, .init(), as: principal).output?.items
        let id = try #require(found?.first?.id)
        let messages = try await clinic.ask(Self.conversations.messages, .init(id: id), as: principal).output?.items
        #expect(messages?.count == 1)
        return try #require(messages?.first)
    }

    private func content(
        _ message: InboundMessage,
        _ place: Int,
        of clinic: TestClinic,
        as principal: Principal = TestClinic.admin
    ) async throws -> Int {
        let path = ConversationFilePath(id: message.conversationId, messageId: message.id, place: place)
        let found = try await clinic.text(Self.conversations.file, path, as: principal)
        return found.status
    }

    @Test func filesAreKeptSealedOrNamedWithTheReason() async throws {
        let (clinic, other) = (try await clinic(), try await clinic())
        let body = mail([
            part("application/pdf", "letter.pdf", Self.pdf),
            part("application/octet-stream", "scan.pdf", Array("%PDF-1.4".utf8)),
            part("application/octet-stream", "tool.exe", Array("MZ".utf8)),
            part("application/x-msdownload", "invoice.pdf", Array("%PDF-1.4".utf8)),
            part("image/png", "not.png", Array("GIF8".utf8)),
            part("image/png", nil, [0x89, 0x50, 0x4E, 0x47, 1]),
        ])
        for _ in 0..<2 { try await bring(body, to: clinic) }
        let message = try await said(clinic)
        #expect(message.text == "See the files")
        #expect(message.files.map(\.status) == [.kept, .kept, .refused, .refused, .refused, .kept])
        #expect(message.files.map(\.contentType)[1] == "application/pdf")
        let reasons = [nil, nil, "type_not_kept", "type_not_kept", "type_not_kept", nil]
        #expect(message.files.map(\.reason) == reasons && message.files[0].size == Self.pdf.count)
        #expect(message.files.map(\.filename)[3] == "invoice.pdf")
        #expect(try await content(message, 0, of: clinic) == 200)
        #expect(try await content(message, 2, of: clinic) == 409)
        #expect(try await content(message, 9, of: clinic) == 404)
        #expect(try await content(message, 0, of: clinic, as: Self.reader) == 403)
        #expect(try await content(message, 0, of: other) == 404)
        #expect(try await said(clinic, as: Self.reader).files.allSatisfy { $0.filename == nil })
        let id = clinic.clinic
        let sealed: [[UInt8]] = try await clinic.desk.database.inspect(
            "select sealed from inbound_file_pieces where clinic_id = \(id) order by file_place, place"
        ) { rows in try rows.map { try $0[0] } }
        // The first has two pieces.
        #expect(sealed.count == 4 && sealed.allSatisfy { !$0.contains([UInt8](repeating: 7, count: 16)) })
        let sealer = try await clinic.desk.dataKeys.sealer(for: id)
        let kept = try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
            try (0..<2).flatMap { number in
                let (id, talk) = (message.id, message.conversationId)
                let page = try InboundFileStore.page(number, of: id, 0, in: talk, with: sealer, in: tx)
                #expect(page?.isLast == (number == 1))
                return page?.bytes ?? []
            }
        }
        #expect(kept == Self.pdf)
    }

    @Test(
        arguments: [
            (11, nil), (InboundMessage.mostFiles, nil), (InboundMessage.mostFiles + 3, 3),
            (InboundMail.mostParts + 700, InboundMail.mostParts + 700 - InboundMessage.mostFiles),
        ] as [(Int, Int?)]
    )
    func allAreNamedOrCounted(count: Int, leftOut: Int?) async throws {
        let clinic = try await clinic()
        let parts = (0..<count).map { part("text/plain", "\($0).txt", Array("file \($0)".utf8)) }
        try await bring(mail(parts), to: clinic)
        let message = try await said(clinic)
        #expect(message.files.count == min(count, InboundMessage.mostFiles) && message.filesLeftOut == leftOut)
        #expect(message.files.map(\.filename) == message.files.indices.map { "\($0).txt" })
        #expect(message.files.allSatisfy { $0.status == .kept })
        #expect(try await content(message, message.files.count - 1, of: clinic) == 200)
    }

    /// Whoever saves a file has it where they want it, under a name that reads as it is written.
    @Test(
        arguments: [
            ("../r.pdf", "r.pdf"), ("/etc/passwd", "passwd"), (#"C:\Users\a\r.pdf"#, "r.pdf"),
            ("..\\..\\r.pdf", "r.pdf"),
            (".htaccess", "htaccess"), ("...", nil), ("..", nil), ("a/", nil), ("", nil), (" r.pdf ", "r.pdf"),
            ("fdp.\u{202E}exe.pdf", "fdp.exe.pdf"), ("a\u{0}\r\nb.pdf", "ab.pdf"), (#"quo"ted;.csv"#, #"quo"ted;.csv"#),
            ("Brief für Süd; 1.pdf", "Brief für Süd; 1.pdf"), ("रिपोर्ट.pdf", "रिपोर्ट.pdf"),
        ] as [(String, String?)]
    )
    func aNameIsNoPath(given: String, name: String?) {
        #expect(InboundText.Media(type: "application/pdf", filename: given).filename == name)
    }

    @Test func tooMuchIsNamedAndNotKept() async throws {
        let clinic = try await clinic()
        let most = InboundFileRules.mostBytes
        var text = InboundText(
            channel: .email,
            to: "clinic@example.com",
            from: try #require(ChannelAddress(.email, "asha@example.com")),
            text: "See",
            media: (0..<4).map { .init(type: "text/plain", filename: "\($0).txt") },
            providerMessageID: "m:1"
        )
        let sizes = [most - 10, most + 1, 10, 1]
        text.contents = Dictionary(
            uniqueKeysWithValues: sizes.enumerated().map { ($0.offset, [UInt8](repeating: 0x61, count: $0.element)) }
        )
        try await clinic.take(text)
        let files = try await said(clinic).files
        #expect(files.map(\.status) == [.kept, .refused, .kept, .refused])
        #expect(files.map(\.reason) == [nil, "too_large", nil, "too_large"])
    }
}
