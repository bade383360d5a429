import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct AWSSESTests {
    private func provider(_ changes: [String: JSONValue] = [:]) throws -> AWSSESProvider {
        let credentials = ProviderSamples.credentials(["region": "eu-west-1"].merging(changes) { $1 })
        return try #require(AWSSESProvider(credentials, through: ProviderSamples.transports()))
    }

    @Test func theRequestToTheByte() throws {
        let plain = try provider(["fromName": "Clinic"]).sending(
            ProviderSamples.email(full: false),
            at: ProviderSamples.time
        )
        let full = try provider(["configurationSet": "clinic-1", "endpoint": "http://127.0.0.1:8090/aws_ses/"])
            .sending(ProviderSamples.email(), at: ProviderSamples.time)
        let files = try provider().sending(ProviderSamples.emailWithFiles(), at: ProviderSamples.time)
        try Golden.check(
            [plain, full, files].map(ProviderSamples.text).joined(separator: "\n\n\n") + "\n",
            "providers/aws_ses.txt"
        )
        #expect(!String(reflecting: plain).contains("Signature") && !"\(plain)".contains("asha"))
    }

    private static func error(_ status: Int, _ name: String, _ message: String = "") -> RecordedAnswer {
        RecordedAnswer(status, [("x-amzn-ErrorType", name)], "{\"message\":\"\(message)\"}")
    }

    static let answers: [(RecordedAnswer, AttemptOutcome, String?)] = [
        (RecordedAnswer(200, [], #"{"MessageId":"010001890a-7e3c-000000"}"#), .accepted, nil),
        (error(429, "TooManyRequestsException", "Too many requests"), .throttled, "TooManyRequestsException"),
        (error(429, "TooManyRequestsException", "Maximum sending rate exceeded."), .throttled, nil),
        (error(429, "TooManyRequestsException", "Daily message quota exceeded."), .quota, nil),
        (error(400, "ThrottlingException", "Rate exceeded"), .throttled, nil),
        (error(400, "LimitExceededException"), .quota, nil),
        (error(400, "AccountSuspendedException"), .quota, nil),
        (error(400, "SendingPausedException"), .quota, nil),
        (error(400, "MessageRejected", "Illegal content"), .contentRejected, "MessageRejected"),
        (
            error(
                400,
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region EU-WEST-1: a@b.example"
            ), .senderNotAuthorised, "MessageRejected"
        ),
        (
            RecordedAnswer(
                400,
                [],
                #"{"__type":"com.amazonaws.sesv2#MessageRejected:http://internal","message":"Email address is not verified."}"#
            ), .senderNotAuthorised, "MessageRejected"
        ),
        (error(400, "MailFromDomainNotVerifiedException"), .senderNotAuthorised, nil),
        (error(404, "NotFoundException", "Configuration set <x> does not exist."), .contentRejected, nil),
        (error(400, "BadRequestException", "Missing final '@domain'"), .contentRejected, nil),
        (error(403, "AccessDeniedException", "User is not authorized to perform: ses:SendEmail"), .credentials, nil),
        (error(403, "UnrecognizedClientException"), .credentials, nil),
        (error(403, "InvalidClientTokenId:http://internal.amazon.com/coral/"), .credentials, "InvalidClientTokenId"),
        (error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match"), .credentials, nil),
        (error(403, "InvalidSignatureException"), .credentials, nil),
        (error(403, "ExpiredTokenException"), .credentials, nil),
        // The keys are good: it is the time that is wrong.
        (
            error(403, "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than"), .transient,
            nil
        ),
        (error(403, "InvalidSignatureException", "Signature not yet current: 20260101T"), .transient, nil),
        (error(403, "RequestExpired"), .transient, nil),
        (error(500, "InternalServiceErrorException"), .transient, nil),
        (error(503, "ServiceUnavailableException"), .transient, nil),
        (RecordedAnswer(502, [], "<html>Bad Gateway</html>"), .unknownOutcome, "HTTP_502"),
        (RecordedAnswer(504), .unknownOutcome, "HTTP_504"),
        (RecordedAnswer(403, [], "nonsense"), .transient, "HTTP_403"),
        (RecordedAnswer(418), .contentRejected, "HTTP_418"),
        (error(400, "Somebody <a@b.example>"), .contentRejected, "HTTP_400"),
    ]

    @Test(arguments: answers)
    func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome, code: String?) {
        let verdict = AWSSESReply.verdict(answer.response)
        #expect(verdict.outcome == outcome)
        if let code { #expect(verdict.code == code) }
        #expect((verdict.code ?? "").contains("@") == false && (verdict.detail ?? "").contains("@") == false)
    }

    @Test func theMessageIDAndThePause() {
        let accepted = AWSSESReply.verdict(RecordedAnswer(200, [], #"{"MessageId":"0100-1-000000"}"#).response)
        #expect(accepted == ProviderVerdict(.accepted, messageID: "0100-1-000000"))
        let throttled = Self.error(429, "TooManyRequestsException")
        #expect(AWSSESReply.verdict(throttled.response).retryAfter == AWSSESReply.throttlePause)
        var asked = throttled
        asked.headers.append((name: "Retry-After", value: "9"))
        #expect(AWSSESReply.verdict(asked.response).retryAfter == .seconds(9))
    }

    @Test(arguments: [
        (
            #"{"SendingEnabled":true,"EnforcementStatus":"HEALTHY","SendQuota":{"Max24HourSend":200.0,"SentLast24Hours":199.0}}"#,
            AttemptOutcome.accepted
        ),
        (#"{"SendingEnabled":true,"SendQuota":{"Max24HourSend":-1.0,"SentLast24Hours":900000.0}}"#, .accepted),
        (#"{"SendingEnabled":true,"SendQuota":{"Max24HourSend":200.0,"SentLast24Hours":200.0}}"#, .quota),
        (#"{"SendingEnabled":false}"#, .quota), (#"{"SendingEnabled":true,"EnforcementStatus":"SHUTDOWN"}"#, .quota),
    ])
    func theAccountSaysWhetherItMaySend(body: String, outcome: AttemptOutcome) {
        #expect(AWSSESReply.health(RecordedAnswer(200, [], body).response).outcome == outcome)
    }

    @Test func aKeyThatMayOnlySendIsHealthy() {
        let denied = Self.error(403, "AccessDeniedException", "not authorized to perform: ses:GetAccount")
        #expect(AWSSESReply.health(denied.response).outcome == .accepted)
        #expect(AWSSESReply.health(Self.error(403, "InvalidClientTokenId").response).outcome == .credentials)
        #expect(AWSSESReply.health(Self.error(503, "ServiceUnavailable").response).outcome == .transient)
    }

    @Test(
        arguments: [
            ("region", "eu-west-1", nil), ("region", "evil.example/", "region"), ("region", "", "region"),
            ("accessKeyId", "AKIA, SignedHeaders=", "accessKeyId"), ("configurationSet", "a b", "configurationSet"),
            ("configurationSet", "clinic_1", nil), ("endpoint", "https://169.254.169.254", "endpoint"),
            ("endpoint", "http://127.0.0.1:8090/aws_ses", nil),
        ] as [(String, String, String?)]
    )
    func credentialsThatLeadElsewhere(key: String, value: String, wrong: String?) throws {
        let credentials = ProviderSamples.credentials(["region": "eu-west-1"].merging([key: .string(value)]) { $1 })
        let fault = AWSSESProvider.faults(credentials, policy: try OutboundPolicy(allow: "loopback")).first
        #expect(fault?.key == wrong)
    }

    @Test func itsAddress() {
        func base(_ region: String) -> String {
            AWSSESProvider.base(ProviderSamples.credentials(["region": .string(region)]))
        }
        #expect(base("ap-south-1") == "https://email.ap-south-1.amazonaws.com")
        #expect(base("cn-north-1") == "https://email.cn-north-1.amazonaws.com.cn")
        #expect(
            AWSSESProvider.endpoint(ProviderSamples.credentials(["region": "eu-west-1"]))
                == "email.eu-west-1.amazonaws.com:443"
        )
    }
}
