import Contracts
import Core
import Operator
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

extension SystemTests {
    /// The same call of a provider, many times at once, through the gateway and two replicas.
    @Suite struct WebhookCrowdTests {
        private static let crowd = 50
        private static let large = 20
        private static let account = "AC" + String(repeating: "6", count: 32)
        private static let token = "crowd-system-token"
        private static let number = "+15005550006"

        @Test(.timeLimit(.minutes(4))) func fiftyAtOnceAreOne() async throws {
            let suite = try await RunningSuite.shared.value
            let credentials: JSONValue = [
                "accountSid": .string(Self.account), "authToken": .string(Self.token),
                "fromNumber": .string(Self.number), "endpoint": .string(suite.demo.sandbox.url + "/twilio"),
            ]
            let entry: JSONValue = ["primary": ["provider": "twilio", "credentials": credentials]]
            let (admin, clinic, shown) = try await suite.openClinic(configured: ["sms": entry])
            let webhook = try (shown["sms"]?["primary"] ?? .null).text("webhookUrl")
            try await suite.startReplica("communication")
            defer { suite.stopReplicas() }
            let phone = "+49151\(UInt32.random(in: 10_000_000...89_999_999))"
            let (id, sid) = try await sent(to: phone, by: admin)
            let told = [
                ("MessageSid", sid), ("SmsSid", sid), ("MessageStatus", "delivered"), ("SmsStatus", "delivered"),
                ("To", phone), ("From", Self.number), ("AccountSid", Self.account),
            ]
            let written = [
                ("MessageSid", "SM\(RequestID())"), ("SmsStatus", "received"), ("Body", "I shall be late."),
                ("To", Self.number), ("From", phone), ("AccountSid", Self.account), ("NumMedia", "0"),
            ]
            for pairs in [told, written] {
                let statuses = try await call(webhook, pairs, token: Self.token)
                #expect(statuses.count == Self.crowd && statuses.allSatisfy { $0 < 300 }, "\(Set(statuses))")
                let forged = try await call(webhook, pairs, token: "another-token")
                #expect(Set(forged) == [401])
            }
            let message = try await admin.expect(200, from: "GET", "/communication/messages/\(id)").json
            #expect(message["status"] == "delivered")
            let owner = try #require(ClinicID(clinic))
            // That it has the text, which the provider tells by itself, is kept only where it comes before its answer.
            let tables: [Query] = [
                "delivery_events t where t.kind <> 'sent' and", "inbound_messages t where", "conversations t where",
            ]
            for table in tables {
                let rows = try await Ledger(suite: suite).rows(
                    .communication,
                    "select t.clinic_id::text, '' from \(table) t.clinic_id = \(owner)"
                )
                #expect(rows.count == 1, "\(table.sql)")
            }
        }

        /// E-mails with a file, which come in several pieces, each piece to whichever replica has time.
        @Test(.timeLimit(.minutes(4))) func largeMailsAtOnceAreOne() async throws {
            let suite = try await RunningSuite.shared.value
            let (_, clinic, webhook) = try await suite.openClinicForMail()
            try await suite.startReplica("communication")
            defer { suite.stopReplicas() }
            let mail = LargeMail()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<Self.large {
                    group.addTask {
                        // A gateway takes a few at once from one address and has the others come again, as mail servers do.
                        try await eventually("a place is free") {
                            let status = try await mail.post(to: webhook)
                            return status == 503 ? nil : status
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: Self.large))
            #expect(try await mail.post(to: webhook, token: "another-token-0001") == 401)
            #expect(try await suite.filesHeard(by: clinic) == ["kept"])
            #expect(try await suite.noticesLeft(of: clinic).isEmpty)
        }

        /// The statuses of the same call, made by everybody at once.
        private func call(_ webhook: String, _ pairs: [(String, String)], token: String) async throws -> [Int] {
            let pairs = pairs.map { (name: $0.0, value: $0.1) }
            let body = Communication.FormBody.encode(pairs)
            let headers = [
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": Sandbox.TwilioSignature.make(token, webhook, pairs),
            ]
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<Self.crowd {
                    group.addTask {
                        try await Client(base: webhook).send("POST", "", raw: body, headers: headers).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }

        /// A text that the provider has taken.
        private func sent(to phone: String, by client: Client) async throws -> (id: String, sid: String) {
            let body: JSONValue = [
                "to": ["phone": .string(phone)], "channels": ["sms"], "content": ["text": "See you soon."],
            ]
            let id = try await client.expect(202, from: "POST", "/communication/messages", body).json.text("id")
            let sid = try await eventually("the text is sent", within: .seconds(60)) { () -> String? in
                let message = try await client.expect(200, from: "GET", "/communication/messages/\(id)").json
                // The provider may have told of its delivery by then.
                guard message["status"] == "sent" || message["status"] == "delivered",
                    case .array(let attempts)? = message["attempts"]
                else { return nil }
                return attempts.last?["providerMessageId"]?.string
            }
            return (id, sid)
        }
    }
}
