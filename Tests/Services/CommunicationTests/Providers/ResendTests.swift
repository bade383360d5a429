import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct ResendTests {
    private func provider(_ changes: [String: JSONValue] = [:]) throws -> ResendProvider {
        let credentials = ProviderSamples.credentials(["apiKey": "re_secret_key"].merging(changes) { $1 })
        return try #require(ResendProvider(credentials, through: ProviderSamples.transports()))
    }

    @Test func theRequestToTheByte() throws {
        let plain = try provider(["fromName": "Clinic"]).sending(ProviderSamples.email(full: false))
        let full = try provider().sending(ProviderSamples.email())
        try Golden.check(
            [plain, full].map(ProviderSamples.text).joined(separator: "\n\n\n") + "\n",
            "providers/resend.txt"
        )
        #expect(!String(reflecting: plain).contains("re_") && !"\(plain)".contains("asha"))
        // What is repeated has to be the same to the byte.
        let again = try provider().sending(ProviderSamples.email())
        #expect(ProviderSamples.text(again) == ProviderSamples.text(full))
    }

    private static func error(_ status: Int, _ name: String, _ message: String = "words") -> RecordedAnswer {
        RecordedAnswer(
            status,
            [("Content-Type", "application/json")],
            "{\"statusCode\":\(status),\"name\":\"\(name)\",\"message\":\"\(message)\"}"
        )
    }

    static let answers: [(RecordedAnswer, AttemptOutcome)] = [
        (RecordedAnswer(200, [], #"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#), .accepted),
        (error(400, "invalid_idempotency_key"), .contentRejected),
        (error(422, "validation_error", "Invalid `subject` field."), .contentRejected),
        (error(422, "validation_error", "Invalid `to` field. The email address needs to follow"), .badRecipient),
        (error(422, "validation_error", "Invalid `from` field."), .senderNotAuthorised),
        (error(422, "missing_required_field", "Missing `to` field."), .contentRejected),
        (error(422, "invalid_parameter"), .contentRejected), (error(422, "invalid_attachment"), .contentRejected),
        (error(422, "invalid_from_address"), .senderNotAuthorised),
        (error(422, "invalid_region"), .senderNotAuthorised),
        (
            error(
                403,
                "validation_error",
                "The clinic.example domain is not verified. Please, add and verify your domain"
            ),
            .senderNotAuthorised
        ),
        (
            error(403, "validation_error", "You can only send testing emails to your own email address"),
            .senderNotAuthorised
        ),
        (error(401, "missing_api_key"), .credentials), (error(401, "restricted_api_key"), .credentials),
        (error(403, "invalid_api_key", "API key is invalid"), .credentials),
        (error(401, "validation_error", "API key is invalid"), .credentials),
        (error(403, "validation_error", "API key is invalid"), .credentials),
        (error(404, "not_found"), .contentRejected), (error(405, "method_not_allowed"), .contentRejected),
        (error(409, "invalid_idempotent_request"), .unknownOutcome),
        (error(409, "concurrent_idempotent_requests"), .throttled),
        (error(429, "rate_limit_exceeded"), .throttled), (error(429, "daily_quota_exceeded"), .quota),
        (error(429, "monthly_quota_exceeded"), .quota), (error(451, "security_error"), .contentRejected),
        (error(500, "application_error"), .transient), (error(500, "internal_server_error"), .transient),
        (RecordedAnswer(503, [], "<html>"), .transient), (RecordedAnswer(502), .unknownOutcome),
        (RecordedAnswer(504), .unknownOutcome), (RecordedAnswer(401), .credentials), (RecordedAnswer(429), .throttled),
        (error(400, "asha@example.com"), .contentRejected),
    ]

    @Test(arguments: answers) func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome) {
        let verdict = ResendReply.verdict(answer.response)
        #expect(verdict.outcome == outcome)
        #expect((verdict.code ?? "").contains("@") == false)
        if verdict.outcome == .throttled { #expect(verdict.retryAfter != nil) }
    }

    @Test(
        arguments: [
            ([("retry-after", "3"), ("ratelimit-reset", "9")], 3), ([("ratelimit-reset", "9")], 9),
            ([("ratelimit-reset", "-9")], 1), ([("ratelimit-reset", "99999")], 60), ([], 1),
        ] as [([(String, String)], Int)]
    )
    func throttledForAsLongAsItAsks(headers: [(String, String)], seconds: Int) {
        let answer = RecordedAnswer(429, headers.map { (name: $0.0, value: $0.1) }, #"{"name":"rate_limit_exceeded"}"#)
        #expect(ResendReply.verdict(answer.response).retryAfter == .seconds(seconds))
    }

    @Test func itIsToldApartWhatAskingAgainWouldTell() async throws {
        let place = "http://127.0.0.1:9"
        let verdict = try await provider(["endpoint": .string(place)]).send(
            ProviderSamples.email(),
            deadline: .after(.seconds(5))
        )
        #expect(verdict.outcome == .transient && !verdict.isRepeatable)
        let all = MessageProviders.builtIn
        #expect(all.names.filter { all.repeatTime(of: $0, "email") != nil } == ["resend"])
    }

    @Test func theMessageID() {
        let answer = RecordedAnswer(200, [], #"{"id":"49a3999c"}"#).response
        #expect(ResendReply.verdict(answer) == ProviderVerdict(.accepted, messageID: "49a3999c"))
    }

    @Test func aKeyThatMayOnlySendIsHealthy() {
        #expect(ResendReply.health(Self.error(401, "restricted_api_key").response).outcome == .accepted)
        #expect(ResendReply.health(RecordedAnswer(200, [], #"{"data":[]}"#).response).outcome == .accepted)
        #expect(ResendReply.health(Self.error(403, "invalid_api_key").response).outcome == .credentials)
    }

    @Test(
        arguments: [
            ("region", "eu-west-1", nil), ("region", "mars", "region"), ("apiKey", "re_ä", "apiKey"),
            ("endpoint", "https://169.254.169.254", "endpoint"),
        ] as [(String, String, String?)]
    )
    func credentialsThatLeadElsewhere(key: String, value: String, wrong: String?) throws {
        let credentials = ProviderSamples.credentials([key: .string(value)])
        #expect(ResendProvider.faults(credentials, policy: try OutboundPolicy(allow: "loopback")).first?.key == wrong)
    }
}
