import CommunicationAPI
import Contracts
import Core
import Crypto
import CryptoExtras
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite struct FCMTests {
    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    private static func account(_ changes: [String: JSONValue] = [:]) throws -> JSONValue {
        let usual: [String: JSONValue] = [
            "type": "service_account", "project_id": "clinic-app-1", "private_key_id": "key-1",
            "private_key": .string(try key.get().pemRepresentation),
            "client_email": "sender@clinic-app-1.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        ]
        return .object(usual.merging(changes) { _, new in new })
    }

    static func credentials(_ changes: [String: JSONValue] = [:]) throws -> Credentials {
        Credentials(["serviceAccount": try account(changes)])
    }

    private func provider() throws -> FCMProvider {
        try #require(FCMProvider(Self.credentials(), through: ProviderSamples.transports()))
    }

    /// SNS may know it: nothing is said of the device, and nobody is called.
    @Test func theNameOfAnEndpointIsForSomebodyElse() async throws {
        let push = ProviderSamples.notice(
            to: "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/app/0f7e2a0c-1111-2222-3333-444455556666"
        )
        let verdict = try await provider().send(push, deadline: .after(.seconds(5)))
        #expect(verdict.outcome == .senderNotAuthorised && verdict.host == .untried)
    }

    @Test func theRequestToTheByte() throws {
        let push = try provider().sending(
            ProviderSamples.push(),
            token: Secret("ya29.secret"),
            at: ProviderSamples.time
        )
        let urgent = try provider().sending(
            ProviderSamples.push(full: true),
            token: Secret("ya29.secret"),
            at: ProviderSamples.time
        )
        try Golden.check(
            [push, urgent].map(ProviderSamples.text).joined(separator: "\n\n\n") + "\n",
            "providers/fcm.txt"
        )
        #expect(!String(reflecting: push).contains("ya29") && !"\(push)".contains("Bring"))
    }

    private static func error(
        _ status: Int,
        _ name: String,
        _ code: String? = nil,
        _ message: String = "words",
        fields: [String] = []
    ) -> RecordedAnswer {
        var details: [String] = []
        if let code {
            details.append(
                "{\"@type\":\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\"errorCode\":\"\(code)\"}"
            )
        }
        if !fields.isEmpty {
            let violations = fields.map { "{\"field\":\"\($0)\",\"description\":\"d\"}" }.joined(separator: ",")
            details.append(
                "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[\(violations)]}"
            )
        }
        let body =
            "{\"error\":{\"code\":\(status),\"message\":\"\(message)\",\"status\":\"\(name)\",\"details\":["
            + details.joined(separator: ",") + "]}}"
        return RecordedAnswer(status, [], body)
    }

    private static let noToken = "The registration token is not a valid FCM registration token"

    static let answers: [(RecordedAnswer, AttemptOutcome)] = [
        (RecordedAnswer(200, [], #"{"name":"projects/clinic-app-1/messages/0:1500415314455276%31bd1c96"}"#), .accepted),
        (error(404, "NOT_FOUND", "UNREGISTERED"), .badRecipient),
        // The code wins over the status.
        (error(400, "INVALID_ARGUMENT", "UNREGISTERED"), .badRecipient),
        (error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), .badRecipient),
        (error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", noToken), .badRecipient),
        (error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", noToken, fields: ["message.token"]), .badRecipient),
        // One bad text must not cost a clinic its tokens.
        (error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Android message is too big"), .contentRejected),
        (
            error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", noToken, fields: ["message.android.ttl"]),
            .contentRejected
        ),
        (
            error(400, "INVALID_ARGUMENT", nil, "Invalid JSON payload", fields: ["message.data[0].value"]),
            .contentRejected
        ),
        (error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), .contentRejected),
        (error(400, "INVALID_ARGUMENT"), .contentRejected),
        (error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), .throttled),
        (error(429, "RESOURCE_EXHAUSTED"), .throttled),
        (error(503, "UNAVAILABLE", "UNAVAILABLE"), .transient), (error(500, "INTERNAL", "INTERNAL"), .transient),
        // The key is missing at Apple's or the browser's, not ours at Google's.
        (error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), .senderNotAuthorised),
        (error(401, "UNAUTHENTICATED"), .credentials), (error(403, "PERMISSION_DENIED"), .credentials),
        (error(404, "NOT_FOUND"), .contentRejected), (RecordedAnswer(401), .credentials),
        (RecordedAnswer(403), .transient),
        (RecordedAnswer(404, [], "<html>"), .contentRejected), (RecordedAnswer(429), .throttled),
        (RecordedAnswer(500, [], "[]"), .transient), (RecordedAnswer(502), .unknownOutcome),
        (RecordedAnswer(503, [], "<html>"), .transient), (RecordedAnswer(504), .unknownOutcome),
    ]

    @Test(arguments: answers) func everyErrorClass(_ answer: RecordedAnswer, outcome: AttemptOutcome) {
        let verdict = FCMReply.verdict(answer.response)
        #expect(verdict.outcome == outcome)
        #expect(outcome == .accepted || verdict.code != nil)
        if verdict.outcome == .throttled { #expect(verdict.retryAfter == .seconds(60)) }
    }

    /// A message names a device, which may be what is not known; a check names none.
    @Test func whatIsNotKnownToACheckIsTheProject() {
        let answer = Self.error(404, "NOT_FOUND").response
        #expect(FCMReply.health(answer).outcome == .credentials)
        #expect(
            FCMReply.health(RecordedAnswer(200, [], #"{"name":"projects/p/messages/1"}"#).response).outcome == .accepted
        )
    }

    @Test func theMessageIDWithoutTheProject() {
        #expect(
            FCMReply.verdict(Self.answers[0].0.response)
                == ProviderVerdict(.accepted, messageID: "0:1500415314455276%31bd1c96")
        )
    }

    @Test func itSignsForAnHour() throws {
        let account = try #require(GoogleServiceAccount(Self.credentials()))
        let assertion = try account.assertion(of: FCMProvider.scope, at: ProviderSamples.time)
        let parts = assertion.split(separator: ".")
        try #require(parts.count == 3)
        func json(_ part: Substring) throws -> JSONValue {
            try JSONTape(try #require(Base64URL.decode(part))).decode(JSONValue.self)
        }
        #expect(try json(parts[0]) == ["alg": "RS256", "kid": "key-1", "typ": "JWT"])
        let seconds = ProviderSamples.time.seconds
        #expect(
            try json(parts[1]) == [
                "iss": "sender@clinic-app-1.iam.gserviceaccount.com",
                "scope": "https://www.googleapis.com/auth/firebase.messaging",
                "aud": "https://oauth2.googleapis.com/token", "iat": .integer(seconds),
                "exp": .integer(seconds + 3_600),
            ]
        )
        let signature = _RSA.Signing.RSASignature(rawRepresentation: try #require(Base64URL.decode(parts[2])))
        let digest = SHA256.hash(data: Array("\(parts[0]).\(parts[1])".utf8))
        let key = try Self.key.get().publicKey
        #expect(key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5))
    }

    @Test(
        arguments: [
            (
                400, #"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#, .credentials,
                "invalid_grant"
            ),
            (
                400, #"{"error":"invalid_grant","error_description":"Invalid grant: account not found"}"#, .credentials,
                "invalid_grant"
            ),
            (401, #"{"error":"invalid_client"}"#, .credentials, "invalid_client"),
            (403, #"{"error":"access_denied"}"#, .credentials, "access_denied"), (400, "", .transient, "HTTP_400"),
            (403, #"{"error":"Forbidden"}"#, .transient, "HTTP_403"), (404, "<html>", .transient, "HTTP_404"),
            (
                400,
                #"{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}"#,
                .transient, "clock"
            ), (429, "", .throttled, "HTTP_429"),
            (500, #"{"error":"internal_failure"}"#, .transient, "internal_failure"),
            (503, "<html>", .transient, "HTTP_503"), (200, #"{"token_type":"Bearer"}"#, .transient, "HTTP_200"),
            (200, #"{"access_token":"a\r\nb"}"#, .transient, "HTTP_200"),
        ] as [(Int, String, AttemptOutcome, String)]
    )
    func withoutATokenNothingIsSent(status: Int, body: String, outcome: AttemptOutcome, code: String) {
        let reply = GoogleTokenReply(RecordedAnswer(status, [], body).response, at: ProviderSamples.time)
        #expect(reply.token == nil)
        #expect(reply.verdict.outcome == outcome && reply.verdict.code == code && reply.verdict.host == .untried)
    }

    @Test(
        arguments: [
            (#","expires_in":3599"#, 3_299), (#","expires_in":60"#, 30), ("", 3_300), (#","expires_in":-1"#, 3_300),
        ]
    ) func itIsRenewedBeforeItEnds(rest: String, seconds: Int64) {
        let answer = RecordedAnswer(200, [], "{\"access_token\":\"ya29.t\"\(rest)}")
        let reply = GoogleTokenReply(answer.response, at: ProviderSamples.time)
        #expect(reply.token == Secret("ya29.t") && reply.until == ProviderSamples.time + .seconds(seconds))
    }

    @Test(arguments: [
        OutboundFailure.lost(.deadline), .lost(.closed), .notSent(.connect), .notSent(.dns), .notSent(.deadline),
    ])
    func aTokenThatIsLostHasSentNothing(failure: OutboundFailure) {
        let verdict = GoogleTokenReply(failure: failure).verdict
        #expect(verdict.outcome == .transient && verdict.host == .untried)
    }

    @Test(
        arguments: [
            ([:], nil), (["type": "authorized_user"], "must be"), (["project_id": "a/../b"], "project_id"),
            (["private_key": "-----BEGIN PRIVATE KEY-----"], "private_key"),
            (["token_uri": "https://169.254.169.254/token"], "token_uri"),
            (["token_uri": "https://accounts.google.com/o/oauth2/token"], nil),
            (["token_uri": "http://127.0.0.1:8090/fcm/token"], nil),
            (["token_uri": "https://evil.example/token"], "token_uri"),
        ] as [([String: JSONValue], String?)]
    )
    func keysThatLeadElsewhere(changes: [String: JSONValue], wrong: String?) throws {
        let policy = try OutboundPolicy(allow: "loopback")
        for isText in [false, true] {
            let account = try Self.account(changes)
            let text = String(decoding: try JSONWriter.encode(account), as: UTF8.self)
            let credentials = Credentials(["serviceAccount": isText ? .string(text) : account])
            let fault = FCMProvider.faults(credentials, policy: policy).first
            #expect((fault == nil) == (wrong == nil), "\(String(describing: fault))")
            if let fault, let wrong { #expect(fault.key == "serviceAccount" && fault.detail.contains(wrong)) }
        }
        for broken: JSONValue in ["", "{", "[]", .null] {
            #expect(
                FCMProvider.faults(Credentials(["serviceAccount": broken]), policy: policy).first?.key
                    == "serviceAccount"
            )
        }
    }
}
