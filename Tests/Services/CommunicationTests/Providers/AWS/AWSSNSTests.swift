import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct AWSSNSTests {
    private static let application = "arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic"

    private static func credentials(_ changes: [String: JSONValue] = [:]) -> Credentials {
        let usual: [String: JSONValue] = [
            "accessKeyId": .string(ProviderSamples.accessKey), "secretAccessKey": .string(ProviderSamples.secretKey),
            "region": "eu-west-1", "platformApplicationArn": .string(application),
        ]
        return Credentials(usual.merging(changes) { $1 })
    }

    private static func sms(_ changes: [String: JSONValue] = [:]) throws -> AWSSNSTextProvider {
        try #require(AWSSNSTextProvider(credentials(changes), through: ProviderSamples.transports()))
    }

    private static func push(_ changes: [String: JSONValue] = [:]) throws -> AWSSNSPushProvider {
        try #require(AWSSNSPushProvider(credentials(changes), through: ProviderSamples.transports()))
    }

    private static func endpoint(_ platform: String) throws -> SNSName {
        try #require(SNSName("arn:aws:sns:eu-west-1:123456789012:endpoint/\(platform)/clinic/1f2e"))
    }

    @Test func theRequestToTheByte() throws {
        let now = ProviderSamples.time
        let notice = ProviderSamples.notice()
        let urgent = ProviderSamples.notice(expiresAt: now + .seconds(90), isUrgent: true)
        let calls = [
            try Self.sms().sending(ProviderSamples.text("Hello"), at: now),
            try Self.sms(["senderId": "Clinic", "endpoint": "http://127.0.0.1:8090/aws_sns/"]).sending(
                ProviderSamples.text("Ihr Termin – नमस्ते & +1 😀", category: .marketing),
                at: now
            ),
            try Self.push().registering("token:1/a", at: now),
            try Self.push().enabling(Self.endpoint("GCM"), of: "token:1/a", at: now),
            try Self.push().enabling(Self.endpoint("APNS"), of: nil, at: now),
            try Self.push().sending(urgent, to: Self.endpoint("GCM"), at: now),
            try Self.push().sending(urgent, to: Self.endpoint("APNS_SANDBOX"), at: now),
            try Self.push().sending(notice, to: Self.endpoint("APNS"), at: now),
            try Self.push().sending(notice, to: Self.endpoint("ADM"), at: now),
        ]
        try Golden.check(
            calls.map { ProviderSamples.text($0) }.joined(separator: "\n\n\n") + "\n",
            "providers/aws_sns.txt"
        )
        #expect(!String(reflecting: calls[0]).contains("Signature") && !"\(calls[0])".contains("Hello"))
    }

    @Test func aTextToIndiaIsNamedAsItIsRegistered() throws {
        var text = try ProviderSamples.text("Hello")
        text.dlt = DLTIdentity(entityID: "1101456070000012345", header: "CLINIC", templateID: "1107160000000000001")
        let call = try Self.sms(["senderId": "Other"]).sending(text, at: ProviderSamples.time)
        let body = String(decoding: call.body, as: UTF8.self)
        for part in [
            "AWS.MM.SMS.EntityId", "1101456070000012345", "AWS.MM.SMS.TemplateId", "1107160000000000001", "CLINIC",
        ] {
            #expect(body.contains(part), "\(part)")
        }
        #expect(!body.contains("Other"))
    }

    private static func error(_ status: Int, _ code: String, _ message: String = "words") -> RecordedAnswer {
        RecordedAnswer(
            status,
            [("Content-Type", "text/xml")],
            """
            <ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
              <Error>
                <Type>Sender</Type>
                <Code>\(code)</Code>
                <Message>\(message)</Message>
              </Error>
              <RequestId>5d6d5a4e-0000-5c9e-8a3d-000000000000</RequestId>
            </ErrorResponse>
            """
        )
    }

    private static let published = """
        <PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>\
        <MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult><ResponseMetadata>\
        <RequestId>d74b8436-ae13-5ab4-a9ff-ce54dfea72a0</RequestId></ResponseMetadata></PublishResponse>
        """

    static let answers: [(RecordedAnswer, AttemptOutcome)] = [
        (RecordedAnswer(200, [], published), .accepted),
        (
            error(400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +1 is not valid to publish to"),
            .badRecipient
        ),
        (error(400, "InvalidParameter", "Invalid parameter: Message too long"), .contentRejected),
        (error(400, "ParameterValueInvalid", "The message attribute is empty"), .contentRejected),
        (error(400, "ValidationException"), .contentRejected), (error(400, "OptedOut"), .optedOut),
        (error(400, "OptedOutException"), .optedOut),
        (error(400, "EndpointDisabled", "Endpoint is disabled"), .badRecipient),
        (error(404, "NotFound", "Endpoint does not exist"), .badRecipient),
        (error(404, "NotFound", "PlatformApplication does not exist"), .credentials),
        (error(404, "NotFound", "Topic does not exist"), .contentRejected),
        (error(400, "PlatformApplicationDisabled"), .credentials),
        (
            error(403, "AuthorizationError", "User: arn:aws:iam::1:user/x is not authorized to perform: SNS:Publish"),
            .credentials
        ),
        (error(403, "InvalidClientTokenId"), .credentials), (error(403, "SignatureDoesNotMatch"), .credentials),
        (error(403, "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than"), .transient),
        (error(403, "InvalidSecurity"), .credentials), (error(403, "MissingAuthenticationToken"), .credentials),
        (error(403, "ExpiredToken"), .credentials), (error(403, "KMSOptInRequired"), .credentials),
        (error(400, "KMSAccessDenied"), .credentials), (error(400, "KMSThrottling"), .throttled),
        (error(429, "Throttled", "Rate exceeded"), .throttled), (error(400, "Throttling", "Rate exceeded"), .throttled),
        (error(400, "Throttled", "No quota left for account"), .quota), (error(500, "InternalError"), .transient),
        (error(503, "ServiceUnavailable"), .transient), (RecordedAnswer(502, [], "<html>"), .unknownOutcome),
        (RecordedAnswer(504), .unknownOutcome), (RecordedAnswer(403), .transient), (RecordedAnswer(429), .throttled),
        (RecordedAnswer(418), .contentRejected), (error(400, "Some body @ home"), .contentRejected),
    ]

    @Test(arguments: answers) func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome) {
        let verdict = AWSSNSReply.published(answer.response)
        #expect(verdict.outcome == outcome)
        #expect((verdict.code ?? "").contains("@") == false)
        if outcome == .throttled { #expect(verdict.retryAfter == AWSSNSReply.throttlePause) }
        if outcome == .accepted { #expect(verdict.messageID == "567910cd-659e-55d4-8ccb-5aaf14679dc0") }
    }

    @Test func anEndpointThatIsThereIsTakenFromTheRefusal() {
        let arn = "\(Self.application.replacing(":app/", with: ":endpoint/"))/1f2e"
        let made = RecordedAnswer(
            200,
            [],
            "<CreatePlatformEndpointResponse><CreatePlatformEndpointResult><EndpointArn>\(arn)</EndpointArn></CreatePlatformEndpointResult></CreatePlatformEndpointResponse>"
        )
        let words =
            "Invalid parameter: Token Reason: Endpoint \(arn) already exists with the same Token, but different attributes."
        #expect(AWSSNSReply.endpointVerdict(made.response) == ProviderVerdict(.accepted, messageID: arn))
        #expect(
            AWSSNSReply.endpointVerdict(Self.error(400, "InvalidParameter", words).response)
                == ProviderVerdict(.accepted, messageID: arn)
        )
        let bad = Self.error(
            400,
            "InvalidParameter",
            "Invalid parameter: Token Reason: iOS device tokens must be hexadecimal"
        )
        #expect(AWSSNSReply.endpointVerdict(bad.response).outcome == .badRecipient)
    }

    @Test func whatItsAccountSays() {
        func map(_ key: String, _ value: String) -> RecordedAnswer {
            RecordedAnswer(
                200,
                [],
                "<R><attributes><entry><key>\(key)</key><value>\(value)</value></entry></attributes><RequestId>r</RequestId></R>"
            )
        }
        #expect(AWSSNSReply.textHealth(map("MonthlySpendLimit", "1").response) == ProviderVerdict(.accepted))
        #expect(AWSSNSReply.textHealth(map("MonthlySpendLimit", "0").response).outcome == .quota)
        #expect(AWSSNSReply.applicationHealth(map("Enabled", "true").response) == ProviderVerdict(.accepted))
        #expect(AWSSNSReply.applicationHealth(map("Enabled", "false").response).outcome == .credentials)
        let denied = Self.error(403, "AuthorizationError", "not authorized to perform: SNS:GetSMSAttributes")
        #expect(AWSSNSReply.textHealth(denied.response) == ProviderVerdict(.accepted))
        #expect(AWSSNSReply.textHealth(Self.error(403, "InvalidClientTokenId").response).outcome == .credentials)
        let gone = Self.error(404, "NotFound", "PlatformApplication does not exist")
        #expect(AWSSNSReply.applicationHealth(gone.response).outcome == .credentials)
    }

    @Test(
        arguments: [
            ("region", "evil.example/", "region"), ("accessKeyId", "AKIA, SignedHeaders=", "accessKeyId"),
            ("senderId", "Clinic", nil), ("senderId", "12345", "senderId"), ("senderId", "AB", "senderId"),
            ("senderId", "Klinik Süd", "senderId"), ("endpoint", "https://169.254.169.254", "endpoint"),
            ("endpoint", "http://127.0.0.1:8090/aws_sns", nil),
        ] as [(String, String, String?)]
    )
    func credentialsThatLeadElsewhere(key: String, value: String, wrong: String?) throws {
        let policy = try OutboundPolicy(allow: "loopback")
        #expect(AWSSNSTextProvider.faults(Self.credentials([key: .string(value)]), policy: policy).first?.key == wrong)
    }

    @Test(
        arguments: [
            (application, nil), ("arn:aws:sns:eu-west-1:123456789012:app/APNS/clinic", nil),
            ("arn:aws:sns:us-east-1:123456789012:app/GCM/clinic", "platformApplicationArn"),
            ("arn:aws:sns:eu-west-1:123456789012:clinic-topic", "platformApplicationArn"),
            ("arn:aws:sns:eu-west-1:123456789012:app/GCM", "platformApplicationArn"),
            ("clinic", "platformApplicationArn"),
        ] as [(String, String?)]
    )
    func theApplicationIsOneOfTheRegion(arn: String, wrong: String?) throws {
        let policy = try OutboundPolicy(allow: "loopback")
        let credentials = Self.credentials(["platformApplicationArn": .string(arn)])
        #expect(AWSSNSPushProvider.faults(credentials, policy: policy).first?.key == wrong)
    }

    @Test(arguments: [
        "arn:aws:sns:us-east-1:1:endpoint/GCM/clinic/1", application, "arn:aws:sns:eu-west-1:1:endpoint//a/b",
    ])
    func nobodyElsesEndpointIsCalled(token: String) async throws {
        let push = ProviderSamples.notice(to: token)
        let verdict = try await Self.push(["endpoint": "http://127.0.0.1:9"]).send(push, deadline: .after(.seconds(5)))
        // What is no name at all is taken for a device's token, which nobody is there to register.
        #expect(verdict.outcome == (SNSName(token) == nil ? .transient : .badRecipient))
    }

    @Test func itsAddress() {
        #expect(AWSSNSTextProvider.base(Self.credentials()) == "https://sns.eu-west-1.amazonaws.com")
        #expect(
            AWSSNSPushProvider.base(Self.credentials(["region": "cn-north-1"]))
                == "https://sns.cn-north-1.amazonaws.com.cn"
        )
    }
}
