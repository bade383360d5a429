import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

/// Whoever holds the secret of a webhook may write what they like: it is read, or refused as making no sense.
@Suite(.serialized) struct HostileWebhookReadingTests {
    /// How one provider's notices are read, and one that tells something.
    struct Reader: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let whole: String
        let read: @Sendable ([UInt8]) throws -> [DeliveryReport]
    }

    private static let id = "01920000-0000-7000-8000-000000000001"
    private static let place = MetaWebhooks.Place(phoneNumberID: "106", businessAccountID: nil)

    private static func text(_ bytes: [UInt8]) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Problem.malformed("no text") }
        return text
    }

    static let readers: [Reader] = [
        Reader(
            testDescription: "zeptomail",
            whole:
                #"{"event_name":["hardbounce"],"event_message":[{"email_info":{"client_reference":"\#(id)"},"request_id":"r1","event_data":[{"details":[{"bounced_recipient":"a@example.com"}]}]}],"webhook_request_id":"w1"}"#,
            read: { try ZeptoMailWebhooks.reports($0) }
        ),
        Reader(
            testDescription: "sendgrid",
            whole:
                #"[{"email":"a@example.com","event":"delivered","sg_event_id":"e1","sg_message_id":"abc.recvd","message_id":"\#(id)"}]"#,
            read: { try SendGridWebhooks.reports($0) }
        ),
        Reader(
            testDescription: "resend",
            whole:
                #"{"type":"email.delivered","data":{"email_id":"49a3","to":["a@example.com"],"tags":[{"name":"message_id","value":"\#(id)"}]}}"#,
            read: { try ResendWebhooks.reports(.webhook($0), id: "msg_1") }
        ),
        Reader(
            testDescription: "aws_ses",
            whole:
                #"{"eventType":"Bounce","mail":{"messageId":"0100","tags":{"message_id":["\#(id)"]}},"bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"a@example.com"}]}}"#,
            read: { AWSSESWebhooks.content(try text($0), id: "n").reports }
        ),
        Reader(
            testDescription: "aws_sns",
            whole:
                #"{"notification":{"messageId":"5679"},"delivery":{"providerResponse":"Invalid phone number"},"status":"FAILURE"}"#,
            read: { AWSSNSWebhooks.content(try text($0), id: "n").reports }
        ),
        Reader(
            testDescription: "meta",
            whole:
                #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"106"},"statuses":[{"id":"wamid.A","status":"failed","biz_opaque_callback_data":"\#(id)","errors":[{"code":131026}]}]}}]}]}"#,
            read: { try MetaWebhooks.news(.webhook($0), of: place).statuses.compactMap(\.report) }
        ),
    ]

    /// What holds of each report, whatever was told.
    private func check(_ reports: [DeliveryReport]) {
        for report in reports {
            #expect(!report.id.isEmpty && !report.id.utf8.contains(0))
            #expect(report.providerMessageID == nil || ProviderVerdict.token(report.providerMessageID) != nil)
        }
    }

    /// What a reader makes of a body; `nil` where it is refused as making no sense.
    private func read(_ bytes: [UInt8], by reader: Reader) -> [DeliveryReport]? {
        do {
            let reports = try reader.read(bytes)
            check(reports)
            return reports
        } catch {
            #expect((error as? Problem)?.status == 400)
            return nil
        }
    }

    @Test(arguments: readers) func aCutNoticeTellsNothing(_ reader: Reader) throws {
        let whole = Array(reader.whole.utf8)
        let told = try #require(read(whole, by: reader))
        #expect(told.count == 1)
        for count in 0..<whole.count { #expect(read(Array(whole.prefix(count)), by: reader) ?? [] == []) }
    }

    @Test(arguments: readers) func aDamagedNoticeIsReadOrRefused(_ reader: Reader) {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            var bytes = Array(reader.whole.utf8)
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = read(bytes, by: reader)
        }
    }

    private static let values: [String] = [
        "null", "true", "0", "-1", "1e308", "9223372036854775807", "99999999999999999999", "[]", "{}", "\"\"",
        "\"\\u0000\"", "\"a\\u0000b\"", "[[[[]]]]", "[null]", "[1,2]", "[{}]", "{\"a\":{}}",
        "\"\(String(repeating: "x", count: 2_000))\"", "\"e\(String(repeating: "\u{301}", count: 500))\"",
        "\"\(String(repeating: "<", count: 500))>\"",
    ]

    /// Each member in turn is of another kind, of another length, or twice there.
    @Test(arguments: readers) func membersOfOtherKindsAreReadOrRefused(_ reader: Reader) throws {
        let whole = try JSONTape(Array(reader.whole.utf8)).decode(JSONValue.self)
        for value in try Self.values.map({ try JSONTape(Array($0.utf8)).decode(JSONValue.self) }) {
            for changed in Self.replacements(in: whole, by: value) {
                _ = read(try JSONWriter.encode(changed), by: reader)
            }
        }
        for text in ["", "null", "[]", "{}", "[null]", "1", "\"\"", "[[]]"] { _ = read(Array(text.utf8), by: reader) }
        for open in ["[", "{\"a\":", "[{\"event\":"] {
            #expect(read(Array(String(repeating: open, count: 10_000).utf8), by: reader) ?? [] == [])
        }
    }

    /// The value with each of its members replaced by another, one at a time.
    private static func replacements(in value: JSONValue, by other: JSONValue) -> [JSONValue] {
        switch value {
        case .object(let members):
            [other]
                + members.flatMap { key, member in
                    replacements(in: member, by: other).map { .object(members.merging([key: $0]) { $1 }) }
                }
        case .array(let items):
            [other, .array(items + [other])]
                + items.enumerated().flatMap { place, item in
                    replacements(in: item, by: other).map { changed in
                        var items = items
                        items[place] = changed
                        return .array(items)
                    }
                }
        default: [other]
        }
    }

    @Test func aLongerListThanTheyPostIsRefusedUnread() {
        let body = Array("[\(String(repeating: "0,", count: SendGridWebhooks.longestEvents / 2))0]".utf8)
        #expect(throws: Problem.self) { try SendGridWebhooks.reports(body) }
    }

    // MARK: - What somebody wrote

    private func heard(_ members: String) throws -> [InboundText] {
        let notice =
            #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"106"},"messages":[{"from":"4915112345678","id":"wamid.B","timestamp":"1749854575","type":"text","text":{"body":"Hi"}\#(members)}]}}]}]}"#
        return try MetaWebhooks.news(.webhook(Array(notice.utf8)), of: Self.place).heard.compactMap {
            $0.inbound(to: "106")
        }
    }

    @Test func timesThatAreNoneAreNotRead() throws {
        #expect(try heard("").first?.at == Instant(seconds: 1_749_854_575))
        for time in [
            "0", "-1", "\"-9223372036854775808\"", "9223372036854775807", "\"9223372036854775807\"", "9223372036855",
            "1e18",
            "\"99999999999999999999\"", "\"1e9\"", "null", "[]", "253402300800",
        ] { #expect(try heard(",\"timestamp\":\(time)").isEmpty, "\(time)") }
        #expect(try heard(",\"timestamp\":253402300799").count == 1)
    }

    @Test func whatIsKeptIsShortAndPlain() throws {
        let long = String(repeating: "x", count: 200_000)
        for (members, count) in [
            (",\"text\":{\"body\":\"a\\u0000b\"}", 1), (",\"text\":{\"body\":\"\(long)\"}", 1), (",\"text\":7", 1),
            (",\"id\":\"\\u0000\"", 0), (",\"id\":\"\(long)\"", 0), (",\"from\":\"\\u0000\"", 0),
            (",\"from\":\"\(long)\"", 0),
            (
                ",\"type\":\"document\",\"document\":{\"id\":\"1\",\"filename\":\"a\\u0000\(long)\",\"mime_type\":\"\\u0000\(long)\"}",
                1
            ), (",\"type\":\"document\",\"document\":{\"id\":\"a/../b c\"}", 1), (",\"type\":\"\(long)\"", 1),
        ] {
            let texts = try heard(members)
            #expect(texts.count == count, "\(members.prefix(60))")
            for text in texts {
                #expect(!text.text.utf8.contains(0) && text.text.utf8.count <= InboundText.mostBytes)
                for file in text.media {
                    #expect(!"\(file.filename ?? "")\(file.type ?? "")".utf8.contains(0))
                    #expect((file.filename ?? "").count <= InboundText.longestFilename)
                    #expect((file.type ?? "").count <= InboundText.longestType)
                }
            }
        }
    }

    private static let form =
        "MessageSid=SM1&From=whatsapp%3A%2B4915112345678&To=whatsapp%3A%2B14155238886&Body=Hi&NumMedia=1&MediaUrl0=https%3A%2F%2Fx"

    @Test func formsAreReadOrRefused() {
        let pair = "a=b&"
        #expect(
            FormBody.parse(Array(String(repeating: pair, count: FormBody.mostPairs).utf8))?.count == FormBody.mostPairs
        )
        for bad in [
            String(repeating: pair, count: 5_000), "Body=%00", "Body=%", "Body=%f", "Body=%zz", "Body=%ff", "%00=x",
        ] { #expect(FormBody.parse(Array(bad.utf8)) == nil, "\(bad.prefix(20))") }
        #expect(FormBody.parse([0x61, 0x3D, 0xFF]) == nil)
        for number in ["-1", "99999999999999999999", "1000000000", "x", ""] {
            let form = FormBody.parse(Array(Self.form.replacing("NumMedia=1", with: "NumMedia=\(number)").utf8)) ?? []
            #expect((TwilioWebhooks.text(form)?.media.count ?? 0) <= InboundText.mostMedia)
        }
        // What a name comes twice with, the first counts.
        let twice = FormBody.parse(Array((Self.form + "&Body=No&From=x&MessageSid=SM2").utf8)) ?? []
        #expect(TwilioWebhooks.text(twice)?.text == "Hi" && TwilioWebhooks.text(twice)?.providerMessageID == "SM1")
    }

    @Test func aFormIsCutAndDamagedAnywhere() {
        var random = SeededGenerator(seed: 13)
        let whole = Array(Self.form.utf8)
        for count in 0..<whole.count {
            var bytes = Array(whole.prefix(count))
            for damages in 0..<3 {
                if damages > 0, !bytes.isEmpty {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                guard let form = FormBody.parse(bytes) else { continue }
                check(TwilioWebhooks.reports(form + [("MessageStatus", "delivered")], message: nil))
                guard let text = TwilioWebhooks.text(form) else { continue }
                #expect(ProviderVerdict.token(text.to) != nil && ProviderVerdict.token(text.providerMessageID) != nil)
                #expect(!text.text.utf8.contains(0))
            }
        }
    }

    // MARK: - Envelopes and forms with e-mails

    @Test func envelopesAreReadOrForeign() throws {
        let whole = Array(
            #"{"Type":"Notification","MessageId":"m1","TopicArn":"arn:aws:sns:eu-west-1:123456789012:events","Message":"{}","Timestamp":"2026-11-21T08:00:00.000Z","SignatureVersion":"1","Signature":"AAAA","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem"}"#
                .utf8
        )
        #expect(SNSEnvelope(whole) != nil)
        for count in 0..<whole.count { #expect(SNSEnvelope(Array(whole.prefix(count))) == nil) }
        var random = SeededGenerator(seed: 17)
        for _ in 0..<300 {
            var bytes = whole
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if let found = SNSEnvelope(bytes) { #expect(ProviderVerdict.token(found.id) != nil) }
        }
    }

    private func mail(_ type: String, _ body: String) -> InboundMail? {
        let call = WebhookCall(body: Array(body.utf8), headers: ["content-type": type])
        return try? SendGridWebhooks.mail(call)
    }

    private static let field = "Content-Disposition: form-data; name=\"email\"\r\n\r\nFrom: a@example.com\r\n\r\nHello"

    @Test func formsWithMailsAreReadOrRefused() {
        let type = "multipart/form-data; boundary=x"
        #expect(mail(type, "--x\r\n\(Self.field)\r\n--x--\r\n")?.text == "Hello")
        // Cut off on the way: what is there is read.
        #expect(mail(type, "--x\r\n\(Self.field)")?.text == "Hello")
        for (type, body) in [
            ("multipart/form-data", "--x\r\n\(Self.field)\r\n--x--"),
            ("multipart/form-data; boundary=", "--\r\n\(Self.field)"),
            ("multipart/form-data; boundary=\"", "--x\r\n\(Self.field)"), (type, ""), (type, "--x--"),
            (type, "--x\r\n"),
            (type, "--xy\r\n\(Self.field)\r\n--xy--"), (type, "x\r\n\(Self.field)"),
            ("multipart/form-data; boundary=\(String(repeating: "b", count: 100_000))", "--b\r\n\(Self.field)"),
            (type, String(repeating: "--x\r\n\r\n\r\n", count: 5_000) + "--x\r\n\(Self.field)\r\n--x--"),
        ] { #expect(mail(type, body) == nil, "\(type.prefix(60)) \(body.prefix(20))") }
        let charsets = "--x\r\nContent-Disposition: form-data; name=charsets\r\n\r\n{\"text\":[1],\"subject\":null}\r\n"
        let apart =
            charsets + "--x\r\nContent-Disposition: form-data; name=headers\r\n\r\nFrom: a@example.com\r\n"
            + "--x\r\nContent-Disposition: form-data; name=envelope\r\n\r\n{\"from\":{}}\r\n"
            + "--x\r\nContent-Disposition: form-data; name=text\r\n\r\nHello\u{0}\r\n--x--"
        #expect(mail(type, apart)?.text == "Hello")
    }

    /// Of a page only so much is read as of any part of an e-mail, whatever the rest of it hides.
    @Test func noMoreOfAFormIsReadThanOfAPart() {
        let headers = "--x\r\nContent-Disposition: form-data; name=headers\r\n\r\nFrom: a@example.com\r\n"
        func said(_ field: String, _ text: String) -> String? {
            let part = "--x\r\nContent-Disposition: form-data; name=\(field)\r\n\r\n\(text)\r\n--x--"
            return mail("multipart/form-data; boundary=x", headers + part)?.text
        }
        func page(_ hidden: Int) -> String { "<style>\(String(repeating: "a", count: hidden))</style>Behind" }
        #expect(said("html", page(1_000)) == "Behind")
        #expect(said("html", page(InboundMail.longestPart)) == "")
        let blanks = String(repeating: " ", count: InboundMail.longestPart)
        #expect(said("text", blanks + "Behind")?.contains("Behind") == false)
    }
}
