import Contracts
import Core
import Operator
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// The file of a WhatsApp message, which Twilio fetches itself: from the link that it was given, through the gateway.
    @Suite struct FetchedFileTests {
        private static let account = "AC" + String(repeating: "7", count: 32)
        private static let token = "fetched-system-token"
        private static let number = "+14155238886"
        /// No two of its pieces are the same.
        private static let file: [UInt8] =
            Array("%PDF-1.7".utf8) + (0..<900).flatMap { [UInt8](repeating: UInt8($0 % 251), count: 1_000) }

        @Test(.timeLimit(.minutes(4))) func twilioFetchesTheFileOfAMessage() async throws {
            let suite = try await RunningSuite.shared.value
            let (admin, webhook) = try await open(suite)
            let clinic = try #require(admin.clinic)
            let phone = "+49152\(UInt32.random(in: 10_000_000...89_999_999))"
            try await write("Hello", from: phone, to: webhook, suite)
            try await eventually("the conversation is open", within: .seconds(30)) {
                try await Ledger(suite: suite).rows(
                    .communication,
                    "select clinic_id::text, number from conversation_windows"
                ).contains { $0.0 == clinic }
            }
            let upload = try await admin.send(
                "POST",
                "/communication/attachments?filename=letter.pdf",
                raw: Self.file,
                headers: ["Content-Type": "application/pdf"]
            )
            try #require(upload.status == 201, "\(upload.text)")
            let draft: JSONValue = [
                "to": ["phone": .string(phone)], "channels": ["whatsapp"], "content": ["text": "Your letter."],
                "attachments": [["attachmentId": .string(try upload.json.text("id"))]],
            ]
            try await admin.expect(202, from: "POST", "/communication/messages", draft)
            let arrived = try await eventually("Twilio has fetched the file", within: .seconds(60)) {
                try await suite.sandbox.expect(200, from: "GET", "/messages").items.first { item in
                    guard case .array(let to)? = item["to"] else { return false }
                    return to.contains(.string(phone)) && item["text"]?.string == "Your letter."
                }
            }
            guard case .array(let files)? = arrived["files"], let file = files.first else {
                throw TestKitError("no file: \(arrived)")
            }
            #expect(file["type"]?.string == "application/pdf" && file["name"]?.string == "letter.pdf")
            let isSame = file["content"]?.string.flatMap { Base64.decode($0) } == Self.file
            #expect(isSame)
            try await checkLink(try (arrived["headers"] ?? .null).text("MediaUrl"), suite)
        }

        /// The link shows this file to whoever has it, and a changed one nothing.
        private func checkLink(_ link: String, _ suite: RunningSuite) async throws {
            let start = "/api/v1/public/media/"
            let path = try #require(link.firstRange(of: start), "\(link)")
            let parts = link[path.upperBound...].split(separator: "/").map(String.init)
            try #require(parts.count == 2)
            let anybody = Client(base: suite.demo.baseURL + "/api/v1/public/media")
            let found = try await anybody.send("GET", "/\(parts[0])/\(parts[1])")
            #expect(found.status == 200 && found.headers["content-type"] == "application/pdf")
            let isSame = found.body == Self.file
            #expect(isSame)
            // Another clinic's, a changed one, one that is longer, and none.
            let last = parts[1].hasSuffix("A") ? "B" : "A"
            for path in [
                "/\(suite.demo.clinicId)/\(parts[1])", "/\(parts[0])/\(parts[1].dropLast(3))\(last)\(last)\(last)",
                "/\(parts[0])/\(parts[1])AAAA", "/\(parts[0])/x",
            ] {
                let refused = try await anybody.send("GET", path)
                #expect(refused.status == 404 && !refused.text.contains("PDF"), "\(path): \(refused.status)")
            }
        }

        private func write(_ text: String, from phone: String, to webhook: String, _ suite: RunningSuite) async throws {
            try await suite.sandbox.expect(
                200,
                from: "POST",
                "/twilio/inbound",
                [
                    "to": .string(Self.number), "from": .string(phone), "body": .string(text), "whatsapp": true,
                    "account": .string(Self.account), "token": .string(Self.token), "url": .string(webhook),
                ]
            )
        }

        /// A clinic of the test's own that writes by WhatsApp through Twilio, and where Twilio tells it what it hears.
        private func open(_ suite: RunningSuite) async throws -> (admin: Client, webhook: String) {
            let credentials: JSONValue = [
                "accountSid": .string(Self.account), "authToken": .string(Self.token),
                "whatsappNumber": .string(Self.number), "endpoint": .string(suite.demo.sandbox.url + "/twilio"),
            ]
            let body: JSONValue = ["whatsapp": ["primary": ["provider": "twilio", "credentials": credentials]]]
            let (admin, _, shown) = try await suite.openClinic(configured: body)
            return (admin, try (shown["whatsapp"]?["primary"] ?? .null).text("webhookUrl"))
        }
    }
}
