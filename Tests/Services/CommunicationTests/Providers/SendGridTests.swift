import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct SendGridTests {
    private func provider(_ changes: [String: JSONValue] = [:]) throws -> SendGridProvider {
        try #require(SendGridProvider(ProviderSamples.credentials(changes), through: ProviderSamples.transports()))
    }

    @Test func theRequestToTheByte() throws {
        let plain = try provider(["fromName": "Clinic"]).sending(ProviderSamples.email(full: false))
        let full = try provider(["region": "eu"]).sending(ProviderSamples.email())
        try Golden.check(
            [plain, full].map(ProviderSamples.text).joined(separator: "\n\n\n") + "\n",
            "providers/sendgrid.txt"
        )
        #expect(!String(reflecting: plain).contains("SG.") && !"\(plain)".contains("asha"))
    }

    private static func error(_ status: Int, _ message: String, field: String? = nil) -> RecordedAnswer {
        let field = field.map { "\"\($0)\"" } ?? "null"
        return RecordedAnswer(
            status,
            [("Content-Type", "application/json")],
            "{\"errors\":[{\"message\":\"\(message)\",\"field\":\(field),\"help\":null}]}"
        )
    }

    static let answers: [(RecordedAnswer, AttemptOutcome, String?)] = [
        (RecordedAnswer(202, [("X-Message-Id", "14c5d75ce93")]), .accepted, nil),
        (RecordedAnswer(200), .accepted, nil),
        (error(400, "Bad Request"), .contentRejected, "HTTP_400"),
        (
            error(400, "Does not contain a valid address.", field: "personalizations.0.to.0.email"), .badRecipient,
            "400/personalizations.0.to.0.email"
        ),
        (error(400, "Does not contain a valid address.", field: "from.email"), .senderNotAuthorised, "400/from.email"),
        (error(400, "The subject is required.", field: "subject"), .contentRejected, "400/subject"),
        (error(401, "Maximum credits exceeded"), .quota, "HTTP_401"),
        (error(401, "The provided authorization grant is invalid, expired, or revoked"), .credentials, nil),
        (RecordedAnswer(401), .credentials, "HTTP_401"),
        (
            error(403, "The from address does not match a verified Sender Identity.", field: "from"),
            .senderNotAuthorised, "403/from"
        ),
        (error(403, "The from address does not match a verified Sender Identity."), .senderNotAuthorised, nil),
        (error(403, "access forbidden"), .credentials, nil),
        (error(403, "You have been temporarily blocked after too many bad requests"), .throttled, nil),
        (error(404, "not found"), .contentRejected, nil), (error(405, "method not allowed"), .contentRejected, nil),
        (error(406, "Not Acceptable"), .contentRejected, nil), (error(413, "Payload too large"), .contentRejected, nil),
        (error(429, "too many requests"), .throttled, "HTTP_429"),
        (RecordedAnswer(500), .unknownOutcome, "HTTP_500"), (RecordedAnswer(503, [], "<html>"), .transient, "HTTP_503"),
        (RecordedAnswer(502), .unknownOutcome, "HTTP_502"), (RecordedAnswer(504), .unknownOutcome, "HTTP_504"),
        (error(400, "x", field: "asha@example.com"), .contentRejected, "HTTP_400"),
    ]

    @Test(arguments: answers)
    func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome, code: String?) {
        let verdict = SendGridReply.verdict(answer.response, at: ProviderSamples.time)
        #expect(verdict.outcome == outcome)
        if let code { #expect(verdict.code == code) }
        #expect((verdict.code ?? "").contains("@") == false)
    }

    @Test func theMessageIDIsInAHeader() {
        let answer = RecordedAnswer(202, [("X-Message-Id", "14c5d75ce93")]).response
        #expect(
            SendGridReply.verdict(answer, at: ProviderSamples.time)
                == ProviderVerdict(.accepted, messageID: "14c5d75ce93")
        )
    }

    @Test(
        arguments: [
            ([("X-RateLimit-Reset", "1792566042")], 42), ([("X-RateLimit-Reset", "1")], 1),
            ([("X-RateLimit-Reset", "99999999999")], 3_600), ([("X-RateLimit-Reset", "soon")], 60), ([], 60),
            ([("Retry-After", "7"), ("X-RateLimit-Reset", "1792566042")], 7),
        ] as [([(String, String)], Int)]
    )
    func throttledUntilItsWindowEnds(headers: [(String, String)], seconds: Int) {
        let answer = RecordedAnswer(429, headers.map { (name: $0.0, value: $0.1) })
        let verdict = SendGridReply.verdict(answer.response, at: ProviderSamples.time)
        #expect(verdict.retryAfter == .seconds(seconds))
    }

    @Test(arguments: [
        (RecordedAnswer(200, [], #"{"scopes":["mail.send","alerts.read"]}"#), AttemptOutcome.accepted),
        (RecordedAnswer(200, [], #"{"scopes":["alerts.read"]}"#), .credentials),
        (error(401, "authorization required"), .credentials), (error(403, "access forbidden"), .credentials),
        (RecordedAnswer(503), .transient),
    ])
    func aKeyHasToHoldTheScope(answer: RecordedAnswer, outcome: AttemptOutcome) {
        #expect(SendGridReply.health(answer.response, at: ProviderSamples.time).outcome == outcome)
    }

    @Test(
        arguments: [
            ("region", "eu", nil), ("region", "global", nil), ("region", "mars", "region"),
            ("apiKey", "SG.a b", "apiKey"), ("endpoint", "https://169.254.169.254", "endpoint"),
        ] as [(String, String, String?)]
    )
    func credentialsThatLeadElsewhere(key: String, value: String, wrong: String?) throws {
        let credentials = ProviderSamples.credentials([key: .string(value)])
        #expect(SendGridProvider.faults(credentials, policy: try OutboundPolicy(allow: "loopback")).first?.key == wrong)
    }
}
