import Contracts
import Core
import TestKit
import Testing

@testable import Sandbox

@Suite struct AWSSNSTests {
    private static let now = Instant(seconds: 1_792_566_000)
    private static let application = "arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic"

    /// A call with the signature that the sandbox expects; its making is checked with recorded requests elsewhere.
    private static func call(_ sns: AWSSNS, _ action: String, _ parameters: [(String, String)]) async -> SandboxReply {
        let stamp = AWSSignature.stamp(now)
        let pairs = [("Action", action), ("Version", "2010-03-31")] + parameters
        var request = SandboxRequest(
            method: "POST",
            path: "/aws_sns/",
            target: "/aws_sns/",
            query: [],
            headers: ["host": "sandbox", "x-amz-date": stamp],
            body: Array(FormBody.text(pairs.map { (name: $0.0, value: $0.1) }).utf8)
        )
        let scope = "\(stamp.prefix(8))/eu-west-1/sns/aws4_request"
        let signature = AWSSignature(service: "sns").expected(
            of: request,
            names: ["host", "x-amz-date"],
            stamp: stamp,
            scope: scope
        )
        request.headers["authorization"] =
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/\(scope), SignedHeaders=host;x-amz-date, "
            + "Signature=\(signature)"
        return await sns.answer(request, path: "/")
    }

    private static func text(_ reply: SandboxReply) -> String { String(decoding: reply.body, as: UTF8.self) }

    private static func attribute(_ number: Int, _ name: String, _ value: String) -> [(String, String)] {
        let place = "MessageAttributes.entry.\(number)"
        return [("\(place).Name", name), ("\(place).Value.DataType", "String"), ("\(place).Value.StringValue", value)]
    }

    private static let sms = [("PhoneNumber", "+4915112345678"), ("Message", "Hi")]

    static let refusals: [(String, [(String, String)], Int, String)] = [
        ("Publish", [("PhoneNumber", "+4915112345678")], 400, "InvalidParameter"),
        ("Publish", [("Message", "Hi")], 400, "InvalidParameter"),
        ("Publish", [("PhoneNumber", "12"), ("Message", "Hi")], 400, "PhoneNumber Reason: 12 is not valid"),
        ("Publish", [("PhoneNumber", "+15005550004"), ("Message", "Hi")], 400, "OptedOut"),
        (
            "Publish", [("PhoneNumber", "+4915112345678"), ("Message", String(repeating: "ä", count: 801))], 400,
            "Message too long"
        ),
        ("Publish", sms + [("Colour", "red")], 400, "unknown parameter Colour"),
        ("Publish", sms + attribute(1, "AWS.SNS.SMS.SMSType", "Marketing"), 400, "SMSType"),
        ("Publish", sms + attribute(1, "AWS.SNS.SMS.SenderID", "12345"), 400, "SenderID"),
        ("Publish", sms + attribute(1, "AWS.SNS.SMS.Colour", "red"), 400, "unknown attribute"),
        ("Publish", [("TopicArn", "arn:aws:sns:eu-west-1:1:t"), ("Message", "Hi")], 404, "NotFound"),
        ("Publish", [("TargetArn", "arn:aws:sns:eu-west-1:1:endpoint/GCM/a/b"), ("Message", "Hi")], 404, "NotFound"),
        ("Publish", [("TargetArn", "me"), ("Message", "Hi")], 400, "InvalidParameter"),
        ("CreatePlatformEndpoint", [("PlatformApplicationArn", application)], 400, "Token Reason"),
        (
            "CreatePlatformEndpoint", [("PlatformApplicationArn", "app"), ("Token", "t")], 400,
            "PlatformApplicationArn Reason"
        ),
        (
            "CreatePlatformEndpoint",
            [("PlatformApplicationArn", application.replacing("eu-west-1", with: "us-east-1")), ("Token", "t")], 404,
            "PlatformApplication does not exist"
        ),
        (
            "CreatePlatformEndpoint", [("PlatformApplicationArn", application), ("Token", "known")], 400,
            "already exists"
        ),
        (
            "SetEndpointAttributes",
            [
                ("EndpointArn", "arn:aws:sns:eu-west-1:1:endpoint/GCM/a/b"), ("Attributes.entry.1.key", "Enabled"),
                ("Attributes.entry.1.value", "true"),
            ], 404, "Endpoint does not exist"
        ),
        ("DeleteTopic", [], 400, "InvalidAction"),
    ]

    @Test(arguments: refusals)
    func refusesAsTheRealOneDoes(action: String, parameters: [(String, String)], status: Int, words: String) async {
        let messages = MessageStore()
        let reply = await Self.call(AWSSNS(messages: messages, now: { Self.now }), action, parameters)
        #expect(reply.status == status)
        #expect(Self.text(reply).contains(words), "\(Self.text(reply))")
        #expect(Self.text(reply).contains("<ErrorResponse ") && messages.all.isEmpty)
    }

    @Test func anEndpointIsMadeOnceAndMayBeDisabled() async throws {
        let messages = MessageStore()
        let sns = AWSSNS(messages: messages, now: { Self.now })
        func register(_ token: String) async -> String {
            let answer = Self.text(
                await Self.call(
                    sns,
                    "CreatePlatformEndpoint",
                    [("PlatformApplicationArn", Self.application), ("Token", token)]
                )
            )
            let start = answer.components(between: "<EndpointArn>", and: "</EndpointArn>")
            return start ?? answer
        }
        let arn = await register("token-1")
        #expect(
            await register("token-1") == arn && arn.hasPrefix("arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/clinic/")
        )
        let payload =
            #"{"default":"Hi","GCM":"{\"fcmV1Message\":{\"message\":{\"notification\":{\"title\":\"T\",\"body\":\"B\"}}}}"}"#
        let sent = await Self.call(
            sns,
            "Publish",
            [("TargetArn", arn), ("MessageStructure", "json"), ("Message", payload)]
        )
        #expect(sent.status == 200)
        #expect(messages.all.map(\.text) == ["B"] && messages.all.map(\.subject) == ["T"])
        for (structure, message, words) in [("json", "Hi", "failed to parse"), ("json", "{}", "No default entry")] {
            let reply = await Self.call(
                sns,
                "Publish",
                [("TargetArn", arn), ("MessageStructure", structure), ("Message", message)]
            )
            #expect(reply.status == 400 && Self.text(reply).contains(words))
        }
        let dead = await Self.call(sns, "Publish", [("TargetArn", await register("disabled-1")), ("Message", "Hi")])
        #expect(dead.status == 400 && Self.text(dead).contains("<Code>EndpointDisabled</Code>"))
        #expect(messages.all.count == 1)
        // Made anew it is the same one, and disabled; whoever owns it enables it.
        let disabled = await register("disabled-1")
        let still = await Self.call(sns, "Publish", [("TargetArn", disabled), ("Message", "Hi")])
        #expect(still.status == 400)
        let enabled = await Self.call(
            sns,
            "SetEndpointAttributes",
            [
                ("EndpointArn", disabled), ("Attributes.entry.1.key", "Enabled"), ("Attributes.entry.1.value", "true"),
                ("Attributes.entry.2.key", "Token"), ("Attributes.entry.2.value", "disabled-1"),
            ]
        )
        #expect(enabled.status == 200 && Self.text(enabled).contains("<RequestId>"))
        let alive = await Self.call(sns, "Publish", [("TargetArn", disabled), ("Message", "Hi")])
        #expect(alive.status == 200 && messages.all.count == 2)
    }
}

extension String {
    fileprivate func components(between start: String, and end: String) -> String? {
        guard let from = firstRange(of: start)?.upperBound, let to = self[from...].firstRange(of: end)?.lowerBound
        else {
            return nil
        }
        return String(self[from..<to])
    }
}
