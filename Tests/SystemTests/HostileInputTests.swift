import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// What is meant to do harm with messages and templates, through the gateway: refused at its place, and nothing is kept of it.
    @Suite struct HostileInputTests {
        private static let address = "hostile-\(RequestID())@example.org"

        /// A message with other members than it should have.
        private static func message(_ members: [String: JSONValue]) -> JSONValue {
            let plain: [String: JSONValue] = [
                "to": ["email": .string(address)], "channels": ["email"],
                "content": ["subject": "Hello", "text": "See you soon."],
            ]
            return .object(plain.merging(members) { $1 })
        }

        private static func content(_ subject: String, _ text: String = "See you soon.") -> JSONValue {
            ["subject": .string(subject), "text": .string(text)]
        }

        private static let label = String(repeating: "b", count: 64)

        private static let messages: [(members: [String: JSONValue], pointer: String)] = [
            // A second header, by every member that becomes one.
            (["content": content("Hello\r\nBcc: eve@evil.example")], "/content/subject"),
            (["content": content("Hello\nBcc: eve@evil.example")], "/content/subject"),
            (["content": content("Hello\u{0}")], "/content/subject"),
            (["content": content("Hello\u{85}Bcc: eve@evil.example")], "/content/subject"),
            (["to": ["email": "a@b.example\r\nBcc: eve@evil.example"]], "/to/email"),
            (["to": ["email": "a@b.example>\r\nRCPT TO:<eve@evil.example"]], "/to/email"),
            (["to": ["phone": "+4915112345678\r\nX: y"]], "/to/phone"),
            (["replyTo": "a@b.example\r\nBcc: eve@evil.example"], "/replyTo"),
            (["headers": ["X-Mine": "a\r\nBcc: eve@evil.example"]], "/headers/X-Mine\""),
            (["headers": ["X-Mine": "a\nBcc: eve@evil.example"]], "/headers/X-Mine\""),
            (["headers": ["X-Mine": "a\u{0}b"]], "/headers/X-Mine\""),
            (["headers": ["X-Mine": "a\u{2028}Bcc: eve@evil.example"]], "/headers/X-Mine\""),
            (["headers": ["X-Mine\r\nBcc": "eve@evil.example"]], "/headers\""),
            (["headers": ["X-Mine: a\r\nBcc": "eve@evil.example"]], "/headers\""),
            (["headers": ["Bcc": "eve@evil.example"]], "/headers/Bcc\""),
            (["headers": ["X-SMTPAPI": "{\"to\":[\"eve@evil.example\"]}"]], "/headers/X-SMTPAPI\""),
            (
                [
                    "attachments": [
                        ["filename": "a.pdf\r\nX: y", "contentType": "application/pdf", "content": "JVBERi0xLjc="]
                    ]
                ],
                "/attachments/0/filename"
            ),
            (
                [
                    "attachments": [
                        ["filename": "a.pdf", "contentType": "application/pdf\r\nX: y", "content": "JVBERi0xLjc="]
                    ]
                ],
                "/attachments/0/contentType"
            ),
            // Somebody else's name in other letters, and letters nobody sees.
            (["to": ["email": "a@\u{430}pple.example"]], "/to/email"),
            (["to": ["email": "a@g\u{3BF}ogle.example"]], "/to/email"),
            (["replyTo": "a@clini\u{441}.example"], "/replyTo"),
            (["to": ["email": "a@xn--pple-43d.example"]], "/to/email"),
            (["to": ["email": "a@b\u{200B}c.example"]], "/to/email"),
            (["to": ["email": "a\u{202E}b@c.example"]], "/to/email"),
            // More than an address can have.
            (["to": ["email": .string(String(repeating: "a", count: 65) + "@b.example")]], "/to/email"),
            (["to": ["email": .string("a@\(label).example")]], "/to/email"),
            (["to": ["email": .string("a@" + String(repeating: "b.", count: 150) + "example")]], "/to/email"),
            (["to": ["phone": .string("+49" + String(repeating: "1", count: 100_000))]], "/to/phone"),
            (["replyTo": .string("a@" + String(repeating: "b.", count: 50_000) + "example")], "/replyTo"),
        ]

        @Test(.timeLimit(.minutes(3))) func messagesThatWouldDoHarmAreRefused() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            for (members, pointer) in Self.messages {
                let answer = try await admin.send("POST", "/communication/messages", Self.message(members))
                #expect(answer.status == 422, "\(pointer): \(answer.text.prefix(300))")
                #expect(answer.text.contains("\"pointer\":\"\(pointer)"), "\(pointer): \(answer.text.prefix(300))")
                // What was wrong is not sent back.
                #expect(!answer.text.contains("evil.example"))
            }
            let path = "/communication/messages?recipient=\(Self.address)"
            #expect(try await admin.expect(200, from: "GET", path).items.isEmpty)
        }

        /// Names of senders become headers as well.
        @Test(.timeLimit(.minutes(3))) func sendersNamesAreOneLine() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            for (key, value) in [
                ("fromName", "Clinic\r\nBcc: eve@evil.example"), ("fromEmail", "a@b.example\r\nBcc: eve@evil.example"),
                ("sendMailToken", "token\r\nX-Other: y"),
            ] {
                var credentials: [String: JSONValue] = [
                    "sendMailToken": "another-token-0001", "fromEmail": "hello@sunrise.example", "fromName": "Clinic",
                ]
                credentials[key] = .string(value)
                let answer = try await admin.send(
                    "PUT",
                    "/clinics/\(suite.demo.clinicId)/communication/config/email",
                    ["primary": ["provider": "zeptomail", "credentials": .object(credentials)]],
                    headers: ["If-Match": "*"]
                )
                #expect(answer.status == 422, "\(key): \(answer.text)")
                #expect(answer.text.contains("credentials/\(key)\""), "\(key): \(answer.text)")
            }
        }

        /// Bytes that are no text: told where, whatever they are part of.
        @Test(
            .timeLimit(.minutes(3)),
            arguments: [
                [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3, 0x28], [0xE2, 0x82],
            ] as [[UInt8]]
        )
        func whatIsNoUTF8IsToldWhere(bytes: [UInt8]) async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            for (path, head) in [
                ("/communication/messages", #"{"to":{"email":"a@b.example"},"content":{"text":""#),
                ("/communication/templates", #"{"name":"a1","category":"care","contents":{"en":{"sms":{"text":""#),
                ("/communication/messages", #"{""#),
            ] {
                let answer = try await admin.send("POST", path, raw: Array(head.utf8) + bytes + Array(#""}}"#.utf8))
                #expect(answer.status == 400, "\(answer.text)")
                #expect(answer.json["code"]?.string == "malformed")
                #expect(
                    answer.json["detail"]?.string?.hasSuffix("at byte \(head.utf8.count).") == true,
                    "\(answer.text)"
                )
            }
        }

        @Test(.timeLimit(.minutes(3))) func halfLettersAndNullsAreRefused() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let head = #"{"to":{"email":"a@b.example"},"channels":["email"],"content":{"subject":"S","text":""#
            for (text, statuses) in [(#"\ud800"#, [400]), (#"\udc00x"#, [400]), (#"a\u0000b"#, [400, 422])] {
                let answer = try await admin.send(
                    "POST",
                    "/communication/messages",
                    raw: Array("\(head)\(text)\"}}".utf8)
                )
                #expect(statuses.contains(answer.status), "\(text): \(answer.text)")
            }
            for path in ["/communication/messages?reference=%FF%FE", "/communication/messages?recipient=%C0%AF"] {
                let answer = try await admin.send("GET", path)
                #expect(answer.status == 400 || answer.status == 422, "\(path): \(answer.status)")
            }
            let upload = try await admin.send(
                "POST",
                "/communication/attachments?filename=a.pdf%0D%0AX-Other:%20y",
                raw: Array("%PDF-1.7".utf8),
                headers: ["Content-Type": "application/pdf"]
            )
            #expect(upload.status == 422 && upload.text.contains("filename"), "\(upload.text)")
        }

        /// Templates can say what they are given and do nothing.
        @Test(.timeLimit(.minutes(3))) func templatesThatWouldDoMoreAreRefused() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let megabyte = String(repeating: "x", count: 1_000_000)
            for text in [
                "{{{name}}}", "{{&name}}", "{{>other}}", "{{=<% %>=}}", "{{name.count}}", "{{uppercased(name)}}",
                "{{*name}}", "{{#name}}", "{{.}}", "{{__proto__}}", String(repeating: "{{#name}}", count: 1_000),
                megabyte,
            ] {
                let draft: JSONValue = [
                    "name": "hostile", "category": "care", "variables": [["name": "name", "type": "text"]],
                    "contents": ["en": ["email": ["subject": "S", "text": .string(text)]]],
                ]
                let answer = try await admin.send("POST", "/communication/templates", draft)
                #expect(answer.status == 422, "\(text.prefix(40)): \(answer.text.prefix(300))")
                #expect(
                    answer.text.contains("/contents/en/email/text"),
                    "\(text.prefix(40)): \(answer.text.prefix(300))"
                )
            }
            let list = try await admin.expect(200, from: "GET", "/communication/templates?q=hostile")
            #expect(list.items.isEmpty)
        }

        /// What a variable holds is text and nothing else.
        @Test(.timeLimit(.minutes(3))) func valuesAreNotRead() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let value = "{{clinic}} {{{clinic}}} <script>alert(1)</script> \" onload=\"x"
            let preview: JSONValue = [
                "variables": [
                    ["name": "name", "type": "text", "example": "Asha"],
                    ["name": "clinic", "type": "text", "example": "Lindenhof"],
                ],
                "contents": [
                    "en": [
                        "email": [
                            "subject": "Hello", "text": "Dear {{name}} of {{clinic}}",
                            "html": "<p>Dear {{name}} of {{clinic}}</p>",
                        ]
                    ]
                ],
                "data": ["name": .string(value), "clinic": "secret-clinic"], "channels": ["email"],
            ]
            let shown = try await admin.expect(200, from: "POST", "/communication/templates/preview", preview)
            let item = try #require(shown.items.first)
            let (text, html) = (try item.text("text"), try item.text("html"))
            #expect(text.contains("Dear {{clinic}} {{{clinic}}} <script>"))
            #expect(text.components(of: "secret-clinic") == 1 && html.components(of: "secret-clinic") == 1)
            #expect(!html.contains("<script>") && !html.contains("onload=\"") && html.contains("&lt;script&gt;"))
        }
    }
}

extension String {
    /// How often a word stands in it.
    fileprivate func components(of word: String) -> Int {
        split(separator: word, omittingEmptySubsequences: false).count - 1
    }
}
