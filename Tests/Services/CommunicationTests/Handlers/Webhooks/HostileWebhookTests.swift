import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Webhooks that are signed well and written to harm: nothing of them is kept that is not valid, and the next one is taken.
@Suite(.serialized, .timeLimit(.minutes(4))) struct HostileWebhookTests {
    private static let secret = "clinic-app-secret"
    private static let account = "102290129340398"
    private static let token = "hostile-mail-token-0001"

    private func clinic() async throws -> TestClinic {
        let clinic = try TestClinic()
        var (mail, meta) = (ProviderDraft.smtp(port: 9), ProviderDraft.meta(SandboxPlace.nowhere, secret: Self.secret))
        mail.credentials["verifyToken"] = .string(Self.token)
        meta.credentials["businessAccountId"] = .string(Self.account)
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                email: ChannelDraft(primary: mail),
                whatsapp: ChannelDraft(primary: meta)
            )
        )
        return clinic
    }

    private func tell(_ clinic: TestClinic, _ provider: String, _ body: [UInt8]) async throws -> Int {
        var headers = ["authorization": "Bearer \(Self.token)"]
        for (name, value) in Meta.sign(Self.secret, body, .now()) { headers[name] = value }
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            WebhookPayload(provider: provider, clinicId: clinic.clinic, body: RawBody(body)),
            as: .init(kind: .provider, id: "test"),
            headers: headers
        ).status
    }

    private func notice(_ changes: [JSONValue]) throws -> [UInt8] {
        try JSONWriter.encode(
            [
                "object": "whatsapp_business_account",
                "entry": [["id": .string(Self.account), "changes": .array(changes)]],
            ] as JSONValue
        )
    }

    private func news(_ members: [String: JSONValue]) throws -> [UInt8] {
        let place: JSONValue = ["phone_number_id": "106540352242922"]
        return try notice([["field": "messages", "value": .object(members.merging(["metadata": place]) { $1 })]])
    }

    private func heard(_ text: String, at time: JSONValue = .string("\(Instant.now().seconds)")) -> JSONValue {
        [
            "from": "4915112345678", "id": .string("wamid.\(RequestID())"), "timestamp": time, "type": "text",
            "text": ["body": .string(text)],
        ]
    }

    private func count(_ table: Query, of clinic: TestClinic) async throws -> Int {
        let id = clinic.clinic
        return try await clinic.desk.database.inspect(
            "select count(*) from \(table) where clinic_id = \(id)"
        ) { rows in Int(try rows[0][0] as Int64) }
    }

    @Test func timesBeyondAllTimeHarmNobody() async throws {
        let clinic = try await clinic()
        let times: [JSONValue] = [
            .integer(.max), .integer(.min), .string("9223372036854775807"), .number(1e300), .integer(253_402_300_800),
            0, [],
        ]
        #expect(try await tell(clinic, "meta", news(["messages": .array(times.map { heard("no", at: $0) })])) == 200)
        #expect(try await clinic.heard().isEmpty)
        // From the beginning of time, and from its end: it was written no later than now.
        let far: [JSONValue] = [heard("first", at: 1), heard("last", at: 253_402_300_799)]
        #expect(try await tell(clinic, "meta", news(["messages": .array(far)])) == 200)
        #expect(Set(try await clinic.heard().map(\.text)) == ["first", "last"])
    }

    @Test func whatNoDatabaseHoldsIsLeftOut() async throws {
        let clinic = try await clinic()
        #expect(try await tell(clinic, "meta", news(["messages": [heard("a\u{0}b")]])) == 200)
        let mail = "From: asha@example.com\r\nSubject: =?utf-8?q?c=00d?=\r\nMessage-ID: <\u{0}>\r\n\r\ne\u{0}f"
        #expect(try await tell(clinic, "smtp", Array(mail.utf8)) == 200)
        let found = try await clinic.heard()
        #expect(Set(found.map(\.text)) == ["ab", "ef"])
        #expect(found.compactMap(\.subject) == ["cd"])
        let broken: JSONValue = [
            "statuses": [
                ["id": "a\u{0}b", "status": "read"], ["id": "wamid.A", "status": "re\u{0}ad"],
                ["id": .string(String(repeating: "a", count: 200_000)), "status": "read"],
                ["id": "wamid.B", "status": "read", "biz_opaque_callback_data": "\u{0}"],
            ]
        ]
        guard case .object(let members) = broken else { return }
        #expect(try await tell(clinic, "meta", news(members)) == 200)
        #expect(try await count("delivery_events", of: clinic) == 1)
    }

    @Test func aNoticeTellsOfSoMuchAndNoMore() async throws {
        let clinic = try await clinic()
        func statuses(_ count: Int) throws -> [UInt8] {
            try news(["statuses": .array((0..<count).map { ["id": .string("wamid.\($0)"), "status": "read"] })])
        }
        #expect(try await tell(clinic, "meta", statuses(WebhookCall.mostReports + 1)) == 400)
        #expect(try await count("delivery_events", of: clinic) == 0)
        #expect(try await tell(clinic, "meta", statuses(WebhookCall.mostReports)) == 200)
        #expect(try await count("delivery_events", of: clinic) == WebhookCall.mostReports)
    }

    /// Of many of a kind the first are told, each once.
    @Test func manyAlertsAreFew() async throws {
        let (clinic, other) = (try await clinic(), try await clinic())
        let alerts = (0..<2_000).map { number -> JSONValue in
            [
                "field": "message_template_status_update",
                "value": ["event": "REJECTED", "message_template_name": .string("visit_\(number)")],
            ]
        }
        let few = Array(alerts.prefix(2) + alerts.prefix(2))
        #expect(try await tell(clinic, "meta", notice(few)) == 200)
        #expect(try await count("alerts_told", of: clinic) == 2)
        #expect(try await tell(other, "meta", notice(alerts)) == 200)
        #expect(try await count("alerts_told", of: other) == AlertRules.mostAnHour)
    }

    @Test func oneThatNamesMoreRecipientsThanAnyMessageHasIsRefused() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.zeptomail(SandboxPlace.nowhere))
        func notice(_ count: Int) -> [UInt8] {
            let many = String(repeating: "\"a\",", count: count - 1)
            return Array(
                #"{"event_name":["delivered"],"event_message":[{"event_data":[{"details":[{"to":[\#(many)"a"]}]}]}]}"#
                    .utf8
            )
        }
        #expect(try ZeptoMailWebhooks.reports(notice(WebhookCall.mostReports)).count == WebhookCall.mostReports)
        let body = notice(WebhookCall.mostReports + 1)
        #expect(throws: Problem.self) { try ZeptoMailWebhooks.reports(body) }
        var draft = ProviderDraft.zeptomail(SandboxPlace.nowhere)
        draft.credentials["webhookSecret"] = "clinic-zepto-key-0001"
        try await clinic.configure(draft)
        let answer = try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            WebhookPayload(provider: "zeptomail", clinicId: clinic.clinic, body: RawBody(body)),
            as: .init(kind: .provider, id: "test"),
            headers: Dictionary(uniqueKeysWithValues: ZeptoMail.sign("clinic-zepto-key-0001", body, .now()))
        )
        #expect(answer.status == 400)
        #expect(try await count("delivery_events", of: clinic) == 0)
    }

    /// A crowd's texts in one notice, as after an outage: taken in time, each once.
    @Test func manyTextsInOneNoticeAreTaken() async throws {
        let clinic = try await clinic()
        let body = try news(["messages": .array((0..<200).map { heard("text \($0)") })])
        #expect(try await tell(clinic, "meta", body) == 200)
        #expect(try await tell(clinic, "meta", body) == 200)
        #expect(try await count("inbound_messages", of: clinic) == 200)
    }
}
