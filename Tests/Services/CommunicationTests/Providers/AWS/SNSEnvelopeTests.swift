import Contracts
import Core
import Testing

@testable import Communication

@Suite struct SNSEnvelopeTests {
    private static let arn = "arn:aws:sns:eu-west-1:123456789012:events"
    private static let origins = ["https://sns.eu-west-1.amazonaws.com", "http://127.0.0.1:8090"]

    private static let good: [String: JSONValue] = [
        "Type": "SubscriptionConfirmation", "MessageId": "m-1", "TopicArn": .string(arn), "Message": "Confirm it.",
        "Timestamp": "2026-10-20T07:00:00.123Z", "SignatureVersion": "2", "Signature": "AAAA", "Token": "t-1",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "SubscribeURL": .string(
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=\(arn)&Token=t-1"
        ),
    ]

    private func envelope(_ changes: [String: JSONValue] = [:], without name: String? = nil) throws -> SNSEnvelope? {
        var members = Self.good.merging(changes) { _, new in new }
        if let name { members[name] = nil }
        return SNSEnvelope(try JSONWriter.encode(JSONValue.object(members)))
    }

    @Test(arguments: [
        (arn: arn, host: "sns.eu-west-1.amazonaws.com" as String?),
        ("arn:aws-cn:sns:cn-north-1:123456789012:events", "sns.cn-north-1.amazonaws.com.cn"),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:e.v-e_n-ts.fifo", "sns.us-gov-west-1.amazonaws.com"),
        ("arn:aws:sns:cn-north-1:123456789012:events", nil), ("arn:aws-cn:sns:eu-west-1:123456789012:events", nil),
        ("arn:evil:sns:eu-west-1:123456789012:events", nil), ("arn:aws:sqs:eu-west-1:123456789012:events", nil),
        ("arn:aws:sns:eu-west-1:12345678901:events", nil), ("arn:aws:sns:eu-west-1:123456789012:", nil),
        ("arn:aws:sns:eu-west-1:123456789012:a:b", nil), ("arn:aws:sns:evil.example/:123456789012:events", nil),
        ("arn:aws:sns::123456789012:events", nil), ("arn:aws:sns:eu-west-1:123456789012:a b", nil), ("", nil),
    ]) func aTopicSaysWhereItsRegionIs(arn: String, host: String?) {
        #expect(SNSTopic(arn)?.host == host)
    }

    @Test func whatMakesAnEnvelope() throws {
        #expect(try envelope()?.kind == .subscribed && envelope()?.id == "m-1")
        for name in Self.good.keys where name != "Token" && name != "SubscribeURL" {
            #expect(try envelope(without: name) == nil, "without \(name)")
            #expect(try envelope([name: 1]) == nil, "\(name) a number")
        }
        for (name, value) in [
            "Type": "Another", "TopicArn": "arn", "Timestamp": "yesterday", "Signature": "*", "MessageId": "m 1",
        ] {
            #expect(try envelope([name: .string(value)]) == nil, "\(name)")
        }
        for text in ["", "null", "[]", "{}", "\"{}\""] { #expect(SNSEnvelope(Array(text.utf8)) == nil) }
    }

    @Test(arguments: [
        ("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem", true),
        ("http://127.0.0.1:8090/aws_ses/SimpleNotificationService-1.pem", true),
        ("http://sns.eu-west-1.amazonaws.com/a.pem", false), ("https://sns.eu-west-2.amazonaws.com/a.pem", false),
        ("https://sns.eu-west-1.amazonaws.com.evil.example/a.pem", false),
        ("https://sns.eu-west-1.amazonaws.com@evil.example/a.pem", false),
        ("https://sns.eu-west-1.amazonaws.com:8443/a.pem", false),
        ("https://user@sns.eu-west-1.amazonaws.com/a.pem", false), ("https://evil.example/a.pem", false),
        ("https://sns-eu-west-1.amazonaws.com/a.pem", false), ("https://SNS.eu-west-1.amazonaws.com/a.pem", false),
        ("https://sns.eu-west-1.amazonaws.com/a.pem?x", false), ("https://sns.eu-west-1.amazonaws.com/a.pem#x", false),
        ("https://sns.eu-west-1.amazonaws.com/a.txt", false), ("https://sns.eu-west-1.amazonaws.com", false),
        ("https://sns.eu-west-1.amazonaws.com/../a.pem", false),
        ("https://sns.eu-west-1.amazonaws.com/%2e/a.pem", false),
        ("http://127.0.0.1:80900/a.pem", false), ("http://127.0.0.1/a.pem", false),
        ("file:///etc/ssl/a.pem", false), ("http://169.254.169.254/a.pem", false), ("", false),
    ]) func whereACertificateMayBe(url: String, isAllowed: Bool) throws {
        let envelope = try #require(try envelope(["SigningCertURL": .string(url)]))
        #expect((SNSVerifier.certificateURL(of: envelope, Self.origins) != nil) == isAllowed)
    }

    private static let query = "Action=ConfirmSubscription&TopicArn=\(arn)&Token=t-1"

    @Test(arguments: [
        ("https://sns.eu-west-1.amazonaws.com/?\(query)", true), ("http://127.0.0.1:8090/aws_ses/?\(query)", true),
        ("https://sns.eu-west-1.amazonaws.com/?\(query.replacing(":", with: "%3A"))", true),
        ("http://169.254.169.254/latest/meta-data/?\(query)", false), ("http://127.0.0.1:6379/?\(query)", false),
        ("https://evil.example/?\(query)", false),
        ("https://sns.eu-west-1.amazonaws.com.evil.example/?\(query)", false),
        ("https://sns.us-east-1.amazonaws.com/?\(query)", false),
        ("https://sns.eu-west-1.amazonaws.com/?\(query.replacing("Confirm", with: "Delete"))", false),
        ("https://sns.eu-west-1.amazonaws.com/?\(query.replacing("events", with: "others"))", false),
        ("https://sns.eu-west-1.amazonaws.com/?\(query)&TopicArn=arn:aws:sns:eu-west-1:1:x", false),
        ("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=\(arn)", false),
        ("https://sns.eu-west-1.amazonaws.com/#?\(query)", false), ("https://sns.eu-west-1.amazonaws.com/", false),
    ]) func whereASubscriptionMayBeConfirmed(url: String, isAllowed: Bool) throws {
        let envelope = try #require(try envelope(["SubscribeURL": .string(url)]))
        #expect((SNSVerifier.confirmationURL(of: envelope, Self.origins) != nil) == isAllowed)
    }
}
