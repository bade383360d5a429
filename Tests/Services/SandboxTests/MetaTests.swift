import Contracts
import Core
import TestKit
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(1))) struct MetaTests {
    private static let path = "/meta/v26.0/106540352242922"
    private static let good: [(String, String)] = [("Authorization", "Bearer EAAG-token")]

    private static func template(_ name: String = "visit_2", _ parameters: [String] = ["a", "b"]) -> JSONValue {
        [
            "name": .string(name), "language": ["code": "en_US"],
            "components": [
                ["type": "body", "parameters": .array(parameters.map { ["type": "text", "text": .string($0)] })]
            ],
        ]
    }

    private static func body(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        let usual: [String: JSONValue] = [
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "919876543210", "type": "template",
            "template": template(), "biz_opaque_callback_data": "m-1",
        ]
        return .object(usual.merging(changes) { _, new in new }.filter { $0.value != .null })
    }

    @Test func takesAMessageAndShowsIt() async throws {
        try await RunningSandbox.with { sandbox in
            let answer = try #require(
                await sandbox.call("POST", "\(Self.path)/messages", headers: Self.good, json: Self.body())
            )
            #expect(answer.status == 200 && answer.json["messaging_product"]?.string == "whatsapp")
            guard case .array(let sent) = answer.json["messages"] else { throw TestKitError("no messages") }
            #expect(sent.first?["id"]?.string?.hasPrefix("wamid.") == true)
            let items = try await sandbox.messages("?to=%2B919876543210")
            #expect(items.count == 1)
            #expect(items.first?["text"]?.string == "a\nb" && items.first?["reference"]?.string == "m-1")
            #expect(items.first?["channel"]?.string == "whatsapp")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var token: String? = "Bearer EAAG-token"
        var path = MetaTests.path
        var change: [String: JSONValue] = [:]
        let status: Int
        let code: Int64
        var testDescription: String { name }
    }

    static let refusals: [Refusal] = [
        Refusal(name: "no token", token: nil, status: 401, code: 104),
        Refusal(name: "a wrong token", token: "Bearer expired", status: 401, code: 190),
        Refusal(name: "no permission", token: "Bearer unpermitted", status: 403, code: 10),
        Refusal(name: "no number", path: "/meta/v26.0/me", status: 400, code: 100),
        Refusal(name: "no product", change: ["messaging_product": .null], status: 400, code: 100),
        Refusal(name: "no recipient", change: ["to": .null], status: 400, code: 100),
        Refusal(name: "a recipient that is none", change: ["to": "12"], status: 400, code: 131_009),
        Refusal(name: "an unknown key", change: ["colour": "red"], status: 400, code: 100),
        Refusal(name: "a text without one", change: ["type": "text"], status: 400, code: 100),
        Refusal(
            name: "a template that is not approved",
            change: ["template": template("unapproved")],
            status: 404,
            code: 132_001
        ),
        Refusal(name: "too few parameters", change: ["template": template("visit_3")], status: 400, code: 132_000),
        Refusal(
            name: "a line break in a parameter",
            change: ["template": template("visit_2", ["a\nb", "c"])],
            status: 400,
            code: 100
        ),
        Refusal(
            name: "too much of our own",
            change: ["biz_opaque_callback_data": .string(String(repeating: "x", count: 513))],
            status: 400,
            code: 131_009
        ),
        Refusal(name: "a rate", change: ["to": "15000130429"], status: 429, code: 130_429),
        Refusal(name: "a pair's rate", change: ["to": "15000131056"], status: 400, code: 131_056),
    ]

    @Test(arguments: refusals) func refusesAsTheRealOneDoes(_ refusal: Refusal) async throws {
        try await RunningSandbox.with { sandbox in
            let headers = refusal.token.map { [("Authorization", $0)] } ?? []
            let answer = try #require(
                await sandbox.call(
                    "POST",
                    "\(refusal.path)/messages",
                    headers: headers,
                    json: Self.body(refusal.change)
                )
            )
            #expect(answer.status == refusal.status)
            #expect(answer.json["error"]?["code"] == .integer(refusal.code))
            #expect(answer.json["error"]?["fbtrace_id"]?.string?.isEmpty == false)
            #expect(try await sandbox.messages().isEmpty)
        }
    }

    @Test func whatIsTakenMayStillFail() async throws {
        try await RunningSandbox.with { sandbox in
            func types() async -> [String] {
                guard case .array(let items) = await sandbox.call("GET", "/webhooks/meta/events")?.json["items"] else {
                    return []
                }
                return items.compactMap { $0["type"]?.string }
            }
            let path = "\(Self.path)/messages"
            let text: [String: JSONValue] = ["type": "text", "text": ["body": "Hi"], "template": .null]
            // Nobody wrote: free text is taken, and fails.
            #expect(await sandbox.call("POST", path, headers: Self.good, json: Self.body(text))?.status == 200)
            #expect(await types() == ["message.failed"])
            let heard: JSONValue = ["from": "+919876543210", "to": "106540352242922", "text": "hello"]
            #expect(await sandbox.call("POST", "/meta/inbound", json: heard)?.status == 200)
            #expect(await sandbox.call("POST", path, headers: Self.good, json: Self.body(text))?.status == 200)
            #expect(await types() == ["message.delivered", "message.sent", "message.received", "message.failed"])
            let unreachable: [String: JSONValue] = ["to": "15000131026"]
            #expect(await sandbox.call("POST", path, headers: Self.good, json: Self.body(unreachable))?.status == 200)
            #expect(await types().first == "message.failed")
        }
    }

    @Test func aNumbersState() async throws {
        try await RunningSandbox.with { sandbox in
            let path = "\(Self.path)?fields=health_status,quality_rating"
            let well = try #require(await sandbox.call("GET", path, headers: Self.good))
            #expect(well.json["health_status"]?["can_send_message"]?.string == "AVAILABLE")
            let blocked = await sandbox.call("GET", path, headers: [("Authorization", "Bearer blocked")])
            #expect(blocked?.json["health_status"]?["can_send_message"]?.string == "BLOCKED")
        }
    }
}
