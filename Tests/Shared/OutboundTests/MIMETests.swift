import Core
import Testing

@testable import Outbound

@Suite struct MIMETests {
    private func message(
        name: String? = nil,
        subject: String = "Hello",
        text: String? = "Hi\n",
        html: String? = nil,
        files: [MIMEMessage.File] = [],
        id: String = "abc@clinic.example"
    ) throws -> MIMEMessage {
        MIMEMessage(
            from: .init(try #require(EmailAddress("clinic@example.com")), name: name),
            to: .init(try #require(EmailAddress("asha@example.com"))),
            subject: subject,
            text: text,
            html: html,
            attachments: files,
            messageID: id,
            date: Instant(seconds: 1_792_566_000)
        )
    }

    private func written(_ message: MIMEMessage) throws -> String {
        String(decoding: try message.bytes(), as: UTF8.self)
    }

    @Test func aPlainMessageByteForByte() throws {
        #expect(
            try written(message(name: "Clinic \"A\""))
                == [
                    "Date: Wed, 21 Oct 2026 07:00:00 +0000", "From: \"Clinic \\\"A\\\"\"", " <clinic@example.com>",
                    "To: <asha@example.com>", "Message-ID: <abc@clinic.example>", "Subject: Hello", "MIME-Version: 1.0",
                    "Auto-Submitted: auto-generated", "Content-Type: text/plain; charset=utf-8",
                    "Content-Transfer-Encoding: quoted-printable", "", "Hi", "", "",
                ].joined(separator: "\r\n")
        )
    }

    @Test func otherLettersBecomeEncodedWords() throws {
        let text = try written(message(name: "Klinik Süd", subject: String(repeating: "नमस्ते ", count: 12)))
        #expect(text.contains("From: =?utf-8?B?S2xpbmlrIFPDvGQ=?=\r\n <clinic@example.com>\r\n"))
        #expect(text.utf8.allSatisfy { $0 < 0x80 })
        let header = text.split(separator: "\r\n\r\n", maxSplits: 1)[0]
        #expect(header.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test func longSubjectsFoldBetweenWords() throws {
        let subject = Array(repeating: "appointment", count: 20).joined(separator: " ")
        let text = try written(message(subject: subject))
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(text.split(separator: "\r\n ").joined(separator: " ").contains("Subject: \(subject)"))
    }

    @Test func filesStandAroundWhatIsRead() throws {
        let picture = MIMEMessage.File(filename: "a.png", contentType: "image/png", contentID: "logo", bytes: [1, 2])
        let letter = MIMEMessage.File(
            filename: "Brief \u{FC}.pdf",
            contentType: "application/pdf",
            bytes: Array(0..<60)
        )
        let text = try written(message(text: "T", html: "<img src='cid:logo'>", files: [letter, picture]))
        let places = [
            "multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png",
            "application/pdf",
        ]
        .map { text.firstRange(of: "Content-Type: \($0)")?.lowerBound }
        #expect(places.allSatisfy { $0 != nil } && places.compactMap { $0 } == places.compactMap { $0 }.sorted())
        #expect(text.contains("Content-ID: <logo>\r\nContent-Disposition: inline; filename=\"a.png\"\r\n\r\nAQI=\r\n"))
        #expect(text.contains("Content-Disposition: attachment; filename*=utf-8''Brief%20%C3%BC.pdf\r\n"))
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test func aFilesNameBeginsNoHeader() throws {
        let file = MIMEMessage.File(filename: "a.pdf\r\nBcc: x@example.com", contentType: "application/pdf", bytes: [1])
        #expect(throws: MIMEError.controlCharacter(header: "filename")) { try written(message(files: [file])) }
    }

    @Test func bothPartsAreAlternatives() throws {
        let text = try written(message(text: "T", html: "<p>H</p>"))
        #expect(
            text.contains(
                "Content-Type: multipart/alternative; boundary=\"=_aabcclinicexample\"\r\n\r\n--=_aabcclinicexample\r\n"
            )
        )
        #expect(text.hasSuffix("<p>H</p>\r\n\r\n--=_aabcclinicexample--\r\n"))
    }

    @Test(arguments: ["a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\u{0}b", "a\u{85}b", "a\u{2028}b"])
    func lineBreaksInHeadersAreRefused(text: String) throws {
        #expect(throws: MIMEError.controlCharacter(header: "Subject")) { try message(subject: text).bytes() }
        #expect(throws: MIMEError.controlCharacter(header: "From")) { try message(name: text).bytes() }
        #expect(throws: MIMEError.controlCharacter(header: "Message-ID")) { try message(id: text).bytes() }
    }

    @Test func withoutAnyPart() throws {
        #expect(throws: MIMEError.emptyBody) { try message(text: nil).bytes() }
    }

    @Test(arguments: [
        ("a=b", "a=3Db"), ("ü", "=C3=BC"), ("end \nnext", "end=20\r\nnext"), ("a\r\nb", "a\r\nb"), ("tab\t", "tab=09"),
        ("a\rb", "a=0Db"), ("", ""), ("=?utf-8?", "=3D?utf-8?"),
    ])
    func quotedPrintable(text: String, encoded: String) { #expect(QuotedPrintable.encode(text) == encoded) }

    @Test func quotedPrintableLinesAreShort() {
        let encoded = QuotedPrintable.encode(String(repeating: "äbc d", count: 400))
        #expect(encoded.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 76 })
        #expect(
            encoded.replacing("=\r\n", with: "").replacing("=C3=A4", with: "ä")
                == String(repeating: "äbc d", count: 400)
        )
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func base64(text: String, encoded: String) { #expect(Base64.encode(Array(text.utf8)) == encoded) }

    @Test(arguments: [(0, [0]), (57, [76]), (58, [76, 4]), (114, [76, 76]), (150, [76, 76, 48])])
    func base64LinesHave76Characters(bytes: Int, lengths: [Int]) {
        let lines = Base64.lines([UInt8](repeating: 0xA5, count: bytes))
        #expect(lines.replacing("\r\n", with: "") == Base64.encode([UInt8](repeating: 0xA5, count: bytes)))
        #expect(lines.split(separator: "\r\n", omittingEmptySubsequences: false).map(\.utf8.count) == lengths)
    }
}
