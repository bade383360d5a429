import Contracts
import Core
import FoundationEssentials
import Operator
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// What a clinic and its patients say to each other, whom they say it to and what they attach, looked for wherever the suite
    /// leaves anything.
    @Suite struct SaidWordsTests {
        private static let account = "AC" + String(repeating: "9", count: 32)
        private static let token = "said-words-system-token"
        private static let number = "+15005550006"

        /// Words that stand nowhere else, each in its own place of a message.
        private struct Words {
            private static func mark(_ place: String) -> String { "\(place)-\(RequestID())" }

            let subject = mark("subject")
            let text = mark("text")
            let page = mark("page")
            let texted = mark("texted")
            let written = mark("written")
            let attached = mark("attached")
            let uploaded = mark("uploaded")
            let filename = mark("filename")
            let address = "said-\(RequestID())@example.org"
            let digits = "49151\(UInt32.random(in: 10_000_000...89_999_999))"

            var phone: String { "+\(digits)" }
            /// Nine bytes go before the words, so that they begin a group of Base64.
            static func file(_ words: String) -> [UInt8] { Array("%PDF-1.7\n\(words)".utf8) }
            /// Files as they are in JSON, but for the last group.
            private static func coded(_ words: String) -> String {
                String(Data(words.utf8).base64EncodedString().dropLast(4))
            }

            var all: [String] {
                [subject, text, page, texted, written, attached, uploaded, filename, address, digits]
                    + [attached, uploaded].map(Self.coded)
            }
        }

        @Test(.timeLimit(.minutes(4))) func whatIsSaidStandsNowhereInTheClear() async throws {
            let suite = try await RunningSuite.shared.value
            let (admin, webhook) = try await open(suite)
            let words = Words()
            let ids = try await say(words, as: admin)
            try await suite.sandbox.expect(
                200,
                from: "POST",
                "/twilio/inbound",
                [
                    "to": .string(Self.number), "from": .string(words.phone), "body": .string(words.written),
                    "account": .string(Self.account), "token": .string(Self.token), "url": .string(webhook),
                ]
            )
            for id in ids {
                try await eventually("the message is sent", within: .seconds(60)) {
                    let message = try await admin.expect(200, from: "GET", "/communication/messages/\(id)").json
                    // Twilio tells at once what became of a text.
                    return ["sent", "delivered"].contains(message["status"]?.string)
                }
            }
            try await eventually("what was written is read", within: .seconds(60)) {
                let found = try await admin.expect(200, from: "GET", "/communication/conversations").items
                guard let id = found.first?["id"]?.string else { return false }
                return try await admin.expect(200, from: "GET", "/communication/conversations/\(id)/messages").text
                    .contains(words.written)
            }
            // Somebody asks for it again by the address, which stands in a query then.
            let query = "recipient=" + words.address.replacing("@", with: "%40")
            #expect(try await admin.expect(200, from: "GET", "/communication/messages?\(query)").items.count == 1)
            // All of it was there to be found: the sandbox, which keeps nothing on the disk, has it.
            let arrived = try await suite.sandbox.expect(200, from: "GET", "/messages").text
            for word in [words.subject, words.text, words.page, words.texted, words.filename] {
                #expect(arrived.contains(word), "\(word) did not arrive")
            }
            try await findNothing(of: words, in: suite)
        }

        /// - Returns: the messages' ids.
        private func say(_ words: Words, as admin: Client) async throws -> [String] {
            let upload = try await admin.send(
                "POST",
                "/communication/attachments?filename=\(words.filename).pdf",
                raw: Words.file(words.uploaded),
                headers: ["Content-Type": "application/pdf"]
            )
            try #require(upload.status == 201, "\(upload.text)")
            let file = Data(Words.file(words.attached)).base64EncodedString()
            let mail: JSONValue = [
                "to": ["email": .string(words.address)], "channels": ["email"],
                "content": [
                    "subject": .string(words.subject), "text": .string(words.text),
                    "html": .string("<p>\(words.page)</p>"),
                ],
                "attachments": [
                    ["attachmentId": .string(try upload.json.text("id"))],
                    ["filename": "other.pdf", "contentType": "application/pdf", "content": .string(file)],
                ],
            ]
            let text: JSONValue = [
                "to": ["phone": .string(words.phone)], "channels": ["sms"], "content": ["text": .string(words.texted)],
            ]
            var ids: [String] = []
            for draft in [mail, text] {
                let sent = try await admin.expect(202, from: "POST", "/communication/messages", draft)
                ids.append(try sent.json.text("id"))
            }
            return ids
        }

        private func findNothing(of words: Words, in suite: RunningSuite) async throws {
            // What is in memory only is written down first, so that looking at the files shows all of it.
            try Migrator.execute("checkpoint", url: suite.adminURL)
            var told = ""
            for (name, url) in suite.demo.health {
                for path in ["/metrics", "/health/ready"] {
                    let answer = try await Client(base: url).send("GET", path)
                    #expect(!answer.text.isEmpty, "\(name)\(path)")
                    told += answer.text
                }
            }
            // What is looked through is what is meant.
            #expect(told.contains("polyclinic_message_attempts_total"))
            for word in words.all {
                let found = try await suite.filesHolding(word)
                #expect(found == [], "\(word.prefix(12))…")
                #expect(ProcFS.argumentsHolding(word) == [])
                #expect(!told.contains(word), "\(word.prefix(12))… stands in a metric")
            }
        }

        /// A clinic of the test's own, with a mailbox and a number, and where Twilio tells it what it hears.
        private func open(_ suite: RunningSuite) async throws -> (admin: Client, webhook: String) {
            let (admin, clinic) = try await suite.makeClinic()
            let mail: JSONValue = [
                "sendMailToken": "said-words-mail-token", "fromEmail": "hello@sunrise.example",
                "fromName": "Secret Clinic", "endpoint": .string(suite.demo.sandbox.url + "/zeptomail"),
            ]
            let texts: JSONValue = [
                "accountSid": .string(Self.account), "authToken": .string(Self.token),
                "fromNumber": .string(Self.number), "endpoint": .string(suite.demo.sandbox.url + "/twilio"),
            ]
            let body: JSONValue = [
                "email": ["primary": ["provider": "zeptomail", "credentials": mail]],
                "sms": ["primary": ["provider": "twilio", "credentials": texts]],
            ]
            // What patients write is the clinic's to read, not a super admin's.
            let asking = try await suite.api.signedIn(try await reader(of: clinic, admin, suite), clinic: clinic)
            let shown = try await suite.configure(clinic, body, by: asking)
            return (asking, try (shown["sms"]?["primary"] ?? .null).text("webhookUrl"))
        }

        /// Somebody of the clinic who may do everything there.
        private func reader(of clinic: String, _ admin: Client, _ suite: RunningSuite) async throws -> DemoFile.Person {
            let person = DemoFile.Person(email: "reader-\(RequestID())@example.org", password: "a long enough password")
            let body: JSONValue = [
                "email": .string(person.email), "name": "Reader", "roles": [["role": "CLINIC_ADMIN"]],
            ]
            let made = try await eventually("the gateway knows the clinic", within: .seconds(20)) {
                let answer = try await admin.send("POST", "/clinics/\(clinic)/users", body)
                return answer.status == 201 ? answer.json : nil
            }
            try await suite.api.expect(
                200,
                from: "POST",
                "/auth/invitations/accept",
                [
                    "token": .string(try (made["invitation"] ?? .null).text("token")),
                    "password": .string(person.password),
                ]
            )
            return person
        }
    }
}
