import Contracts
import TestKit
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(1))) struct ZeptoMailTests {
    static let good: [String: JSONValue] = [
        "from": ["address": "hello@clinic.example", "name": "Clinic"],
        "to": [["email_address": ["address": "patient@example.org"]]], "subject": "Your visit", "textbody": "Hi",
        "client_reference": "m-1", "mime_headers": ["List-Unsubscribe-Post": "List-Unsubscribe=One-Click"],
    ]

    @Test func takesAMessageAndShowsItOnce() async throws {
        try await RunningSandbox.with { sandbox in
            let headers = [("Authorization", "Zoho-enczapikey token")]
            let answer = try #require(
                await sandbox.call("POST", "/zeptomail/v1.1/email", headers: headers, json: .object(Self.good))
            )
            #expect(answer.status == 201)
            #expect(answer.json["object"]?.string == "email" && answer.json["request_id"]?.string?.isEmpty == false)
            let items = try await sandbox.messages("?to=patient%40example.org")
            #expect(items.count == 1)
            #expect(items.first?["subject"]?.string == "Your visit" && items.first?["reference"]?.string == "m-1")
            #expect(items.first?["headers"]?["List-Unsubscribe-Post"]?.string == "List-Unsubscribe=One-Click")
            let page = String(decoding: try #require(await sandbox.call("GET", "/")).body, as: UTF8.self)
            #expect(page.contains("Your visit") && page.contains("/zeptomail</code>") && page.contains("/fcm</code>"))
            #expect(await sandbox.call("DELETE", "/messages")?.status == 204)
            #expect(try await sandbox.messages().isEmpty)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var token: String? = "Zoho-enczapikey token"
        let change: [String: JSONValue]
        let status: Int
        let code: String
        let detail: String
        var testDescription: String { name }
    }

    static let refusals: [Refusal] = [
        Refusal(name: "no token", token: nil, change: [:], status: 401, code: "TM_4001", detail: "SERR_157"),
        Refusal(
            name: "another scheme",
            token: "Bearer token",
            change: [:],
            status: 401,
            code: "TM_4001",
            detail: "SERR_157"
        ),
        Refusal(
            name: "a wrong token",
            token: "Zoho-enczapikey wrong",
            change: [:],
            status: 401,
            code: "TM_4001",
            detail: "SERR_157"
        ),
        Refusal(name: "no subject", change: ["subject": ""], status: 400, code: "TM_3201", detail: "GE_102"),
        Refusal(name: "no recipient", change: ["to": []], status: 400, code: "TM_3201", detail: "GE_102"),
        Refusal(name: "no body", change: ["textbody": ""], status: 400, code: "TM_3201", detail: "GE_102"),
        Refusal(name: "an unknown field", change: ["colour": "red"], status: 400, code: "TM_3301", detail: "SM_101"),
        Refusal(
            name: "a broken address",
            change: ["to": [["email_address": ["address": "nobody"]]]],
            status: 400,
            code: "TM_3301",
            detail: "SM_113"
        ),
        Refusal(
            name: "a foreign sender",
            change: ["from": ["address": "a@unverified.example"]],
            status: 400,
            code: "TM_4001",
            detail: "SM_111"
        ),
    ]

    @Test(arguments: refusals) func refusesAsTheRealOneDoes(_ refusal: Refusal) async throws {
        try await RunningSandbox.with { sandbox in
            let body = Self.good.merging(refusal.change) { _, new in new }
            let headers = refusal.token.map { [("Authorization", $0)] } ?? []
            let answer = try #require(
                await sandbox.call("POST", "/zeptomail/v1.1/email", headers: headers, json: .object(body))
            )
            #expect(answer.status == refusal.status)
            #expect(answer.json["error"]?["code"]?.string == refusal.code)
            guard case .array(let details) = answer.json["error"]?["details"] else { throw TestKitError("no details") }
            #expect(details.first?["code"]?.string == refusal.detail)
            #expect(try await sandbox.messages().isEmpty)
        }
    }

    struct Trouble: Sendable, CustomTestStringConvertible {
        let kind: String
        let status: Int?
        let arrived: Int
        var testDescription: String { kind }
    }

    @Test(arguments: [
        Trouble(kind: "down", status: 503, arrived: 0), Trouble(kind: "500", status: 500, arrived: 0),
        Trouble(kind: "429", status: 429, arrived: 0), Trouble(kind: "reset", status: nil, arrived: 0),
        Trouble(kind: "lost_reply", status: nil, arrived: 1), Trouble(kind: "slow", status: 201, arrived: 1),
    ]) func faultsHitAsOftenAsTheyShould(_ trouble: Trouble) async throws {
        try await RunningSandbox.with { sandbox in
            let fault: JSONValue = ["kind": .string(trouble.kind), "times": 1, "delayMs": 1]
            #expect(await sandbox.call("PUT", "/faults/zeptomail", json: fault)?.status == 200)
            let headers = [("Authorization", "Zoho-enczapikey token")]
            let hit = await sandbox.call(
                "POST",
                "/zeptomail/v1.1/email",
                headers: headers,
                json: .object(Self.good)
            )
            #expect(hit?.status == trouble.status)
            let arrived = try await sandbox.messages().count
            #expect(arrived == trouble.arrived)
            #expect(await sandbox.call("GET", "/faults/zeptomail")?.status == 404)
            let after = await sandbox.call(
                "POST",
                "/zeptomail/v1.1/email",
                headers: headers,
                json: .object(Self.good)
            )
            #expect(after?.status == 201)
        }
    }

    @Test(arguments: ["down", "429"]) func aFaultAsksForTime(_ kind: String) async throws {
        try await RunningSandbox.with { sandbox in
            let fault: JSONValue = ["kind": .string(kind), "retryAfter": 120]
            #expect(await sandbox.call("PUT", "/faults/zeptomail", json: fault)?.status == 200)
            let refused = await sandbox.call("POST", "/zeptomail/v1.1/email")
            #expect(refused?.headers["retry-after"] == "120")
            let wrong: JSONValue = ["kind": .string(kind), "retryAfter": -1]
            #expect(await sandbox.call("PUT", "/faults/zeptomail", json: wrong)?.status == 422)
        }
    }

    @Test func afaultStaysUntilItIsTakenAway() async throws {
        try await RunningSandbox.with { sandbox in
            #expect(await sandbox.call("PUT", "/faults/zeptomail", json: ["kind": "down"])?.status == 200)
            for _ in 0..<3 { #expect(await sandbox.call("POST", "/zeptomail/v1.1/email")?.status == 503) }
            #expect(await sandbox.call("DELETE", "/faults/zeptomail")?.status == 204)
            #expect(await sandbox.call("POST", "/zeptomail/v1.1/email")?.status == 401)
            for wrong: JSONValue in [["kind": "sulking"], ["kind": "down", "times": 0], ["kind": "down", "rate": 2]] {
                #expect(await sandbox.call("PUT", "/faults/zeptomail", json: wrong)?.status == 422)
            }
            #expect(await sandbox.call("PUT", "/faults/nobody", json: ["kind": "down"])?.status == 404)
        }
    }
}
