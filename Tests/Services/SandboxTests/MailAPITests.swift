import Contracts
import Core
import TestKit
import Testing

@testable import Sandbox

/// Refusals of the e-mail APIs in their own words, and what they do more than once.
@Suite(.timeLimit(.minutes(1))) struct MailAPITests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var headers: [(String, String)] = []
        var without: String?
        var change: [String: JSONValue] = [:]
        var path: String?
        let status: Int
        let words: String
        var testDescription: String { name }
    }

    // MARK: - SendGrid

    static let sendgridBody: [String: JSONValue] = [
        "personalizations": [["to": [["email": "patient@example.org"]]]], "from": ["email": "hello@clinic.example"],
        "subject": "Your visit",
        "content": [["type": "text/plain", "value": "Hi"], ["type": "text/html", "value": "<p>Hi</p>"]],
        "custom_args": ["message_id": "m-1"],
    ]

    static let sendgridRefusals: [Refusal] = [
        Refusal(name: "no key", without: "Authorization", status: 401, words: "wrong credentials"),
        Refusal(
            name: "a wrong key",
            headers: [("Authorization", "Bearer SG.wrong")],
            status: 401,
            words: "authorization grant is invalid"
        ),
        Refusal(
            name: "another's key",
            headers: [("Authorization", "Bearer re_1")],
            status: 401,
            words: "authorization grant is invalid"
        ),
        Refusal(
            name: "no credits",
            headers: [("Authorization", "Bearer SG.exhausted")],
            status: 401,
            words: "Maximum credits exceeded"
        ),
        Refusal(
            name: "no scope",
            headers: [("Authorization", "Bearer SG.readonly")],
            status: 403,
            words: "access forbidden"
        ),
        Refusal(name: "no Accept", without: "Accept", status: 406, words: "Not Acceptable"),
        Refusal(
            name: "another type",
            headers: [("Content-Type", "text/plain")],
            status: 415,
            words: "application/json"
        ),
        Refusal(name: "an unknown field", change: ["colour": "red"], status: 400, words: "Additional property colour"),
        Refusal(
            name: "no recipient",
            change: ["personalizations": [["to": []]]],
            status: 400,
            words: "personalizations.0.to"
        ),
        Refusal(name: "nobody", change: ["personalizations": []], status: 400, words: "at least one personalization"),
        Refusal(
            name: "a broken address",
            change: ["personalizations": [["to": [["email": "nobody"]]]]],
            status: 400,
            words: "personalizations.0.to.0.email"
        ),
        Refusal(
            name: "the same twice",
            change: ["personalizations": [["to": [["email": "a@b.example"]], "cc": [["email": "A@b.example"]]]]],
            status: 400,
            words: "unique between to, cc, and bcc"
        ),
        Refusal(name: "no sender", change: ["from": ["name": "x"]], status: 400, words: "from.email"),
        Refusal(
            name: "a foreign sender",
            change: ["from": ["email": "a@unverified.example"]],
            status: 403,
            words: "verified Sender Identity"
        ),
        Refusal(name: "no subject", change: ["subject": ""], status: 400, words: "The subject is required"),
        Refusal(name: "no content", change: ["content": []], status: 400, words: "content parameter is required"),
        Refusal(
            name: "HTML before text",
            change: ["content": [["type": "text/html", "value": "a"], ["type": "text/plain", "value": "a"]]],
            status: 400,
            words: "must be first"
        ),
        Refusal(name: "a header of theirs", change: ["headers": ["Reply-To": "x"]], status: 400, words: "is reserved"),
        Refusal(name: "elsewhere", path: "/v3/mail/batch", status: 404, words: "not found"),
    ]

    @Test(arguments: sendgridRefusals) func sendGridRefuses(_ refusal: Refusal) async throws {
        try await refuses(
            refusal,
            Self.sendgridBody,
            "/sendgrid",
            "/v3/mail/send",
            [("Authorization", "Bearer SG.key"), ("Accept", "application/json"), ("Content-Type", "application/json")]
        )
    }

    @Test func sendGridTakesAMessageWithoutABody() async throws {
        try await RunningSandbox.with { sandbox in
            let headers = [("Authorization", "Bearer SG.key"), ("Accept", "application/json")]
            let answer = try #require(
                await sandbox.call("POST", "/sendgrid/v3/mail/send", headers: headers, json: .object(Self.sendgridBody))
            )
            #expect(answer.status == 202 && answer.body.isEmpty)
            let items = try await sandbox.messages()
            #expect(items.map { $0["id"]?.string } == [answer.headers["x-message-id"]])
            var trial = Self.sendgridBody
            trial["mail_settings"] = ["sandbox_mode": ["enable": true]]
            let tried = await sandbox.call("POST", "/sendgrid/v3/mail/send", headers: headers, json: .object(trial))
            #expect(tried?.status == 200)
            #expect(try await sandbox.messages().count == 1)
            #expect(await sandbox.call("PUT", "/faults/sendgrid", json: ["kind": "429"])?.status == 200)
            let throttled = await sandbox.call("GET", "/sendgrid/v3/scopes", headers: headers)
            #expect(throttled?.status == 429 && throttled?.headers["x-ratelimit-reset"].flatMap { Int64($0) } != nil)
        }
    }

    // MARK: - Resend

    static let resendBody: [String: JSONValue] = [
        "from": "Clinic <hello@clinic.example>", "to": ["patient@example.org"], "subject": "Your visit", "text": "Hi",
        "tags": [["name": "message_id", "value": "m-1"]],
    ]
    static let resendHeaders = [
        ("Authorization", "Bearer re_key"), ("User-Agent", "test/1.0"), ("Content-Type", "application/json"),
    ]

    static let resendRefusals: [Refusal] = [
        Refusal(name: "no key", without: "Authorization", status: 401, words: "missing_api_key"),
        Refusal(
            name: "a wrong key",
            headers: [("Authorization", "Bearer re_wrong")],
            status: 403,
            words: "invalid_api_key"
        ),
        Refusal(
            name: "another's key",
            headers: [("Authorization", "Bearer SG.1")],
            status: 403,
            words: "invalid_api_key"
        ),
        Refusal(name: "a caller without a name", without: "User-Agent", status: 403, words: "1010"),
        Refusal(
            name: "a quota",
            headers: [("Authorization", "Bearer re_daily_quota")],
            status: 429,
            words: "daily_quota_exceeded"
        ),
        Refusal(
            name: "a long key",
            headers: [("Idempotency-Key", String(repeating: "k", count: 257))],
            status: 400,
            words: "invalid_idempotency_key"
        ),
        Refusal(name: "an unknown field", change: ["colour": "red"], status: 422, words: "`colour`"),
        Refusal(name: "no sender", change: ["from": ""], status: 422, words: "Missing `from` field."),
        Refusal(name: "a broken sender", change: ["from": "Clinic"], status: 422, words: "Invalid `from` field."),
        Refusal(
            name: "a foreign sender",
            change: ["from": "a@unverified.example"],
            status: 403,
            words: "domain is not verified"
        ),
        Refusal(name: "no recipient", change: ["to": []], status: 422, words: "Missing `to` field."),
        Refusal(name: "a broken address", change: ["to": "nobody"], status: 422, words: "Invalid `to` field."),
        Refusal(name: "no subject", change: ["subject": ""], status: 422, words: "Missing `subject` field."),
        Refusal(name: "no body", change: ["text": .null], status: 422, words: "missing_required_field"),
        Refusal(
            name: "a tag with a name in it",
            change: ["tags": [["name": "patient", "value": "Asha Rao"]]],
            status: 422,
            words: "Tags should only contain"
        ),
        Refusal(name: "elsewhere", path: "/email", status: 404, words: "not_found"),
    ]

    @Test(arguments: resendRefusals) func resendRefuses(_ refusal: Refusal) async throws {
        try await refuses(refusal, Self.resendBody, "/resend", "/emails", Self.resendHeaders)
    }

    @Test func resendSendsOnceUnderAKey() async throws {
        try await RunningSandbox.with { sandbox in
            func post(_ key: String, _ body: [String: JSONValue] = Self.resendBody, as apiKey: String = "re_key")
                async throws
                -> RunningSandbox.Answer
            {
                let headers = [
                    ("Authorization", "Bearer \(apiKey)"), ("User-Agent", "test/1.0"), ("Idempotency-Key", key),
                ]
                return try #require(await sandbox.call("POST", "/resend/emails", headers: headers, json: .object(body)))
            }
            let first = try await post("k1")
            let again = try await post("k1")
            #expect(first.status == 200 && again.status == 200 && first.json["id"] == again.json["id"])
            let other = try await post("k1", Self.resendBody.merging(["subject": "Another"]) { $1 })
            #expect(other.status == 409 && other.json["name"]?.string == "invalid_idempotent_request")
            #expect(try await post("k1", as: "re_other").json["id"] != first.json["id"])
            #expect(try await post("k2").json["id"] != first.json["id"])
            #expect(try await sandbox.messages().count == 3)
            // What was refused keeps no key.
            #expect(try await post("k3", Self.resendBody.merging(["to": []]) { $1 }).status == 422)
            #expect(try await post("k3").status == 200)
            let headers = [("Authorization", "Bearer re_key"), ("User-Agent", "test/1.0")]
            let shown = await sandbox.call("GET", "/resend/emails/\(first.json["id"]?.string ?? "")", headers: headers)
            #expect(shown?.json["last_event"]?.string == "delivered")
            let only = [("Authorization", "Bearer re_sending"), ("User-Agent", "test/1.0")]
            let domains = await sandbox.call("GET", "/resend/domains", headers: only)
            #expect(domains?.status == 401 && domains?.json["name"]?.string == "restricted_api_key")
        }
    }

    @Test func keysRunOutAndAreTakenOneAtATime() {
        let keys = ResendKeys()
        let now = Instant(seconds: 1_792_566_000)
        #expect(keys.begin("k", of: "a", [1], at: now) == .new)
        #expect(keys.begin("k", of: "a", [1], at: now) == .running)
        keys.end("k", of: "a", with: "id-1")
        #expect(keys.begin("k", of: "a", [1], at: now) == .done("id-1"))
        #expect(keys.begin("k", of: "a", [2], at: now + .seconds(86_399)) == .other)
        #expect(keys.begin("k", of: "a", [2], at: now + .seconds(86_400)) == .new)
    }

    // MARK: - SES

    @Test func sesRefusesWithoutAKnownKey() async throws {
        try await RunningSandbox.with { sandbox in
            let path = "/aws_ses/v2/email/outbound-emails"
            let bare = await sandbox.call("POST", path, json: [:])
            #expect(bare?.status == 403 && bare?.headers["x-amzn-errortype"] == "MissingAuthenticationToken")
            let broken = await sandbox.call("POST", path, headers: [("Authorization", "AWS4-HMAC-SHA256 x")], json: [:])
            #expect(broken?.headers["x-amzn-errortype"] == "IncompleteSignature")
            func scoped(_ scope: String) -> [(String, String)] {
                let value = "AWS4-HMAC-SHA256 Credential=\(scope), SignedHeaders=host;x-amz-date, Signature=00"
                return [("Authorization", value), ("X-Amz-Date", AWSSignature.stamp(.now()))]
            }
            let day = AWSSignature.stamp(.now()).prefix(8)
            for (scope, name) in [
                ("AKIAWRONG/\(day)/eu-west-1/ses/aws4_request", "InvalidClientTokenId"),
                ("AKIA/\(day)/eu-west-1/email/aws4_request", "SignatureDoesNotMatch"),
                ("AKIA/20200101/eu-west-1/ses/aws4_request", "SignatureDoesNotMatch"),
                ("AKIA/\(day)/eu-west-1/ses/aws4_request", "SignatureDoesNotMatch"),
            ] {
                let answer = await sandbox.call("POST", path, headers: scoped(scope), json: [:])
                #expect(answer?.status == 403 && answer?.headers["x-amzn-errortype"] == name, "\(scope)")
            }
            let items = try await sandbox.messages()
            #expect(items.isEmpty)
        }
    }

    static let sesBody: [String: JSONValue] = [
        "FromEmailAddress": "Clinic <hello@clinic.example>", "Destination": ["ToAddresses": ["patient@example.org"]],
        "Content": ["Simple": ["Subject": ["Data": "Your visit"], "Body": ["Text": ["Data": "Hi"]]]],
    ]

    /// The content with one file, and how the mail is to carry it.
    private static func file(_ content: String, _ encoding: String?) -> [String: JSONValue] {
        var file: [String: JSONValue] = ["FileName": "letter.pdf", "RawContent": .string(content)]
        if let encoding { file["ContentTransferEncoding"] = .string(encoding) }
        let parts: JSONValue = ["Text": ["Data": "Hi"]]
        return ["Content": ["Simple": ["Subject": ["Data": "x"], "Body": parts, "Attachments": [.object(file)]]]]
    }

    @Test(
        arguments: [
            ([:], 200, nil), (["Colour": "red"], 400, "BadRequestException"),
            (["FromEmailAddress": ""], 400, "BadRequestException"),
            (["FromEmailAddress": "a@unverified.example"], 400, "MessageRejected"),
            (["FromEmailAddress": "Süd <a@clinic.example>"], 400, "BadRequestException"),
            (["Destination": ["ToAddresses": []]], 400, "BadRequestException"),
            (["Destination": ["ToAddresses": ["nobody"]]], 400, "BadRequestException"),
            (
                ["Destination": ["ToAddresses": .array(Array(repeating: "a@b.example", count: 51))]], 400,
                "BadRequestException"
            ),
            (["Content": [:]], 400, "BadRequestException"),
            (["Content": ["Raw": ["Data": "%"]]], 400, "BadRequestException"),
            (["Content": ["Simple": ["Subject": ["Data": "x"], "Body": [:]]]], 400, "BadRequestException"),
            (["Content": ["Template": ["TemplateName": "x"]]], 404, "NotFoundException"),
            (file("JVBERi0xLjcKwqU=", nil), 400, "BadRequestException"),
            (file("JVBERi0xLjcKwqU=", "SEVEN_BIT"), 400, "BadRequestException"),
            (file("JVBERi0xLjcKwqU=", "8BIT"), 400, "BadRequestException"),
            (file("JVBERi0xLjcKwqU=", "BASE64"), 200, nil), (file("SGVsbG8=", nil), 200, nil),
            (["ConfigurationSetName": "wrong"], 404, "NotFoundException"),
            (["EmailTags": [["Name": "patient", "Value": "Asha Rao"]]], 400, "BadRequestException"),
        ] as [([String: JSONValue], Int, String?)]
    )
    func sesRefuses(change: [String: JSONValue], status: Int, name: String?) async throws {
        let body = try JSONWriter.encode(JSONValue.object(Self.sesBody.merging(change) { $1 }))
        let messages = MessageStore()
        let now = Instant(seconds: 1_792_566_000)
        let signature = AWSSignature(service: "ses")
        let path = "/v2/email/outbound-emails"
        let request = signature.signed("POST", "/aws_ses\(path)", body: body, at: now)
        let reply = await AWSSES(messages: messages, now: { now }).answer(request, path: path)
        #expect(reply.status == status, "\(String(decoding: reply.body, as: UTF8.self))")
        #expect(reply.headers.first { $0.0 == "x-amzn-ErrorType" }?.1 == name)
        #expect(messages.all.count == (status == 200 ? 1 : 0))
    }

    // MARK: -

    private func refuses(
        _ refusal: Refusal,
        _ good: [String: JSONValue],
        _ prefix: String,
        _ path: String,
        _ headers: [(String, String)]
    ) async throws {
        try await RunningSandbox.with { sandbox in
            let replaced = Set(refusal.headers.map(\.0)).union(refusal.without.map { [$0] } ?? [])
            let answer = try #require(
                await sandbox.call(
                    "POST",
                    prefix + (refusal.path ?? path),
                    headers: headers.filter { !replaced.contains($0.0) } + refusal.headers,
                    body: try JSONWriter.encode(JSONValue.object(good.merging(refusal.change) { $1 }))
                )
            )
            #expect(answer.status == refusal.status)
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(text.contains(refusal.words), "\(text)")
            #expect(try await sandbox.messages().isEmpty)
        }
    }
}

extension AWSSignature {
    /// A request with the signature that the sandbox expects; its making is checked with recorded requests elsewhere.
    fileprivate func signed(_ method: String, _ target: String, body: [UInt8], at now: Instant) -> SandboxRequest {
        let stamp = Self.stamp(now)
        var request = SandboxRequest(
            method: method,
            path: target,
            target: target,
            query: [],
            headers: ["host": "sandbox", "x-amz-date": stamp],
            body: body
        )
        let scope = "\(stamp.prefix(8))/eu-west-1/\(service)/aws4_request"
        let signature = expected(of: request, names: ["host", "x-amz-date"], stamp: stamp, scope: scope)
        request.headers["authorization"] =
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/\(scope), SignedHeaders=host;x-amz-date, "
            + "Signature=\(signature)"
        return request
    }
}
