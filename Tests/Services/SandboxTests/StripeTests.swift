import Contracts
import Core
import TestKit
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(1))) struct StripeTests {
    static let form =
        "amount=150000&currency=inr&automatic_payment_methods%5Benabled%5D=true&metadata%5Bpayment_id%5D=p-1"

    /// Made with Stripe's own library.
    @Test func signsAsTheRealOneDoes() {
        let body = Array(#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded"}"#.utf8)
        let signed = Stripe.sign("whsec_test_secret", body, Instant(seconds: 1_700_000_000))
        #expect(signed.count == 1 && signed.first?.0 == "Stripe-Signature")
        #expect(
            signed.first?.1
                == "t=1700000000,v1=67da5088c63e080c71bd2bb0cb5c03d85a8fc6a21ce3aaf484df809654745b92"
        )
    }

    @Test func anIntentIsMadeOncePerKeyAndPaidOnce() async throws {
        try await RunningSandbox.with { sandbox in
            let key = [("Idempotency-Key", "k-1"), ("Stripe-Version", "2026-07-29.dahlia")]
            let made = try #require(await sandbox.stripe("POST", "/v1/payment_intents", Self.form, headers: key))
            #expect(made.status == 200 && made.json["status"]?.string == "requires_payment_method")
            #expect(made.headers["request-id"]?.hasPrefix("req_") == true)
            #expect(made.headers["stripe-version"] == "2026-07-29.dahlia")
            let again = try #require(await sandbox.stripe("POST", "/v1/payment_intents", Self.form, headers: key))
            #expect(again.json["id"] == made.json["id"] && again.headers["idempotent-replayed"] == "true")
            let other = try #require(
                await sandbox.stripe("POST", "/v1/payment_intents", Self.form + "0", headers: key)
            )
            #expect(other.status == 400 && other.json["error"]?["type"]?.string == "idempotency_error")

            let id = try #require(made.json["id"]?.string)
            let secret = try #require(made.json["client_secret"])
            #expect(await sandbox.call("POST", "/payments/\(id)/pay", json: ["clientSecret": "x"])?.status == 403)
            #expect(
                await sandbox.call("POST", "/payments/\(id)/pay", json: ["clientSecret": secret])?.status == 200
            )
            #expect(await sandbox.call("POST", "/payments/p-1/pay", json: [:])?.status == 409)
            let read = try #require(await sandbox.stripe("GET", "/v1/payment_intents/\(id)"))
            #expect(read.json["status"]?.string == "succeeded" && read.json["amount_received"] == 150_000)
            // Another account's key does not find it.
            #expect(await sandbox.stripe("GET", "/v1/payment_intents/\(id)", key: "sk_test_2")?.status == 404)
            #expect(await sandbox.call("GET", "/pay/\(id)")?.status == 200)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var method = "POST"
        var path = "/v1/payment_intents"
        var form = ""
        var key = "sk_test_1"
        let status: Int
        var code: String?
        var parameter: String?
        let message: String
        var testDescription: String { name }
    }

    static let refusals: [Refusal] = [
        Refusal(name: "no key", key: "", status: 401, message: "You did not provide an API key."),
        Refusal(
            name: "a wrong key",
            key: "sk_test_wrong_key_1234",
            status: 401,
            message: "Invalid API Key provided: sk_test_********1234"
        ),
        Refusal(name: "a live key", key: "sk_live_1", status: 401, message: "Invalid API Key provided"),
        Refusal(
            name: "a publishable key",
            form: form,
            key: "pk_test_1",
            status: 401,
            code: "secret_key_required",
            message: "This API call cannot be made with a publishable API key."
        ),
        Refusal(
            name: "no amount",
            form: "currency=usd",
            status: 400,
            code: "parameter_missing",
            parameter: "amount",
            message: "Missing required param: amount."
        ),
        Refusal(
            name: "an amount in words",
            form: "amount=ten&currency=usd",
            status: 400,
            code: "parameter_invalid_integer",
            parameter: "amount",
            message: "Invalid integer: ten"
        ),
        Refusal(
            name: "too little",
            form: "amount=49&currency=usd",
            status: 400,
            code: "amount_too_small",
            parameter: "amount",
            message: "Amount must be at least $0.50 usd"
        ),
        Refusal(
            name: "too much",
            form: "amount=100000000&currency=usd",
            status: 400,
            code: "amount_too_large",
            parameter: "amount",
            message: "Amount must be no more than"
        ),
        Refusal(
            name: "no such currency",
            form: "amount=100&currency=q",
            status: 400,
            parameter: "currency",
            message: "Invalid currency: q."
        ),
        Refusal(
            name: "an unknown field",
            form: form + "&colour=red",
            status: 400,
            code: "parameter_unknown",
            parameter: "colour",
            message: "Received unknown parameter: colour"
        ),
        Refusal(
            name: "no such intent",
            method: "GET",
            path: "/v1/payment_intents/pi_0",
            status: 404,
            code: "resource_missing",
            parameter: "intent",
            message: "No such payment_intent: 'pi_0'"
        ),
        Refusal(
            name: "no such path",
            method: "GET",
            path: "/v1/nothing",
            status: 404,
            message: "Unrecognized request URL (GET: /v1/nothing)."
        ),
        Refusal(
            name: "no address of a webhook",
            path: "/v1/webhook_endpoints",
            form: "url=ftp%3A%2F%2Fx&enabled_events%5B0%5D=*",
            status: 400,
            code: "url_invalid",
            parameter: "url",
            message: "Invalid URL"
        ),
    ]

    @Test(arguments: refusals) func refusesInTheRealOnesWords(_ refusal: Refusal) async throws {
        try await RunningSandbox.with { sandbox in
            let answer = try #require(
                await sandbox.stripe(refusal.method, refusal.path, refusal.form, key: refusal.key)
            )
            let error = answer.json["error"]
            #expect(answer.status == refusal.status)
            #expect(error?["code"]?.string == refusal.code)
            #expect(error?["param"]?.string == refusal.parameter)
            #expect(error?["type"]?.string == "invalid_request_error")
            #expect(error?["message"]?.string?.hasPrefix(refusal.message) == true)
        }
    }

    @Test func aDeclinedCardLeavesTheIntentOpen() async throws {
        try await RunningSandbox.with { sandbox in
            let made = try #require(await sandbox.stripe("POST", "/v1/payment_intents", Self.form))
            let id = try #require(made.json["id"]?.string)
            let declined = await sandbox.stripe(
                "POST",
                "/v1/payment_intents/\(id)/confirm",
                "payment_method=pm_card_chargeDeclined"
            )
            #expect(declined?.status == 402 && declined?.json["error"]?["code"]?.string == "card_declined")
            #expect(await sandbox.call("POST", "/payments/\(id)/fail", json: [:])?.status == 200)
            let paid = await sandbox.stripe("POST", "/v1/payment_intents/\(id)/confirm", "payment_method=pm_card_visa")
            #expect(paid?.json["status"]?.string == "succeeded")
            let cancelled = await sandbox.stripe("POST", "/v1/payment_intents/\(id)/cancel")
            #expect(cancelled?.json["error"]?["code"]?.string == "payment_intent_unexpected_state")
        }
    }

    /// The receiver is a second sandbox: its message inbox is no webhook, so it answers 404 and is told again and again;
    /// what is sent is looked at in the events.
    @Test func everyChangeIsAnEventAndTheLastOneCanBeSentAgain() async throws {
        try await RunningSandbox.with { sandbox in
            let receiver = "\(sandbox.url)/health/live"
            #expect(await sandbox.call("POST", "/webhooks/stripe/replay", json: [:])?.status == 409)
            #expect(await sandbox.call("PUT", "/webhooks/stripe", json: ["url": .string(receiver)])?.status == 200)
            let made = try #require(await sandbox.stripe("POST", "/v1/payment_intents", Self.form))
            let id = try #require(made.json["id"]?.string)
            #expect(await sandbox.call("POST", "/payments/\(id)/pay", json: [:])?.status == 200)
            #expect(await sandbox.call("POST", "/payments/\(id)/dispute", json: [:])?.status == 200)
            guard case .array(let events) = await sandbox.call("GET", "/webhooks/stripe/events")?.json["items"] else {
                throw TestKitError("no events")
            }
            let kinds = events.map { $0["type"]?.string ?? "" }
            let expected = [
                "charge.dispute.created", "payment_intent.succeeded", "charge.succeeded", "payment_intent.created",
            ]
            #expect(kinds == expected)
            let replayed = try #require(await sandbox.call("POST", "/webhooks/stripe/replay", json: ["times": 3]))
            #expect(replayed.status == 200 && replayed.json["sent"] == 3)
            #expect(await sandbox.call("POST", "/webhooks/stripe/replay", json: ["times": 0])?.status == 422)
            #expect(await sandbox.call("PUT", "/webhooks/stripe", json: ["url": "nowhere"])?.status == 422)
        }
    }
}
