import Contracts
import Core
import FoundationEssentials
import TestKit
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(1))) struct TwilioTests {
    private static let account = "AC" + String(repeating: "a", count: 32)
    private static let path = "/twilio/2010-04-01/Accounts/\(account)/Messages.json"
    private static let good = ["To": "+4915112345678", "From": "+15005550006", "Body": "See you soon."]

    private static func basic(_ account: String, _ token: String) -> (String, String) {
        ("Authorization", "Basic \(Base64.encode(Array("\(account):\(token)".utf8)))")
    }

    private static func post(
        _ sandbox: RunningSandbox,
        _ form: [String: String],
        token: String = "token",
        path: String = path
    ) async throws -> RunningSandbox.Answer {
        let headers = [basic(account, token), ("Content-Type", "application/x-www-form-urlencoded")]
        let text = FormBody.text(form.map { (name: $0.key, value: $0.value) })
        return try #require(await sandbox.call("POST", path, headers: headers, body: Array(text.utf8)))
    }

    @Test func takesAMessageAndShowsIt() async throws {
        try await RunningSandbox.with { sandbox in
            let answer = try await Self.post(sandbox, Self.good)
            #expect(answer.status == 201 && answer.json["status"]?.string == "queued")
            let sid = try #require(answer.json["sid"]?.string)
            #expect(TwilioSID.is(sid, "SM"))
            let items = try await sandbox.messages("?to=%2B4915112345678")
            #expect(items.map { $0["id"]?.string } == [sid] && items.first?["channel"]?.string == "sms")
            let shown = await sandbox.call(
                "GET",
                "/twilio/2010-04-01/Accounts/\(Self.account)/Messages/\(sid).json",
                headers: [Self.basic(Self.account, "token")]
            )
            #expect(shown?.json["to"]?.string == "+4915112345678")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var token = "token"
        var change: [String: String] = [:]
        var path = TwilioTests.path
        let status: Int
        let code: Int
        var testDescription: String { name }
    }

    static let refusals: [Refusal] = [
        Refusal(name: "a wrong token", token: "wrong", status: 401, code: 20_003),
        Refusal(
            name: "another's account",
            path: "/twilio/2010-04-01/Accounts/AC\(String(repeating: "b", count: 32))/Messages.json",
            status: 401,
            code: 20_003
        ),
        Refusal(name: "elsewhere", path: path.replacing("Messages", with: "Mail"), status: 404, code: 20_404),
        Refusal(name: "an unknown parameter", change: ["Colour": "red"], status: 400, code: 20_001),
        Refusal(name: "nobody", change: ["To": ""], status: 400, code: 21_604),
        Refusal(name: "no number", change: ["To": "12"], status: 400, code: 21_211),
        Refusal(name: "an invalid number", change: ["To": "+15005550001"], status: 400, code: 21_211),
        Refusal(name: "out of reach", change: ["To": "+15005550002"], status: 400, code: 21_612),
        Refusal(name: "a country not allowed", change: ["To": "+15005550003"], status: 400, code: 21_408),
        Refusal(name: "an opted-out number", change: ["To": "+15005550004"], status: 400, code: 21_610),
        Refusal(name: "a landline", change: ["To": "+15005550009"], status: 400, code: 21_614),
        Refusal(name: "no sender", change: ["From": ""], status: 400, code: 21_603),
        Refusal(name: "a foreign sender", change: ["From": "+15005550007"], status: 400, code: 21_606),
        Refusal(name: "a full queue", change: ["From": "+15005550008"], status: 429, code: 21_611),
        Refusal(name: "a broken sender", change: ["From": "?"], status: 400, code: 21_212),
        Refusal(
            name: "an unknown service",
            change: ["From": "", "MessagingServiceSid": "MG1"],
            status: 404,
            code: 20_404
        ),
        Refusal(name: "no WhatsApp sender", change: ["To": "whatsapp:+4915112345678"], status: 400, code: 63_007),
        Refusal(name: "nothing", change: ["Body": ""], status: 400, code: 21_619),
        Refusal(name: "too much", change: ["Body": String(repeating: "x", count: 1_601)], status: 400, code: 21_617),
        Refusal(name: "a template that is none", change: ["ContentSid": "welcome"], status: 400, code: 21_655),
        Refusal(name: "broken variables", change: ["ContentVariables": "{"], status: 400, code: 21_656),
        Refusal(name: "a callback to nowhere", change: ["StatusCallback": "clinic"], status: 400, code: 21_609),
        Refusal(
            name: "a callback with an underscore",
            change: ["StatusCallback": "https://a_b.example/"],
            status: 400,
            code: 21_609
        ),
        Refusal(name: "no time", change: ["ValidityPeriod": "0"], status: 400, code: 21_624),
    ]

    @Test(arguments: refusals) func refusesAsTheRealOneDoes(_ refusal: Refusal) async throws {
        try await RunningSandbox.with { sandbox in
            let form = Self.good.merging(refusal.change) { $1 }
            let answer = try await Self.post(sandbox, form, token: refusal.token, path: refusal.path)
            #expect(answer.status == refusal.status)
            #expect(answer.json["code"] == .integer(Int64(refusal.code)))
            #expect(try await sandbox.messages().isEmpty)
        }
    }

    @Test func itFailsInItsOwnWords() async throws {
        try await RunningSandbox.with { sandbox in
            for (kind, status, code) in [("429", 429, 20_429), ("down", 503, 20_503), ("500", 500, 20_500)] {
                #expect(await sandbox.call("PUT", "/faults/twilio", json: ["kind": .string(kind)])?.status == 200)
                let answer = try await Self.post(sandbox, Self.good)
                #expect(answer.status == status && answer.json["code"] == .integer(Int64(code)))
            }
        }
    }

    /// The signatures that Twilio's own validator has judged.
    @Test func itSignsAsTwilioDoes() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appending(path: "Golden/providers/twilio_signatures.json"))
        guard case .array(let cases) = try JSONTape(Array(data)).decode(JSONValue.self)["cases"] else {
            throw TestKitError("no cases")
        }
        var checked = 0
        for item in cases {
            guard item["isValid"] == .bool(true), let url = item["url"]?.string, !url.contains(".example:"),
                item["name"]?.string?.contains("port") == false, case .array(let list) = item["params"]
            else { continue }
            let pairs = list.compactMap { pair -> (name: String, value: String)? in
                guard case .array(let halves) = pair, let name = halves[0].string, let value = halves[1].string else {
                    return nil
                }
                return (name, value)
            }
            let token = try #require(item["token"]?.string)
            #expect(
                TwilioSignature.make(token, url, pairs) == item["signature"]?.string,
                "\(item["name"]?.string ?? "")"
            )
            checked += 1
        }
        #expect(checked == 6)
    }

    /// Callbacks go to the sandbox itself, which shows what it was asked for as faults that do not exist.
    @Test func itTellsWhatBecameOfAMessage() async throws {
        try await RunningSandbox.with { sandbox in
            let callback = "\(sandbox.url)/nowhere?message=m-1#rc=3"
            for (to, expected) in [
                ("+4915112345678", ["message.delivered", "message.sent"]),
                ("+15005553003", ["message.sent", "message.undelivered"]), ("+15005552000", ["message.sent"]),
            ] {
                let before = try await Self.events(sandbox).count
                let form = Self.good.merging(["To": to, "StatusCallback": callback]) { $1 }
                #expect(try await Self.post(sandbox, form).status == 201)
                let events = try await Self.events(sandbox)
                #expect(events.prefix(events.count - before).sorted() == expected)
            }
            #expect(try await sandbox.messages().allSatisfy { $0["reference"]?.string == "m-1" })
            let sid = try #require(try await sandbox.messages().first?["id"]?.string)
            let told = await sandbox.call("POST", "/twilio/messages/\(sid)/failed", json: ["errorCode": 30_008])
            #expect(told?.status == 200)
            #expect(try await Self.events(sandbox).first == "message.failed")
            let heard = await sandbox.call(
                "POST",
                "/twilio/inbound",
                json: ["to": "+15005550006", "from": "+4915112345678", "body": "STOP", "url": .string(sandbox.url)]
            )
            #expect(heard?.status == 200)
            #expect(try await Self.events(sandbox).first == "message.received")
        }
    }

    private static func events(_ sandbox: RunningSandbox) async throws -> [String] {
        guard case .array(let items) = await sandbox.call("GET", "/webhooks/twilio/events")?.json["items"] else {
            throw TestKitError("no events")
        }
        return items.compactMap { $0["type"]?.string }
    }
}
