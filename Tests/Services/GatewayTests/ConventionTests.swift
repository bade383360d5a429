import Authorization
import Bus
import Contracts
import Core
import NIOHTTP1
import TestKit
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2)))
struct ConventionTests {
    /// A gateway with an admin signed in.
    private func run(
        settings: [String: String] = [:],
        handler: @escaping TestGateway.Handler = FakeService.answer,
        _ body: @escaping @Sendable (TestGateway, (String, String)) async throws -> Void
    ) async throws {
        try await TestGateway.run(settings: settings, handler: handler) { gateway in
            let (_, user) = gateway.access.member([.clinicAdmin])
            let token = bearer(try gateway.tokens.token(for: user))
            _ = try await gateway.eventuallyGet("/api/v1/me", [token])
            try await body(gateway, token)
        }
    }

    @Test func problemsHaveTheirShape() async throws {
        try await run { gateway, token in
            let answer = try await gateway.get("/api/v1/nowhere", [token])
            #expect(answer.status == 404)
            #expect(answer.header("Content-Type") == "application/problem+json")
            let json = try answer.json
            #expect(json["instance"]?.string == answer.header("X-Request-Id"))
            #expect(json["code"]?.string == "not_found")
            #expect(json["title"]?.string == "Not Found")
            #expect(json["status"] == 404)
            #expect(json["retryable"] == false)
        }
    }

    @Test func methodsThatAPathDoesNotHaveAreNamed() async throws {
        try await run { gateway, token in
            let answer = try await gateway.send(.DELETE, "/api/v1/things", [token])
            #expect(answer.status == 405)
            #expect(answer.header("Allow") == "GET, HEAD, POST")
            let page = try await gateway.send(.POST, "/health/live")
            #expect(page.status == 405)
            #expect(page.header("Allow") == "GET, HEAD")
            let options = try await gateway.send(.OPTIONS, "/api/v1/things")
            #expect(options.status == 204)
            #expect(options.header("Allow") == "GET, HEAD, POST")
        }
    }

    @Test(arguments: [
        ("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html, */*;q=0.1", 200),
        ("text/html", 406), ("application/json;q=0", 406), ("application/xml, text/csv", 406),
    ])
    func mediaTypeIsAgreedUpon(_ accept: String, _ status: Int) async throws {
        try await run { gateway, token in
            let answer = try await gateway.get("/api/v1/things", [token, ("Accept", accept)])
            #expect(answer.status == status)
        }
    }

    @Test func inputIsCheckedBeforeTheServiceSeesIt() async throws {
        try await run { gateway, token in
            let unknown = try await gateway.post("/api/v1/things", [token], body: #"{"name":"a","extra":1}"#)
            #expect(unknown.status == 422)
            #expect(unknown.text.contains(#""pointer":"/extra""#))
            #expect(try await gateway.post("/api/v1/things", [token], body: #"{"name":"#).status == 400)
            let media = try await gateway.send(
                .POST,
                "/api/v1/things",
                [token, ("Content-Type", "text/plain")],
                body: "{}"
            )
            #expect(media.status == 415)
            for (path, type) in [
                ("/api/v1/things", "application/json"), ("/api/v1/things-upload?filename=a", "image/png"),
            ] {
                let headers = [token, ("Content-Type", type), ("Content-Encoding", "gzip")]
                #expect(try await gateway.send(.POST, path, headers, body: "{}").status == 415)
            }
            let query = try await gateway.get("/api/v1/things?limit=500&what=1", [token])
            #expect(query.status == 422)
            #expect(query.text.contains(#""parameter":"limit""#) && query.text.contains(#""parameter":"what""#))
        }
    }

    @Test func whatIsNoIDIsNotThere() async throws {
        try await run { gateway, token in
            let id = "\(AppointmentID())"
            for wrong in ["7", id.uppercased(), id + "0", "%20\(id)", String(repeating: "a", count: 500)] {
                let read = try await gateway.get("/api/v1/things/\(wrong)", [token])
                #expect(read.status == 404, "\(wrong): \(read.status)")
                #expect(try read.code == "not_found")
                let put = try await gateway.send(
                    .PUT,
                    "/api/v1/things/\(wrong)",
                    [token, ("Content-Type", "application/json")],
                    body: #"{"what":1}"#
                )
                #expect(put.status == 404, "\(wrong): \(put.status)")
            }
        }
    }

    @Test func everyPostReplyNamesItsKey() async throws {
        try await run { gateway, token in
            let own = try await gateway.post("/api/v1/things", [token], body: #"{"name":"a"}"#)
            #expect(own.status == 201)
            #expect(own.header("Location") == "/things/1")
            let told = try own.told
            #expect(own.header("Idempotency-Key") == told["key"])
            #expect(try own.told["clientKey"] == "false")
            let mine = try await gateway.post(
                "/api/v1/things",
                [token, ("Idempotency-Key", "order-1")],
                body: #"{"name":"a"}"#
            )
            #expect(mine.header("Idempotency-Key") == "order-1")
            #expect(try mine.told["key"] == "order-1")
            #expect(try mine.told["clientKey"] == "true")
            let refused = try await gateway.post("/api/v1/things", [token, ("Idempotency-Key", "k")], body: "{}")
            #expect(refused.status == 422)
            #expect(refused.header("Idempotency-Key") == "k")
            let late = try await gateway.post("/api/v1/slow", [token], body: "{}")
            #expect(late.status == 504)
            #expect(try late.code == "reply_timeout")
            #expect(late.header("Idempotency-Key") != nil)
            for bad in ["", "with space", String(repeating: "k", count: 256)] {
                let answer = try await gateway.post("/api/v1/things", [token, ("Idempotency-Key", bad)], body: "{}")
                #expect(answer.status == 400)
            }
            let signIn = try await gateway.post(
                "/api/v1/auth/sign-in",
                [("Idempotency-Key", "k")],
                body: #"{"name":"a"}"#
            )
            #expect(signIn.status == 400)
            #expect(try signIn.code == "idempotency_key_refused")
        }
    }

    @Test func entityTagsGoBothWays() async throws {
        try await run { gateway, token in
            let path = "/api/v1/things/\(AppointmentID())"
            #expect(try await gateway.get(path, [token]).header("ETag") == "\"7\"")
            for match in ["\"7\"", "W/\"7\"", "\"1\", \"7\"", "*"] {
                let answer = try await gateway.get(path, [token, ("If-None-Match", match)])
                #expect(answer.status == 304)
                #expect(answer.body.isEmpty)
                #expect(answer.header("ETag") == "\"7\"")
            }
            #expect(try await gateway.get(path, [token, ("If-None-Match", "\"8\"")]).status == 200)
            let put = try await gateway.send(
                .PUT,
                path,
                [token, ("If-Match", "\"7\""), ("Content-Type", "application/json")],
                body: #"{"name":"b"}"#
            )
            #expect(try put.told["ifMatch"] == "\"7\"")
        }
    }

    @Test func headHasTheHeadersOfGetAndNoBody() async throws {
        try await run { gateway, token in
            let get = try await gateway.get("/api/v1/version")
            let head = try await gateway.send(.HEAD, "/api/v1/version")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.header("Content-Length") == get.header("Content-Length"))
            #expect(try await gateway.send(.HEAD, "/api/v1/things", [token]).status == 200)
            let deleted = try await gateway.send(.DELETE, "/api/v1/things/\(AppointmentID())", [token])
            #expect(deleted.status == 204)
            #expect(deleted.header("Content-Length") == nil)
        }
    }

    @Test func tracesArePassedOnAndNonsenseIsIgnored() async throws {
        try await run { gateway, token in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await gateway.get(
                "/api/v1/things",
                [token, ("traceparent", "00-\(trace)-00f067aa0ba902b7-01")]
            )
            #expect(try answer.told["trace"] == trace)
            #expect(try answer.told["id"] == answer.header("X-Request-Id"))
            let ignored = try await gateway.get("/api/v1/things", [token, ("traceparent", "00-xyz-1-1")])
            #expect(ignored.status == 200)
            let own = try ignored.told["trace"] ?? ""
            #expect(own.count == 32)
        }
    }

    @Test func everyReplyIsGuardedAgainstBrowsers() async throws {
        try await run { gateway, token in
            for path in ["/api/v1/things", "/api/v1/nowhere", "/health/live"] {
                let answer = try await gateway.get(path, [token])
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                #expect(answer.header("Cache-Control") == "no-store")
                #expect(answer.header("Content-Security-Policy")?.contains("default-src 'none'") == true)
                #expect(answer.header("Strict-Transport-Security") != nil)
                #expect(answer.header("Date") != nil)
                #expect(answer.header("Server") == nil)
            }
        }
    }

    @Test func onlyConfiguredOriginsMayRead() async throws {
        let origin = "https://app.clinic.example"
        try await run(settings: ["POLYCLINIC_CORS_ORIGINS": origin]) { gateway, token in
            let allowed = try await gateway.get("/api/v1/things", [token, ("Origin", origin)])
            #expect(allowed.header("Access-Control-Allow-Origin") == origin)
            #expect(allowed.header("Vary") == "Origin")
            #expect(allowed.header("Access-Control-Allow-Credentials") == nil)
            for other in ["https://evil.example", origin + ".evil.example", "null", "http://app.clinic.example"] {
                let answer = try await gateway.get("/api/v1/things", [token, ("Origin", other)])
                #expect(answer.header("Access-Control-Allow-Origin") == nil)
                #expect(answer.header("Vary") == "Origin")
            }
            let preflight = try await gateway.send(
                .OPTIONS,
                "/api/v1/things",
                [("Origin", origin), ("Access-Control-Request-Method", "POST")]
            )
            #expect(preflight.status == 204)
            #expect(preflight.header("Access-Control-Allow-Methods")?.contains("POST") == true)
            #expect(preflight.header("Access-Control-Allow-Headers")?.contains("X-Clinic-Id") == true)
        }
    }

    @Test func webhooksArriveAsTheyCameWithTheirSignature() async throws {
        try await run(handler: { request in
            guard request.operation == "things.webhook" else { return await FakeService.answer(request) }
            let isWhole =
                String(decoding: request.input, as: UTF8.self).contains(#""body":"eyJhIjoxfQ==""#)
                && request.headers == [
                    "stripe-signature": "t=1", "content-type": "application/json", "x-seal": "s",
                ]
                && request.principal.kind == .provider && request.clinic != nil
            return .reply(BusReply(status: isWhole ? 204 : 500))
        }) { gateway, token in
            let (clinic, user) = gateway.access.member([.clinicAdmin])
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(try gateway.tokens.token(for: user))])
            let headers = [("Stripe-Signature", "t=1"), ("X-Seal", "s"), ("Cookie", "a=b")]
            let taken = try await gateway.post("/api/v1/webhooks/things/test/\(clinic)", headers, body: #"{"a":1}"#)
            #expect(taken.status == 204)
            let unknown = try await gateway.post("/api/v1/webhooks/things/test/\(ClinicID())", headers, body: "{}")
            #expect(unknown.status == 404)
            let large = String(repeating: "a", count: (256 << 10) + 1)
            let tooLarge = try await gateway.post("/api/v1/webhooks/things/test/\(clinic)", headers, body: large)
            #expect(tooLarge.status == 413)
            // What was refused before it was read can be repeated under the same key.
            let key = ("Idempotency-Key", "a-key-of-the-clients")
            let token = bearer(try gateway.tokens.token(for: user))
            let larger = String(repeating: "a", count: (1 << 20) + 1)
            let refused = try await gateway.post("/api/v1/things", [token, key], body: larger)
            #expect(refused.status == 413 && refused.header("Idempotency-Key") == "a-key-of-the-clients")
        }
    }

    @Test func anOperationMayTakeMoreThanIsUsual() async throws {
        try await run { gateway, token in
            func body(_ length: Int) -> String {
                let frame = #"{"name":"a","note":""}"#
                return #"{"name":"a","note":"\#(String(repeating: "a", count: length - frame.utf8.count))"}"#
            }
            let path = "/api/v1/things-together"
            let taken = try await gateway.post(path, [token], body: body(TestEndpoints.longestList))
            #expect(taken.status < 300)
            let refused = try await gateway.post(path, [token], body: body(TestEndpoints.longestList + 1))
            #expect(refused.status == 413 && refused.text.contains("at most \(TestEndpoints.longestList) bytes"))
            let usual = try await gateway.post("/api/v1/things", [token], body: body((1 << 20) + 1))
            #expect(usual.status == 413)
        }
        for endpoint in EndpointCatalog.all {
            #expect(endpoint.mostBytes ?? 0 <= BodyKind.mostBytes, "\(endpoint.name)")
        }
    }

    @Test func addressesAreBelievedOfTrustedProxiesAlone() async throws {
        let forwarded = ("X-Forwarded-For", "203.0.113.9, 10.1.2.3")
        try await run(settings: ["POLYCLINIC_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"]) { gateway, token in
            let told = try await gateway.get("/api/v1/things", [token, forwarded]).told
            #expect(told["address"] == "203.0.113.9")
        }
        try await run { gateway, token in
            let told = try await gateway.get("/api/v1/things", [token, forwarded]).told
            #expect(told["address"] == "127.0.0.1")
        }
    }

    @Test func gatewayDescribesItself() async throws {
        try await run { gateway, _ in
            #expect(try await gateway.get("/health/live").text == #"{"status":"live"}"#)
            #expect(try await gateway.get("/health/ready").text == #"{"status":"ready"}"#)
            #expect(try await gateway.get("/api/v1/version").json["api"]?.string == "v1")
            let document = try await gateway.get("/api/v1/openapi.json")
            #expect(document.header("Content-Type") == "application/json")
            let version = try document.json["openapi"]?.string ?? ""
            #expect(version.hasPrefix("3.1"))
            #expect(document.text.contains("/webhooks/things/{provider}/{clinicId}"))
            let docs = try await gateway.get("/docs")
            #expect(docs.header("Content-Type") == "text/html; charset=utf-8")
            #expect(docs.text.contains("Make a thing"))
        }
    }

    /// A refusal that the gateway makes by itself, with what its reply has to say.
    struct OwnRefusal: Sendable, CustomTestStringConvertible {
        let name: String
        let status: Int
        let code: String
        /// The limits that the reply tells of; none where the request was refused before they were counted.
        var limits: [String] = []
        /// Whether a time is said after which it may be tried again; what became of the request is known then.
        var saysWhen = true
        var namesKey = false
        let provoke: @Sendable (TestGateway, _ token: (String, String)) async throws -> TestGateway.Answer

        var testDescription: String { name }
    }

    static let ownRefusals = [
        OwnRefusal(
            name: "a user asks too often",
            status: 429,
            code: "rate_limited",
            limits: ["user"],
            namesKey: true
        ) { gateway, token in
            for _ in 0..<3 { _ = try await gateway.post("/api/v1/things", [token], body: #"{"name":"a"}"#) }
            return try await gateway.post("/api/v1/things", [token], body: #"{"name":"a"}"#)
        },
        OwnRefusal(
            name: "an address asks too often",
            status: 429,
            code: "rate_limited",
            limits: ["address"]
        ) { gateway, _ in
            for _ in 0..<2 { _ = try await gateway.post("/api/v1/auth/sign-in", body: #"{"name":"a"}"#) }
            return try await gateway.post("/api/v1/auth/sign-in", body: #"{"name":"a"}"#)
        },
        OwnRefusal(
            name: "a provider sends too many webhooks",
            status: 503,
            code: "unavailable",
            limits: ["address"]
        ) { gateway, _ in
            let path = "/api/v1/webhooks/things/test/installation"
            for _ in 0..<2 { _ = try await gateway.post(path, body: "{}") }
            return try await gateway.post(path, body: "{}")
        },
        OwnRefusal(
            name: "no news of the policy",
            status: 503,
            code: "unavailable",
            namesKey: true
        ) { gateway, token in
            gateway.access.leave(true)
            return try await eventually("the policy is old") {
                let answer = try await gateway.post("/api/v1/things", [token], body: "{}")
                return answer.status == 503 ? answer : nil
            }
        },
        OwnRefusal(
            name: "a refusal that cannot be recorded",
            status: 503,
            code: "unavailable"
        ) { gateway, _ in
            let porter = gateway.access.member([.inventoryManager]).user
            let token = bearer(try gateway.tokens.token(for: porter))
            _ = try await gateway.eventuallyGet("/api/v1/me", [token])
            gateway.access.loseDenials()
            return try await gateway.get("/api/v1/things/\(AppointmentID())", [token])
        },
        OwnRefusal(
            name: "no reply in time",
            status: 504,
            code: "reply_timeout",
            limits: ["user", "clinic"],
            saysWhen: false,
            namesKey: true
        ) { gateway, token in try await gateway.post("/api/v1/slow", [token], body: "{}") },
    ]

    @Test(arguments: ownRefusals)
    func ownRefusalsSayWhenToComeBack(_ refusal: OwnRefusal) async throws {
        let limits = ["POLYCLINIC_RATE_LIMITS": "user=3/60,address=2/60,webhook=2/60"]
        try await TestGateway.run(settings: limits) { gateway in
            let (_, user) = gateway.access.member([.clinicAdmin])
            let token = bearer(try gateway.tokens.token(for: user))
            _ = try await gateway.eventuallyGet("/api/v1/me", [token])
            let answer = try await refusal.provoke(gateway, token)
            #expect(answer.status == refusal.status, "\(answer.text)")
            #expect(try answer.code == refusal.code)
            #expect(try answer.json["retryable"] == true)
            #expect(answer.header("Content-Type") == "application/problem+json")
            #expect(try answer.header("X-Request-Id") == answer.json["instance"]?.string)
            let wait = answer.header("Retry-After").flatMap { Int($0) }
            #expect(refusal.saysWhen ? wait ?? 0 > 0 : wait == nil)
            #expect((answer.header("Idempotency-Key") != nil) == refusal.namesKey)
            for (header, member) in [("RateLimit-Policy", "q"), ("RateLimit", "r")] {
                let told = answer.header(header)?.split(separator: ", ").map { String($0.prefix { $0 != ";" }) } ?? []
                #expect(told == refusal.limits.map { "\"\($0)\"" }, "\(header)")
                #expect(refusal.limits.isEmpty || answer.header(header)?.contains(";\(member)=") == true)
            }
        }
    }

    @Test func limitsAreToldAndKept() async throws {
        try await run(settings: ["POLYCLINIC_RATE_LIMITS": "user=3/60,address=2/60"]) { gateway, token in
            // The sign-in of this user has taken one already; writes have a bucket of their own.
            let first = try await gateway.post("/api/v1/things", [token], body: #"{"name":"a"}"#)
            #expect(first.header("RateLimit-Policy") == #""user";q=3;w=60, "clinic";q=500;w=1"#)
            #expect(first.header("RateLimit")?.hasPrefix(#""user";r=2;t=60"#) == true)
            for _ in 0..<2 { _ = try await gateway.post("/api/v1/things", [token], body: #"{"name":"a"}"#) }
            let limited = try await gateway.post("/api/v1/things", [token], body: #"{"name":"a"}"#)
            #expect(limited.status == 429)
            #expect(try limited.code == "rate_limited")
            #expect((Int(limited.header("Retry-After") ?? "") ?? 0) > 0)
            #expect(limited.header("Idempotency-Key") != nil)
            let other = gateway.access.member([.clinicAdmin]).user
            _ = try await gateway.eventuallyGet("/api/v1/me", [bearer(try gateway.tokens.token(for: other))])
            for _ in 0..<2 {
                #expect(try await gateway.post("/api/v1/auth/sign-in", body: #"{"name":"a"}"#).status == 200)
            }
            #expect(try await gateway.post("/api/v1/auth/sign-in", body: #"{"name":"a"}"#).status == 429)
        }
    }
}
