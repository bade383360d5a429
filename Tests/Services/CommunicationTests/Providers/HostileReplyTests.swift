import CommunicationAPI
import Contracts
import Core
import Outbound
import Testing

@testable import Communication

/// Whatever stands in a provider's place answers as it likes: no message is believed to be taken, or known by an id, that was
/// not, and nothing of the answer is kept but tokens.
@Suite(.serialized) struct HostileReplyTests {
    /// How one provider's answers are read, and one that takes a message.
    struct Reader: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let verdict: @Sendable (OutboundResponse) -> ProviderVerdict
        let health: @Sendable (OutboundResponse) -> ProviderVerdict
        let taken: RecordedAnswer
        let id: String
        /// How it refuses an account's credentials: as it was seen to, and with a code that is new.
        var refusals: [RecordedAnswer] = []
        /// An answer that is cut here says all that there is to say.
        var isWhole: @Sendable (_ count: Int, _ all: Int) -> Bool = { $0 == $1 }
        /// The id stands in the header, and the body says nothing.
        var isSilent = false
    }

    private static let now = Instant(seconds: 1_792_566_000)
    private static let published =
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>5679-cd</MessageId>"
    private static let publishedEnd =
        "</PublishResult><ResponseMetadata><RequestId>d74b</RequestId></ResponseMetadata></PublishResponse>"

    private static func sns(
        _ name: String,
        _ verdict: @escaping @Sendable (OutboundResponse) -> ProviderVerdict,
        _ health: @escaping @Sendable (OutboundResponse) -> ProviderVerdict
    ) -> Reader {
        Reader(
            testDescription: name,
            verdict: verdict,
            health: health,
            taken: RecordedAnswer(200, [], published + publishedEnd),
            id: "5679-cd",
            refusals: ["InvalidClientTokenId", "NewRefusal"].map {
                RecordedAnswer(
                    403,
                    [],
                    "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Code>\($0)</Code></Error></ErrorResponse>"
                )
            },
            isWhole: { count, _ in count >= published.utf8.count }
        )
    }

    static let readers: [Reader] = [
        Reader(
            testDescription: "zeptomail",
            verdict: { ZeptoMailReply.verdict($0) },
            health: { ZeptoMailReply.verdict($0) },
            taken: RecordedAnswer(
                201,
                [],
                #"{"data":[{"code":"EM_104","additional_info":[],"message":"Email request received"}],"message":"OK","request_id":"2d6f.t1.ab","object":"email"}"#
            ),
            id: "2d6f.t1.ab",
            refusals: ["SERR_157", "NEW_999"].map {
                RecordedAnswer(
                    401,
                    [],
                    #"{"error":{"code":"TM_4001","details":[{"code":"\#($0)","message":"Invalid API Token found"}],"message":"Access Denied"}}"#
                )
            }
        ),
        Reader(
            testDescription: "aws_ses",
            verdict: { AWSSESReply.verdict($0) },
            health: { AWSSESReply.health($0) },
            taken: RecordedAnswer(200, [], #"{"MessageId":"010001890a-7e3c-000000"}"#),
            id: "010001890a-7e3c-000000",
            refusals: [
                RecordedAnswer(403, [("x-amzn-ErrorType", "UnrecognizedClientException")], #"{"message":"No"}"#),
                RecordedAnswer(403, [("x-amzn-ErrorType", "NewException:http://internal/")], ""),
                RecordedAnswer(403, [], #"{"__type":"com.amazon.coral.service#NewException","Message":"No"}"#),
                RecordedAnswer(
                    403,
                    [],
                    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"
                ),
            ]
        ),
        Reader(
            testDescription: "sendgrid",
            verdict: { SendGridReply.verdict($0, at: now) },
            health: { SendGridReply.health($0, at: now) },
            taken: RecordedAnswer(202, [("X-Message-Id", "14c5d75ce93")]),
            id: "14c5d75ce93",
            refusals: [
                RecordedAnswer(
                    401,
                    [],
                    #"{"errors":[{"message":"The provided authorization grant is invalid","field":null,"help":null}]}"#
                ), RecordedAnswer(403, [], #"{"errors":[{"message":"access forbidden"}]}"#),
            ],
            isSilent: true
        ),
        Reader(
            testDescription: "resend",
            verdict: { ResendReply.verdict($0) },
            health: { ResendReply.health($0) },
            taken: RecordedAnswer(200, [], #"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#),
            id: "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794",
            refusals: [
                RecordedAnswer(
                    401,
                    [],
                    #"{"statusCode":401,"name":"validation_error","message":"API key is invalid"}"#
                ),
                RecordedAnswer(403, [], #"{"name":"invalid_api_key","message":"API key is invalid"}"#),
                RecordedAnswer(403, [], #"{"statusCode":403,"name":"new_error","message":"No"}"#),
            ]
        ),
        Reader(
            testDescription: "twilio",
            verdict: { TwilioReply.verdict($0) },
            health: { TwilioReply.health($0) },
            taken: RecordedAnswer(
                201,
                [],
                #"{"account_sid":"AC1","body":"Hi","error_code":null,"sid":"SM0001","status":"queued","num_segments":"1"}"#
            ),
            id: "SM0001",
            refusals: [(401, 20_003), (403, 20_403), (404, 20_404)].map { status, number in
                RecordedAnswer(status, [], #"{"code":\#(number),"message":"Authenticate","status":\#(status)}"#)
            }
        ),
        Reader(
            testDescription: "meta",
            verdict: { MetaReply.verdict($0) },
            health: { MetaReply.health($0) },
            taken: RecordedAnswer(
                200,
                [],
                #"{"messaging_product":"whatsapp","contacts":[{"input":"+49","wa_id":"49"}],"messages":[{"id":"wamid.HBgL"}]}"#
            ),
            id: "wamid.HBgL",
            refusals: [190, 999_999].map {
                RecordedAnswer(401, [], #"{"error":{"message":"No","type":"OAuthException","code":\#($0)}}"#)
            }
        ),
        Reader(
            testDescription: "fcm",
            verdict: { FCMReply.verdict($0) },
            health: { FCMReply.health($0) },
            taken: RecordedAnswer(200, [], #"{"name":"projects/clinic-app-1/messages/0:1500415314455276%31bd1c96"}"#),
            id: "0:1500415314455276%31bd1c96",
            refusals: [(401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED")].map { status, name in
                RecordedAnswer(status, [], #"{"error":{"code":\#(status),"message":"No","status":"\#(name)"}}"#)
            }
        ),
        sns("aws_sns, texts", { AWSSNSReply.published($0) }, { AWSSNSReply.textHealth($0) }),
        sns("aws_sns, notices", { AWSSNSReply.published($0) }, { AWSSNSReply.applicationHealth($0) }),
    ]

    /// What holds of each verdict, whatever was answered.
    private func check(_ verdict: ProviderVerdict, _ status: Int, _ body: [UInt8]) {
        let shown = "\(status) \(String(decoding: body.prefix(80), as: UTF8.self))"
        #expect(verdict.outcome != .accepted || (200...299).contains(status), "\(shown)")
        #expect(verdict.messageID == nil || verdict.messageID == ProviderVerdict.token(verdict.messageID), "\(shown)")
        let code = verdict.code ?? ""
        #expect(code.utf8.count <= ProviderVerdict.longestToken + 4, "\(shown)")
        #expect(code.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "@") }, "\(shown)")
        #expect((verdict.detail ?? "").utf8.count <= 500, "\(shown)")
        #expect(verdict.retryAfter.map { $0 > .zero && $0 <= OutboundResponse.longestPause } ?? true, "\(shown)")
    }

    @Test(arguments: readers) func aCutAnswerTakesNoMessage(_ reader: Reader) {
        let whole = Array(reader.taken.body.utf8)
        for count in 0...whole.count {
            let answer = OutboundResponse(
                status: reader.taken.status,
                headers: reader.taken.headers,
                body: Array(whole.prefix(count))
            )
            let verdict = reader.verdict(answer)
            check(verdict, answer.status, answer.body)
            if reader.isWhole(count, whole.count) {
                #expect(verdict == ProviderVerdict(.accepted, messageID: reader.id), "\(count)")
            } else {
                #expect(verdict.outcome == .unknownOutcome && verdict.messageID == nil, "\(count)")
            }
        }
    }

    private static let notTheirs: [String] = [
        "<html><body>Sign in to the network</body></html>", "OK", "null", "true", "17", "\"text\"", "[]",
        "[{\"id\":\"x\"}]",
        "{", "{}{}", "{\"id\":\"x\"", "{id:1}", "\u{FEFF}{}", "\u{0}", "{\"id\":\u{1}}", "NaN", "{\"id\":NaN}",
        "{\"a\":01}",
        "{\"id\":\"\\ud800\"}", String(repeating: "[", count: 10_000),
        String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000),
        String(repeating: "{\"a\":", count: 10_000), "{\"a\":1e999999}", String(repeating: " ", count: 1_000),
        "<MessageId>", "</MessageId><MessageId>", "<MessageId>" + String(repeating: "<", count: 1_000),
    ]

    /// A network's sign-in page, a proxy's word, or the half of something: the message may be lost, and is not called taken.
    @Test(arguments: readers) func aSuccessOfSomebodyElseIsALostReply(_ reader: Reader) {
        for text in Self.notTheirs + (reader.isSilent ? [] : [""]) {
            let answer = OutboundResponse(status: 200, body: Array(text.utf8))
            let verdict = reader.verdict(answer)
            check(verdict, 200, answer.body)
            #expect(verdict.outcome == .unknownOutcome && verdict.messageID == nil, "\(text.prefix(40))")
            #expect(reader.health(answer).outcome != .accepted, "\(text.prefix(40))")
        }
        for bytes in [
            [0xFF, 0xFE], [0x7B, 0xC3, 0x7D], Array("{\"id\":\"".utf8) + [0x80, 0x22, 0x7D], [0x1F, 0x8B, 0x08],
        ] {
            let verdict = reader.verdict(OutboundResponse(status: 200, body: bytes))
            #expect(verdict.outcome == .unknownOutcome && verdict.messageID == nil)
        }
    }

    /// Ids that no database, log or header should see, of kinds that no id has.
    private static let ids: [String] = [
        "\"\"", "\"\\u0000\"", "\"a\\u0000b\"", "\"a\\nb\"", "\"a b\"", "\"\\u001b[31m\"", "\"é\"", "\"a@b.example\"",
        "\"\(String(repeating: "a", count: 20_000))\"", "null", "1", "1e308", "-9223372036854775808",
        String(repeating: "9", count: 20_000), "[]", "[\"x\",\"y\"]", "{\"id\":{}}", "true",
    ]

    @Test(arguments: readers) func anIDIsATokenOrNone(_ reader: Reader) {
        for id in Self.ids {
            let quoted = reader.taken.body.replacing("\"\(reader.id)\"", with: id).replacing(reader.id, with: "a\(id)")
            let header = reader.taken.headers.map { (name: $0.name, value: id) }
            for answer in [
                OutboundResponse(status: 200, headers: header, body: Array(quoted.utf8)),
                OutboundResponse(status: 200, headers: header, body: Array("{\"id\":\(id),\"id\":\(id)}".utf8)),
            ] {
                let verdict = reader.verdict(answer)
                check(verdict, 200, answer.body)
                #expect([.accepted, .unknownOutcome].contains(verdict.outcome))
                check(reader.health(answer), 200, answer.body)
            }
        }
    }

    /// Errors whose members are of other kinds, or many, or long.
    private static let refusals: [String] = [
        "", "<html>", "{}", "[]", "null", #"{"error":null}"#, #"{"error":[]}"#, #"{"error":{"code":[]}}"#,
        #"{"error":{"details":[[[[]]]],"code":{}}}"#, #"{"error":{"details":{"code":"a\u0000b"}}}"#,
        #"{"errors":{"message":1}}"#, #"{"errors":[1,2]}"#, #"{"errors":[{"field":"a b@c","message":["x"]}]}"#,
        #"{"name":{"a":1},"message":7}"#, #"{"name":"a\r\nb","message":"`to`"}"#, #"{"__type":7,"message":{}}"#,
        ##"{"__type":"#:#:","message":"x"}"##, #"{"code":99999999999999999999,"message":"x"}"#, #"{"code":-1}"#,
        #"{"code":1.5}"#, #"{"error":{"code":1e99,"error_subcode":"33"}}"#, #"{"error":{"code":9223372036854775807}}"#,
        #"{"error":{"status":["UNAVAILABLE"],"details":[{"@type":1},{"@type":"x.FcmError","errorCode":"\u0007"}]}}"#,
        "<ErrorResponse><Error><Code></Code><Message></Message></Error>", "<Code>a b</Code>", "<Code>&amp;&lt;</Code>",
        "<Code>\(String(repeating: "a", count: 1_000))</Code>",
        "<Message>\(String(repeating: "&amp;", count: 500))",
        "{\"message\":\"\(String(repeating: "a", count: 5_000))\"}",
        "{\"errors\":[\(String(repeating: "{\"message\":\"x\"},", count: 200))null]}",
    ]

    /// What proxies, CDNs and gateways of companies say of a call that they do not let through.
    private static let notTheirRefusals: [String] = [
        "", "<html><body><h1>403 Forbidden</h1></body></html>", "Forbidden", "null", "[]", "{}",
        #"{"message":"Forbidden"}"#, #"{"error":"Forbidden"}"#, #"{"error":"forbidden","message":"Denied by policy"}"#,
        #"{"code":403,"message":"Forbidden"}"#, #"{"code":"AccessDenied","message":"Access Denied"}"#,
        #"{"error":{"code":403,"message":"Forbidden"}}"#, #"{"error":{"code":"AuthorizationFailed","message":"No"}}"#,
        #"{"statusCode":401,"message":"Access denied due to missing subscription key"}"#,
        #"{"name":"ForbiddenError","message":"No"}"#, #"{"errors":[{"code":1020,"message":"Access denied"}]}"#,
        #"{"type":"about:blank","title":"Forbidden","status":403}"#,
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    ]

    @Test(arguments: readers) func everyStatusIsReadWithWhateverBody(_ reader: Reader) {
        let pauses = ["-1", "NaN", "1e30", "9223372036854775807", "Fri, 31 Dec 9999 23:59:59 GMT", "\u{0}"]
        let statuses = [0, 100, 101, 199] + Array(300...308) + [400, 401, 403, 404, 408, 413, 418, 429, 499]
        for status in statuses + [500, 502, 503, 504, 511, 599, 600, 999] {
            for (place, text) in Self.refusals.enumerated() {
                let pause = pauses[place % pauses.count]
                let answer = OutboundResponse(
                    status: status,
                    headers: [
                        ("Retry-After", pause), ("RateLimit-Reset", pause), ("X-RateLimit-Reset", pause),
                        ("x-amzn-ErrorType", "\(pause)@:#"), ("Location", "http://127.0.0.1/"),
                    ],
                    body: Array(text.utf8)
                )
                check(reader.verdict(answer), status, answer.body)
                check(reader.health(answer), status, answer.body)
            }
            // Whoever does not know our credentials refuses none of them, and lets none of them pass for good ones.
            for text in [401, 403, 404].contains(status) ? Self.notTheirRefusals : []
            where status != 401 || text.contains("<") {
                let answer = OutboundResponse(status: status, body: Array(text.utf8))
                #expect(reader.verdict(answer).outcome != .credentials, "\(status) \(text)")
                #expect(![.credentials, .accepted].contains(reader.health(answer).outcome), "\(status) \(text)")
                #expect(GoogleTokenReply(answer, at: Self.now).verdict.outcome == .transient, "\(status) \(text)")
            }
            // Nothing was taken where it is told to go elsewhere.
            if (300...399).contains(status) {
                #expect(reader.verdict(OutboundResponse(status: status)).outcome == .transient)
            }
        }
    }

    /// Whoever asks for credentials asks for those of the call, unless it shows a page for others.
    @Test(arguments: readers, ["", "{}", #"{"message":"Unauthorized"}"#]) func aPlain401IsBelieved(
        _ reader: Reader,
        body: String
    ) {
        let answer = OutboundResponse(status: 401, body: Array(body.utf8))
        #expect(reader.verdict(answer).outcome == .credentials)
    }

    @Test(arguments: readers) func theProviderItselfRefusesCredentials(_ reader: Reader) {
        #expect(!reader.refusals.isEmpty)
        for refusal in reader.refusals {
            #expect(reader.verdict(refusal.response).outcome == .credentials, "\(refusal)")
            #expect(reader.health(refusal.response).outcome == .credentials, "\(refusal)")
        }
    }

    @Test(arguments: readers) func damagedAnswersAreReadAsFarAsTheyMakeSense(_ reader: Reader) {
        var random = SeededGenerator(seed: 7)
        let texts = [reader.taken.body] + Self.refusals.filter { $0.utf8.count < 1_000 }
        for text in texts where !text.isEmpty {
            for _ in 0..<20 {
                var bytes = Array(text.utf8)
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                for status in [200, 400, 429] {
                    let answer = OutboundResponse(status: status, body: bytes)
                    check(reader.verdict(answer), status, bytes)
                    check(reader.health(answer), status, bytes)
                }
            }
        }
    }

    /// As large as an answer may be.
    @Test(arguments: readers) func largeAnswersAreRead(_ reader: Reader) {
        let (digits, text) = (
            String(repeating: "9", count: 900_000), String(repeating: "a", count: OutboundHTTP.largestResponse - 20)
        )
        for body in ["{\"id\":\(digits)}", "{\"id\":\"\(text)\"}", "<MessageId>\(text)"] {
            let answer = OutboundResponse(status: 200, body: Array(body.utf8))
            check(reader.verdict(answer), 200, answer.body)
        }
    }

    /// Neither an access token nor the name of a device's endpoint is anything but one.
    @Test func whatComesBeforeAMessageIsReadAsCarefully() {
        for text in Self.notTheirs + Self.refusals + Self.ids.map({ "{\"access_token\":\($0),\"expires_in\":\($0)}" }) {
            let answer = OutboundResponse(status: 200, body: Array(text.utf8))
            let reply = GoogleTokenReply(answer, at: Self.now)
            #expect(reply.token == nil || reply.until > Self.now && reply.until < Self.now + .seconds(86_401))
            #expect(reply.token?.unredacted.utf8.allSatisfy { (0x21...0x7E).contains($0) } ?? true)
            #expect(reply.token != nil || reply.verdict.outcome == .transient)
            _ = MetaReply.mediaID(answer)
            #expect(SNSCertificate(pem: answer.body) == nil)
        }
        let arn = "arn:aws:sns:eu-west-1:1:endpoint/GCM/a/b"
        for bad in [
            "\(arn)\u{0}", "\(arn) x", "\(arn)/\(String(repeating: "c", count: 500))", "arn:", "\(arn)\n", "é\(arn)",
        ] {
            let made = OutboundResponse(status: 200, body: Array("<EndpointArn>\(bad)</EndpointArn>".utf8))
            #expect(AWSSNSReply.endpointVerdict(made).messageID.flatMap { SNSName($0) } == nil, "\(bad)")
        }
    }
}

/// Numbers that are the same in each run: what it has found it finds again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
