import Testing

@testable import Gateway

/// Which headers of a webhook its service is shown: a provider's signature stands where the provider says.
@Suite struct WebhookHeaderTests {
    @Test func whateverMaySignIsPassedOn() {
        let fields = [
            (name: "X-Pigeon-Seal", value: "s"), (name: "producer-signature", value: "p"),
            (name: "Authorization", value: "Bearer t"), (name: "Content-Type", value: "text/plain"),
            (name: "Webhook-Id", value: "w"),
        ]
        let passed = WebhookHeaders.signed(fields)
        #expect(
            passed.keys.sorted() == [
                "authorization", "content-type", "producer-signature", "webhook-id", "x-pigeon-seal",
            ]
        )
        #expect(passed["x-pigeon-seal"] == "s")
    }

    @Test(arguments: [
        "Cookie", "Host", "X-Forwarded-For", "Body-Last", "body-piece", "Idempotency-Key", "User-Agent", "traceparent",
        "Proxy-Authorization", "X-Clinic-Id",
    ]) func whatIsAboutSomethingElseIsNot(name: String) {
        #expect(WebhookHeaders.signed([(name: name, value: "x")]).isEmpty)
    }

    @Test func thereIsRoomForSoMuch() {
        let long = String(repeating: "x", count: WebhookHeaders.most - 1)
        #expect(WebhookHeaders.signed([(name: "a", value: long), (name: "b", value: "c")]) == ["a": long])
    }
}
