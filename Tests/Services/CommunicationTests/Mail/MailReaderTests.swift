import CommunicationAPI
import Contracts
import Core
import Foundation
import Testing

@testable import Communication

/// Our reader against Python's `email` package, and against what no program would write.
@Suite struct MailReaderTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        struct Sender: Decodable, Sendable {
            let name: String
            let address: String
        }

        struct File: Decodable, Sendable {
            let name: String?
            let type: String
            let size: Int?
        }

        struct Read: Decodable, Sendable {
            let subject: String
            let texts: [String]
            let from: Sender
            let files: [File]
            let statuses: [[String: String]]
            let names: [String: [String]]
        }

        let name: String
        let mail: String
        let read: Read
        var testDescription: String { name }

        var bytes: [UInt8] { Base64.decode(mail) ?? [] }
    }

    static let cases: [Case] = {
        struct File: Decodable { let cases: [Case] }
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let data = try? Data(contentsOf: tests.appending(path: "Golden/providers/mail_messages.json"))
        return data.flatMap { try? JSONDecoder().decode(File.self, from: $0) }?.cases ?? []
    }()

    @Test func thereAreCases() { #expect(Self.cases.count > 20) }

    @Test(arguments: cases) func itIsReadAsPythonReadsIt(_ one: Case) throws {
        let mail = InboundMail(one.bytes)
        #expect(mail.subject == one.read.subject)
        #expect(mail.from?.address.address == one.read.from.address)
        #expect((mail.from?.name ?? "") == one.read.from.name)
        #expect(mail.text == one.read.texts.joined(separator: "\n"))
        let files = mail.report == nil ? mail.files : mail.files.filter { $0.type != "text/plain" }
        #expect(files.map(\.filename) == one.read.files.map(\.name))
        #expect(files.map(\.type) == one.read.files.map { Optional($0.type) })
        for (file, wanted) in zip(files, one.read.files) where wanted.size != nil { #expect(file.size == wanted.size) }
        let names = one.read.names
        let answers = (names["in-reply-to"] ?? []) + (names["references"] ?? []).reversed()
        #expect(mail.answers.map { "<\($0)>" } == answers)
        try checkReport(mail, one.read.statuses)
    }

    private func checkReport(_ mail: InboundMail, _ statuses: [[String: String]]) throws {
        guard let status = statuses.first else {
            #expect(mail.report == nil)
            return
        }
        let report = try #require(mail.report)
        #expect(report.names == ["0190aaaa-0000-7000-8000-000000000001"])
        let event = MailReport.event(action: status["action"], status: status["status"])
        let people = Set([status["original-recipient"], status["final-recipient"]].compactMap { $0 })
        #expect(Set(report.outcomes.map(\.event)) == Set(event.map { [$0] } ?? []))
        #expect(Set(report.outcomes.compactMap(\.recipient)) == (event == nil ? [] : people))
        #expect(mail.isAutomatic)
    }

    @Test(
        arguments: [
            ("failed", "5.1.1", DeliveryEvent.hardBounce), ("failed", "5.1.2", .hardBounce),
            ("FAILED ", "5.1.10 ", .hardBounce),
            ("failed", "5.7.1", .rejected), ("failed", "5.7.26", .rejected), ("failed", "5.1.8", .rejected),
            ("failed", "5.2.2", .softBounce), ("failed", "5.2.1", .softBounce), ("failed", "4.4.7", .softBounce),
            ("failed", "5.0.0", .softBounce),
            ("failed", nil, .softBounce), ("delivered", "2.0.0", .delivered), ("delayed", "4.4.1", nil),
            ("relayed", "2.0.0", nil), ("expanded", "2.0.0", nil), ("", "5.1.1", nil), (nil, "5.1.1", nil),
        ] as [(String?, String?, DeliveryEvent?)]
    )
    func aStatusMeansOneThing(action: String?, status: String?, event: DeliveryEvent?) {
        #expect(MailReport.event(action: action, status: status) == event)
        // Only who is not there is not written to again.
        let suppresses = event?.suppression(on: .email) != nil
        #expect(suppresses == (event == .hardBounce))
    }

    /// 5.1.0 says that some address is wrong, not whose.
    @Test(
        arguments: [
            ("5.1.0", "smtp; 550 5.1.0 <asha@example.com> no such user here", DeliveryEvent.hardBounce),
            ("5.1.0", nil, .hardBounce),
            ("5.1.0", "smtp; 550 5.1.0 Address of sender@example.com rejected", .hardBounce),
            ("5.1.0", "smtp; 550 5.1.0 <clinic@example.com> sender rejected", .rejected),
            ("5.1.0", "smtp; 553 5.1.0 Sender address rejected: not owned", .rejected),
            ("5.0.0", "smtp; 550 5.1.0 MAIL FROM not allowed", .rejected),
            ("5.0.0", "smtp; 550 5.1.0 no such user", .hardBounce),
            ("5.0.0", "smtp; 550 From address: user unknown", .softBounce),
        ] as [(String, String?, DeliveryEvent)]
    )
    func aSenderThatIsRefusedCondemnsNobody(status: String, said: String?, event: DeliveryEvent) {
        #expect(MailReport.event(action: "failed", status: MailReport.status(status, said: said)) == event)
    }

    @Test func ofAReplyOnlyTheBeginningIsRead() {
        let long = String(repeating: "a ", count: MailReport.longestDiagnostic / 2)
        for (said, event) in [
            ("smtp; 550 5.2.1 disabled \(long)", DeliveryEvent.hardBounce),
            ("smtp; 550 5.2.1 \(long) disabled", .softBounce),
        ] {
            #expect(MailReport.bounce(status: "5.2.1", said: said) == event)
            #expect(MailReport.event(action: "failed", status: "5.2.1", said: said) == event)
        }
        #expect(MailReport.status("5.1.0", said: "smtp; 550 5.1.0 sender rejected \(long)") == "5.1.8")
        #expect(MailReport.status("5.1.0", said: "smtp; 550 5.1.0 \(long) sender rejected") == "5.1.0")
    }

    private func complaint(_ type: String, recipient: String?) -> InboundMail {
        let lines = [
            "From: fbl@provider.example", "Content-Type: multipart/report; report-type=feedback-report; boundary=r", "",
            "--r", "", "This is a complaint.", "--r", "Content-Type: message/feedback-report", "",
            "Feedback-Type: \(type)", "User-Agent: X/1", recipient.map { "Original-Rcpt-To: \($0)" } ?? "Version: 1",
            "",
            "--r", "Content-Type: message/rfc822", "", "Message-ID: <name-1@clinic.example>",
            "To: Asha <asha@example.com>", "", "Hello", "--r--",
        ]
        return InboundMail(Array(lines.joined(separator: "\r\n").utf8))
    }

    @Test func aComplaintNamesWhomItIsFrom() {
        #expect(
            complaint("abuse", recipient: "asha@example.com").report?.outcomes
                == [.init(recipient: "asha@example.com", event: .complained)]
        )
        // Left out, it is whom the message went to.
        #expect(complaint("abuse", recipient: nil).report?.outcomes.first?.recipient == "asha@example.com")
        #expect(complaint("abuse", recipient: "redacted").report?.outcomes.first?.recipient == "asha@example.com")
        #expect(complaint("not-spam", recipient: nil).report?.outcomes == [])
        #expect(complaint("not-spam", recipient: nil).report?.reports == [])
    }

    @Test(arguments: [
        ("Auto-Submitted: auto-replied", true), ("Auto-Submitted: no", false),
        ("Auto-Submitted: auto-generated; x=y", true),
        ("Precedence: bulk", true), ("Precedence: first-class", false), ("X-Auto-Response-Suppress: OOF", true),
        ("List-Id: <l.example.com>", true), ("Return-Path: <>", true), ("Return-Path: <a@example.com>", false),
        ("X-Other: 1", false),
    ]) func whatNobodyWroteIsKnown(field: String, isAutomatic: Bool) {
        let mail = InboundMail(Array("From: a@example.com\r\n\(field)\r\n\r\nx".utf8))
        #expect(mail.isAutomatic == isAutomatic)
    }

    @Test func theEnvelopeSaysWhoIsToldOfFailures() {
        let bytes = Array("From: a@example.com\r\n\r\nx".utf8)
        #expect(InboundMail(bytes, envelopeSender: "").isAutomatic)
        #expect(!InboundMail(bytes, envelopeSender: "a@example.com").isAutomatic)
    }

    @Test(
        arguments: [
            ("asha@example.com", "asha@example.com", nil), ("<asha@example.com>", "asha@example.com", nil),
            ("Asha <asha@example.com>", "asha@example.com", "Asha"),
            ("\"Rao, \\\"A\\\"\" <asha@example.com>, b@example.com", "asha@example.com", "Rao, \"A\""),
            ("asha@example.com (Asha, at home)", "asha@example.com", nil),
            ("Team: asha@example.com, b@x.org;", "asha@example.com", nil),
            ("=?utf-8?q?a=40b.com=3E?= <asha@example.com>", "asha@example.com", "a@b.com>"),
            ("undisclosed:;", nil, nil), ("", nil, nil), ("<>", nil, nil), ("a@b@c", nil, nil),
            ("<a@example.com", nil, nil), ("<a,b@example.com>", nil, nil),
            ("<@x.org,@y.org:asha@example.com>", "asha@example.com", nil),
            ("<mailto:asha@example.com>", "asha@example.com", nil),
            // Names in quotes, which are not the name that somebody gives themselves.
            (#""a b"@example.com"#, #""a b"@example.com"#, nil), (#"<"a b"@example.com>"#, #""a b"@example.com"#, nil),
            (#""Rao, A" <"a@b, \"c\":>"@example.com>, d@x.org"#, #""a@b, \"c\":>"@example.com"#, "Rao, A"),
            (#"Asha "A" Rao <"a.rao"@example.com>"#, "a.rao@example.com", "Asha A Rao"),
        ] as [(String, String?, String?)]
    )
    func whoWritesIsRead(header: String, address: String?, name: String?) {
        let found = MailAddress.first(of: header)
        #expect(found?.address.address == address)
        #expect(found?.name == name)
    }

    @Test func quotedHistoryIsNoCommand() {
        let answers = [
            "CONFIRM\n\nOn Fri, Nov 20, 2026 at 10:00 AM Clinic <c@example.com> wrote:\n> CANCEL\n",
            "CONFIRM\n\nOn Fri, Nov 20, 2026 at 10:00 AM Clinic <c@example.com>\nwrote:\n> CANCEL",
            "> CANCEL\nCONFIRM", "CONFIRM\n-- \nAsha", "CONFIRM\n\n-----Original Message-----\nCANCEL",
            "CONFIRM\n\nAm 20.11.2026 um 10:00 schrieb Klinik:\n> CANCEL", "  CONFIRM  ",
        ]
        for answer in answers {
            #expect(QuotedHistory.stripped(answer) == "CONFIRM", "\(answer)")
        }
        #expect(QuotedHistory.stripped("Am I on time?\nOn Monday, I mean,") == "Am I on time?\nOn Monday, I mean,")
    }

    /// What nobody writes by accident neither stops the reader nor makes it slow or large.
    @Test func whatIsMadeToHarmIsReadAsFarAsItGoes() throws {
        var nested = "From: a@example.com\r\n"
        for level in 0..<200 { nested += "Content-Type: multipart/mixed; boundary=b\(level)\r\n\r\n--b\(level)\r\n" }
        #expect(InboundMail(Array((nested + "\r\ndeep").utf8)).files.count <= InboundMail.mostFiles)
        let parts =
            "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
            + String(repeating: "--x\r\nContent-Disposition: attachment; filename=a\r\n\r\ny\r\n", count: 5_000)
        let many = InboundMail(Array(parts.utf8))
        #expect(many.files.count == InboundMail.mostFiles)
        // Those that are not read are counted.
        #expect(many.leftOut == 5_000 - InboundMail.mostFiles)
        let fields = String(repeating: "X: 1\r\n", count: 50_000) + "From: a@example.com\r\n\r\nx"
        #expect(InboundMail(Array(fields.utf8)).text == "x")
        let folded = "Subject: a\r\n" + String(repeating: " aaaaaaaaaaaaaaaaaaaaaaaa\r\n", count: 20_000) + "\r\nx"
        #expect(InboundMail(Array(folded.utf8)).subject.count <= InboundMail.longestSubject)
        let words = "Subject: " + String(repeating: "=?utf-8?q?a?= ", count: 10_000) + "\r\n\r\nx"
        #expect(InboundMail(Array(words.utf8)).subject.count <= InboundMail.longestSubject)
        let marks = "\r\ne" + String(repeating: "\u{301}", count: 300_000)
        #expect(InboundMail(Array(marks.utf8)).text.utf8.count <= InboundText.mostBytes)
        let page = "Content-Type: text/html\r\n\r\n" + String(repeating: "<a href='x", count: 20_000)
        #expect(InboundMail(Array(page.utf8)).text.utf8.count <= InboundText.mostBytes)
        var random = SystemRandomNumberGenerator()
        for one in Self.cases {
            for _ in 0..<20 {
                var bytes = one.bytes
                for _ in 0..<5 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255) }
                let cut = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
                #expect(InboundMail(cut).text.utf8.count <= InboundText.mostBytes)
            }
        }
    }

    /// A mail of one shape, and what is read of it.
    private static let odd: [(String, text: String?, files: Int?)] = [
        // Boundaries: the end is missing, one begins as another does, one is very long, one is its own part's.
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\none\r\n--a\r\n\r\ntwo", "one\ntwo", 0),
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\none\r\n--ab\r\nno\r\n--a-\r\n--a--x\r\n--a--\r\nno",
            "one\n--ab\nno\n--a-\n--a--x", 0
        ),
        ("Content-Type: multipart/mixed; boundary=\(long)\r\n\r\n--\(long)\r\n\r\none\r\n--\(long)--", "one", 0),
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\none",
            nil, 0
        ),
        ("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\none", "--\n\none", 0),
        ("Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n\r\none\r\n--a--", "one", 0),
        // Codings: damaged, unknown, of nothing.
        ("Content-Transfer-Encoding: base64\r\n\r\nSGVs!!!bG8=AAAA\u{0}", "Hello", 0),
        ("Content-Transfer-Encoding: base64\r\n\r\nS", "", 0),
        ("Content-Transfer-Encoding: quoted-printable\r\n\r\nHe=6Clo=\r\n =ZZ=4", "Hello =ZZ=4", 0),
        ("Content-Transfer-Encoding: x-rot\r\n\r\nHello", "Hello", 0),
        ("Content-Type: text/plain; charset=x-unknown\r\n\r\nHello", "Hello", 0),
        ("Content-Type: text/plain; charset=utf-16\r\n\r\nH\u{0}i\u{0}", "Hi", 0),
        ("Content-Type: \u{0}\r\n\r\nHello", "Hello", 0),
        ("Content-Type: /;;;=;*=;a*=';a*99999999999999999999=x;a*-1=y\r\n\r\nHello", nil, nil),
        // A message in a message, again and again: the first is a file.
        (String(repeating: "Content-Type: message/rfc822\r\n\r\n", count: 500) + "\r\nHello", "", 1),
        ("Content-Type: multipart/report\r\n\r\nHello", "Hello", 0),
        (
            "Content-Type: multipart/report; boundary=a\r\n\r\n"
                + String(repeating: "--a\r\nContent-Type: message/delivery-status\r\n\r\n\r\n\r\n", count: 300), nil,
            nil
        ),
        // Fields: very long, many, of nothing but blanks.
        ("X-Long: \(String(repeating: "a", count: 1_000_000))\r\n\r\nHello", "Hello", 0),
        ("\(String(repeating: "a", count: 1_000_000)): x\r\n\r\nHello", "Hello", 0),
        (" \r\n\t\r\n\r\nHello", "Hello", 0),
        ("To: \((0..<1_000).map { "a\($0)@example.com" }.joined(separator: ", "))\r\n\r\nHello", "Hello", 0),
        ("References: \(String(repeating: "<a\u{0}@b> ", count: 5_000))\r\n\r\nHello", "Hello", 0),
        ("Message-ID: <>\r\nIn-Reply-To: <<<<\r\n\r\nHello", "Hello", 0), ("\r\n\u{0}\u{0}", "", 0), ("", "", 0),
        // Many parts of much text: what is kept is short, and so is what is read.
        (
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
                + String(repeating: "--a\r\n\r\n\(String(repeating: "b", count: 5_000))\r\n", count: 400), nil, 0
        ),
    ]
    private static let long = String(repeating: "b", count: 10_240)

    @Test(arguments: odd.indices) func mailsOfOddShapesAreReadAsFarAsTheyGo(place: Int) {
        let (fields, text, files) = Self.odd[place]
        let many = (0..<1_000).map { "b\($0)@example.com" }.joined(separator: ", ")
        let mail = InboundMail(
            Array("From: =?utf-8?q?A=00sha?= <a@example.com>, \(many)\r\nSubject: =?utf-8?q?a=00b?=\r\n\(fields)".utf8)
        )
        if let text { #expect(mail.text == text) }
        if let files { #expect(mail.files.count == files) }
        #expect(mail.from?.address.address == "a@example.com")
        #expect(mail.subject[...].trimmingBlanks == "ab")
        #expect(mail.text.utf8.count <= InboundText.mostBytes && !mail.text.utf8.contains(0))
        #expect(mail.answers.count <= 2 * MailNames.most && mail.id.utf8.count <= DeliveryReport.longestID)
        for report in mail.report?.reports ?? [] { #expect(ProviderVerdict.token(report.providerMessageID) != nil) }
    }

    /// Blocks that tell of nobody take their time to read too.
    @Test(arguments: [(MailReport.mostRecipients - 1, 1), (MailReport.mostRecipients, 0)])
    func aReportIsReadForSoManyRecipients(nobody: Int, read: Int) {
        let lines = [
            "From: MAILER-DAEMON@mx", "Content-Type: multipart/report; report-type=delivery-status; boundary=r", "",
            "--r", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx", "",
        ]
        let block =
            "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; \(String(repeating: #""@"#, count: 4_000))\r\n\r\n"
        let last = "Final-Recipient: rfc822; a@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n--r--\r\n"
        let text = lines.joined(separator: "\r\n") + "\r\n" + String(repeating: block, count: nobody) + last
        #expect(InboundMail(Array(text.utf8)).report?.outcomes.count == read)
    }

    /// Each recorded mail, cut at every place.
    @Test func aCutMailIsReadAsFarAsItGoes() {
        for one in Self.cases {
            let bytes = one.bytes
            for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 200)) {
                let mail = InboundMail(Array(bytes.prefix(count)))
                #expect(mail.text.utf8.count <= InboundText.mostBytes && mail.files.count <= InboundMail.mostFiles)
            }
        }
    }

    /// Names of character sets as mails spell them, a text, and its bytes in hexadecimal as Python encodes it.
    private static let charsets: [(name: String, text: String, bytes: String)] = [
        ("windows-1250", "Přijdu, žluťoučký kůň", "50F8696A64752C209E6C759D6F75E86BFD206BF9F2"),
        ("cp1251", "Отменить приём", "CEF2ECE5EDE8F2FC20EFF0E8B8EC"),
        ("Windows-1252", "“Grüße” – 5 €", "934772FCDF6594209620352080"),
        ("windows-1253", "Θα έρθω, ευχαριστώ", "C8E120DDF1E8F92C20E5F5F7E1F1E9F3F4FE"),
        ("windows-1254", "Geleceğim, İstanbul", "47656C656365F0696D2C20DD7374616E62756C"),
        ("windows-1255", "שלום, תודה", "F9ECE5ED2C20FAE5E3E4"),
        ("windows-1256", "شكرا، لا أستطيع", "D4DFD1C7A120E1C720C3D3CAD8EDDA"),
        ("windows-1257", "Ačiū, ģimene", "41E869FB2C20EC696D656E65"),
        ("windows-1258", "Đám cưới", "D0E16D2063FDF5EC69"),
        ("tis-620", "สวัสดีครับ", "CAC7D1CAB4D5A4C3D1BA"),
        ("koi8-r", "Приду завтра", "F0D2C9C4D520DAC1D7D4D2C1"),
        ("KOI8-U", "Прийду, їжак ґ", "F0D2C9CAC4D52C20A7D6C1CB20AD"),
        ("iso-8859-1", "Grüße", "4772FCDF65"),
        ("iso-8859-2", "Przyjdę, łódź", "50727A796A64EA2C20B3F364BC"),
        ("ISO_8859-4", "Ačiū, ķēde", "41E869FE2C20F3BA6465"),
        ("iso-8859-5", "Спасибо", "C1DFD0E1D8D1DE"),
        ("iso-8859-6", "شكرا", "D4E3D1C7"),
        ("iso-8859-7", "Ευχαριστώ", "C5F5F7E1F1E9F3F4FE"),
        ("iso-8859-8-i", "תודה", "FAE5E3E4"),
        ("latin5", "şükran, ğı", "FEFC6B72616E2C20F0FD"),
        ("iso-8859-13", "Ačiū, ģ", "41E869FB2C20EC"),
        ("iso-8859-15", "Œuvre à 5 €", "BC7576726520E0203520A4"),
        // What has no letter there, and names that nobody knows.
        ("windows-1252", "a\u{FFFD}b", "618162"), ("x-unknown", "ä\u{FFFD}", "C3A4E4"), ("", "ä", "C3A4"),
    ]

    @Test(arguments: charsets.indices) func eachCharacterSetIsRead(place: Int) throws {
        let (name, text, hex) = Self.charsets[place]
        let bytes = try #require([UInt8](hex: hex))
        let word = "=?\(name)?B?\(Data(bytes).base64EncodedString())?="
        let quoted = bytes.map { "=\($0 < 16 ? "0" : "")\(String($0, radix: 16, uppercase: true))" }.joined()
        let head = "Subject: \(word)\r\nContent-Type: text/plain; charset=\"\(name)\"\r\n"
        let plain = InboundMail(Array("\(head)\r\n".utf8) + bytes)
        #expect(plain.text == text)
        // Without a name there are no encoded words.
        #expect(plain.subject == (name.isEmpty ? word : text))
        let coded = InboundMail(Array("\(head)Content-Transfer-Encoding: quoted-printable\r\n\r\n\(quoted)".utf8))
        #expect(coded.text == text)
    }

    @Test func theSameMailIsTheSameWhateverWayItComes() {
        let first = InboundMail(Array("Message-ID: <1@x>\r\nFrom: a@example.com\r\n\r\nx".utf8))
        let again = InboundMail(Array("Received: by y\r\nMessage-ID: <1@x>\r\nFrom: a@example.com\r\n\r\nx".utf8))
        let other = InboundMail(Array("Message-ID: <1@x>\r\nFrom: b@example.com\r\n\r\nx".utf8))
        let nameless = InboundMail(Array("From: a@example.com\r\n\r\nx".utf8))
        #expect(first.id == again.id && first.id != other.id && nameless.id != first.id)
        #expect([first, other, nameless].allSatisfy { $0.id.utf8.count <= DeliveryReport.longestID })
    }
}
