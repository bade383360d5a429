import BillingAPI
import Core
import Crypto
import Outbound
import Testing

@testable import Billing

@Suite struct StripeSignatureTests {
    private let body = Array(#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded"}"#.utf8)
    private let time: Int64 = 1_700_000_000
    private let good = "67da5088c63e080c71bd2bb0cb5c03d85a8fc6a21ce3aaf484df809654745b92"

    private func isValid(
        _ header: String?,
        body: [UInt8]? = nil,
        secrets: [String] = ["whsec_test_secret"],
        at: Int64? = nil
    ) -> Bool {
        StripeSignature.isValid(
            header,
            body: body ?? self.body,
            secrets: secrets.map { Secret($0) },
            at: Instant(seconds: at ?? time)
        )
    }

    @Test func theRightSignatureOfEitherSecret() {
        #expect(isValid("t=1700000000,v1=\(good)"))
        #expect(isValid("t=1700000000,v1=\(String(repeating: "0", count: 64)),v1=\(good),v0=\(good)"))
        #expect(isValid("t=1700000000,v1=\(good)", secrets: ["whsec_new", "whsec_test_secret"]))
    }

    @Test func timeInBothDirections() {
        let header = "t=1700000000,v1=\(good)"
        #expect(isValid(header, at: time + 300) && isValid(header, at: time - 300))
        #expect(!isValid(header, at: time + 301) && !isValid(header, at: time - 301))
    }

    @Test func anythingElseIsRefused() {
        #expect(!isValid(nil) && !isValid("") && !isValid("t=1700000000") && !isValid("v1=\(good)"))
        #expect(!isValid("t=1700000000,v0=\(good)"))
        #expect(!isValid("t=1700000001,v1=\(good)"))
        #expect(!isValid("t=1700000000,v1=\(good)", secrets: []))
        #expect(!isValid("t=1700000000,v1=\(good)", secrets: ["whsec_other"]))
        #expect(!isValid("t=1700000000,v1=\(good.dropLast(2))"))
        #expect(
            !isValid("t=9223372036854775807,v1=\(good)") && !isValid("t=-1,v1=\(good)") && !isValid("t=x,v1=\(good)")
        )
        var changed = body
        changed[10] ^= 1
        #expect(!isValid("t=1700000000,v1=\(good)", body: changed))
    }
}

@Suite struct StripeAmountTests {
    @Test(
        arguments: [
            ("EUR", 500, 500), ("JPY", 500, 500), ("ISK", 500, 50_000), ("KWD", 1_230, 1_230), ("KWD", 1_234, nil),
            ("EUR", 99_999_999, 99_999_999), ("EUR", 100_000_000, nil), ("EUR", 0, nil), ("UGX", Int64.max, nil),
        ] as [(String, Int64, Int64?)]
    )
    func amountsAsStripeCounts(code: String, amount: Int64, encoded: Int64?) throws {
        let money = Money(amount: amount, currency: try #require(Currency(code)))
        #expect(StripeAmount.encode(money) == encoded)
        if let encoded { #expect(StripeAmount.decode(encoded, money.currency) == amount) }
    }

    @Test func formFields() {
        #expect(
            FormEncoding.encode([("a[b]", "x y"), ("é", "&=+~"), ("n", "1.5_-")])
                == "a%5Bb%5D=x+y&%C3%A9=%26%3D%2B%7E&n=1.5_-"
        )
    }
}

@Suite struct StripeAnswerTests {
    private func answer(_ status: Int, _ body: String) -> ProviderAnswer {
        StripePaymentProvider.answer(OutboundResponse(status: status, body: Array(body.utf8)))
    }

    @Test func anIntentIsRead() throws {
        let id = PaymentID()
        let body = """
            {"id":"pi_3","object":"payment_intent","amount":1999,"amount_received":1999,"currency":"eur","status":"succeeded",
             "client_secret":"pi_3_secret_x","latest_charge":"ch_1","metadata":{"payment_id":"\(id)"},"livemode":false}
            """
        guard case .payment(let payment) = answer(200, body) else {
            Issue.record("not read")
            return
        }
        #expect(payment.id == "pi_3" && payment.status == .succeeded && payment.received == 1_999)
        #expect(payment.paymentID == id && payment.clientSecret?.unredacted == "pi_3_secret_x")
        #expect(!"\(payment)".contains("secret_x"))
    }

    @Test(arguments: [
        (
            400, #"{"error":{"type":"invalid_request_error","code":"amount_too_small"}}"#,
            ProviderAnswer.refused("amount_too_small")
        ),
        (400, #"{"error":{"type":"idempotency_error"}}"#, .refused("idempotency_error")),
        (400, #"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#, .transient("rate_limit")),
        (
            401, #"{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: sk_test_1"}}"#,
            .credentials("invalid_request_error")
        ),
        (402, #"{"error":{"type":"card_error","code":"card_declined"}}"#, .refused("card_declined")),
        (403, "nonsense", .credentials("http_403")), (404, "{}", .refused("http_404")),
        (409, #"{"error":{"type":"Ignatius Müller"}}"#, .transient("http_409")), (429, "", .transient("http_429")),
        (500, "", .unknown("http_500")), (200, "{}", .unknown("unreadable_answer")),
    ])
    func everyClassOfAnswer(status: Int, body: String, expected: ProviderAnswer) {
        #expect(answer(status, body) == expected)
    }
}
