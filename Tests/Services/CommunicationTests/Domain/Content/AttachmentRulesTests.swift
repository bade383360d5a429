import CommunicationAPI
import Core
import FoundationEssentials
import Testing

@testable import Communication

@Suite struct AttachmentRulesTests {
    private func draft(
        _ name: String = "invoice.pdf",
        _ type: String = "application/pdf",
        _ bytes: [UInt8] = Array("%PDF-1.7".utf8),
        id: String? = nil
    ) -> AttachmentDraft {
        AttachmentDraft(
            filename: name,
            contentType: type,
            content: Data(bytes).base64EncodedString(),
            contentId: id
        )
    }

    @Test func filesOfEveryKindAreTaken() throws {
        for kind in AttachmentRules.kinds {
            let bytes = [UInt8](repeating: 0, count: kind.offset) + (kind.beginnings.first ?? []) + [1, 2, 3]
            for ending in kind.endings {
                let files = try AttachmentRules.files([draft("Grüße aus Köln.\(ending.uppercased())", kind.type, bytes)]
                )
                #expect(files.map(\.bytes) == [bytes] && files.map(\.file.size) == [bytes.count])
            }
        }
    }

    @Test(
        arguments: [
            ("invoice.exe", "application/x-msdownload", "/attachments/0/contentType"),
            ("invoice.pdf.exe", "application/pdf", "/attachments/0/filename"),
            ("invoice.html", "text/html", "/attachments/0/contentType"),
            ("a/b.pdf", "application/pdf", "/attachments/0/filename"),
            ("..\\b.pdf", "application/pdf", "/attachments/0/filename"),
            (".pdf", "application/pdf", "/attachments/0/filename"),
            ("a\r\nBcc: x.pdf", "application/pdf", "/attachments/0/filename"),
            ("fdp.\u{202E}exe.pdf", "application/pdf", "/attachments/0/filename"),
            ("a.png", "image/png", "/attachments/0/content"),
        ]
    ) func whatIsNotAFileToSend(name: String, type: String, pointer: String) throws {
        let problem = #expect(throws: Problem.self) { try AttachmentRules.files([draft(name, type)]) }
        #expect(problem?.status == 422 && problem?.errors.map(\.pointer) == [pointer])
    }

    @Test func contentIDsAreForPicturesAndOnce() throws {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 1]
        let problem = #expect(throws: Problem.self) {
            try AttachmentRules.files([
                draft(id: "logo"), draft("a.png", "image/png", png, id: "logo"),
                draft("b.png", "image/png", png, id: "<x>"),
            ])
        }
        #expect(
            problem?.errors.map(\.pointer) == [
                "/attachments/0/contentId", "/attachments/1/contentId", "/attachments/2/contentId",
            ]
        )
    }

    @Test func whatIsNoBase64AndWhatIsEmpty() throws {
        var broken = draft()
        broken.content = "%%%%"
        for draft in [broken, draft("a.txt", "text/plain", [])] {
            let problem = #expect(throws: Problem.self) { try AttachmentRules.files([draft]) }
            #expect(problem?.errors.map(\.pointer) == ["/attachments/0/content"])
        }
    }

    @Test func kindsAreThoseThatAreDeclared() {
        #expect(AttachmentRules.kinds.map(\.type) == AttachmentUpload.contentTypes)
    }

    @Test func uploadedFilesAreNamed() throws {
        let (known, id) = (AttachedFile(filename: "a.png", contentType: "image/png", size: 12), AttachmentID())
        let named = try AttachmentRules.files([AttachmentDraft(id, contentId: "logo"), draft()], uploads: [id: known])
        #expect(named.map(\.file.contentID) == ["logo", nil] && named[0].bytes.isEmpty && named[0].file.size == 12)
        var both = AttachmentDraft(id)
        both.filename = "b.png"
        var half = draft()
        half.content = nil
        let problem = #expect(throws: Problem.self) {
            try AttachmentRules.files([AttachmentDraft(AttachmentID()), both, half], uploads: [id: known])
        }
        #expect(
            problem?.errors.map(\.pointer) == [
                "/attachments/0/attachmentId", "/attachments/1/filename", "/attachments/2",
            ]
        )
        let large = AttachedFile(
            filename: "a.pdf",
            contentType: "application/pdf",
            size: AttachmentDraft.mostBytesPerMessage / 2
        )
        let most = [AttachmentDraft(id), AttachmentDraft(id)]
        #expect(try AttachmentRules.files(most, uploads: [id: large]).count == 2)
        let tooMany = #expect(throws: Problem.self) {
            try AttachmentRules.files(most + [draft()], uploads: [id: large])
        }
        #expect(tooMany?.status == 413)
    }

    @Test func whatProvidersTakeDecidesTogether() {
        #expect(MessageProviders.builtIn.capacity(of: ["zeptomail"]) == ZeptoMailProvider.mostBytes)
        #expect(MessageProviders.builtIn.capacity(of: ["zeptomail", "aws_ses"]) == AWSSESProvider.mostBytes)
        #expect(
            MessageProviders.builtIn.capacity(of: ["zeptomail", "smtp"]) == nil
                && MessageProviders.builtIn.capacity(of: []) == nil
        )
        let most = AttachedFile(filename: "a.pdf", contentType: "application/pdf", size: AttachmentUpload.mostBytes)
        #expect(
            MessageProviders.builtIn.fits([most], through: "zeptomail")
                && !MessageProviders.builtIn.fits([most, most], through: "zeptomail")
        )
        #expect(
            MessageProviders.builtIn.fits([most, most], through: "sendgrid")
                && MessageProviders.builtIn.fits([most, most], through: "smtp")
        )
    }

    @Test func togetherTheyHaveALimit() throws {
        let half = draft("a.txt", "text/plain", Array(repeating: 0x61, count: AttachmentDraft.mostBytes / 2))
        #expect(try AttachmentRules.files([half, half]).count == 2)
        let problem = #expect(throws: Problem.self) {
            try AttachmentRules.files([half, half, draft("b.txt", "text/plain", [0x61])])
        }
        #expect(problem?.status == 413 && problem?.code == "attachments_too_large")
    }
}
