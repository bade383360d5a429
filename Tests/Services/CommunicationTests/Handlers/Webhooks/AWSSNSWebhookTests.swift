import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// What a topic of the clinic's tells of texts by Amazon SNS.
@Suite(.timeLimit(.minutes(2))) struct AWSSNSWebhookTests {
    private static let topic = "arn:aws:sns:eu-west-1:123456789012:texts"

    @Test(arguments: [
        ("SUCCESS", "Message has been accepted by phone", DeliveryEvent.delivered as DeliveryEvent?),
        ("FAILURE", "Invalid phone number", .hardBounce), ("FAILURE", "Phone number is opted out", .optedOut),
        ("FAILURE", "Phone has blocked SMS", .dropped), ("FAILURE", "Blocked as spam by phone carrier", .rejected),
        ("FAILURE", "Phone is currently unreachable/unavailable", .softBounce), ("FAILURE", "", .softBounce),
        ("FAILURE", "No quota left for account", .rejected), ("SUCCESS", "No quota left for account", .delivered),
        ("PENDING", "", nil),
    ]) func whatIsLoggedOfATextIsRead(status: String, response: String, event: DeliveryEvent?) throws {
        let log: JSONValue = [
            "notification": [
                "messageId": "34d9b400-c6dd-5444-820d-fbeb0f1f54cf", "timestamp": "2026-06-28 00:40:34.558",
            ],
            "delivery": [
                "destination": "+1XXX5550100", "providerResponse": .string(response), "smsType": "Transactional",
            ],
            "status": .string(status),
        ]
        let report = AWSSNSWebhooks.content(String(decoding: try JSONWriter.encode(log), as: UTF8.self), id: "n")
            .reports.first
        #expect(report?.event == event)
        // What the account has used up, no text gets past.
        let isUsedUp = status == "FAILURE" && response == "No quota left for account"
        #expect(report?.fault == (isUsedUp ? .quota : nil))
        guard event != nil else { return }
        #expect(report?.providerMessageID == "34d9b400-c6dd-5444-820d-fbeb0f1f54cf" && report?.recipient == nil)
    }

    @Test(arguments: [
        ("EndpointDisabled", DeliveryEvent.hardBounce), ("InvalidPlatformToken", .hardBounce), ("Another", .softBounce),
    ]) func failuresOfAPlatformApplicationAreRead(kind: String, event: DeliveryEvent) {
        let told = #"{"Service":"SNS","EventType":"DeliveryFailure","FailureType":"\#(kind)","MessageId":"m-1"}"#
        #expect(AWSSNSWebhooks.content(told, id: "n").reports.map(\.event) == [event])
    }

    /// AWS answers some words by itself, and sends nothing more to whoever wrote them.
    @Test(arguments: [("STOP", true), ("arret", true), ("Opt-Out", true), ("STOPP", false), ("START", false)])
    func whatItConfirmsItself(said: String, isConfirmed: Bool) throws {
        let text: JSONValue = [
            "originationNumber": "+491701234567", "destinationNumber": "+12065550110", "messageBody": .string(said),
            "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
        ]
        let message = String(decoding: try JSONWriter.encode(text), as: UTF8.self)
        #expect(AWSSNSWebhooks.content(message, id: "n").texts.map(\.isConfirmed) == [isConfirmed])
    }

    @Test(arguments: ["", "no JSON", "{}", "[]", #"{"status":"SUCCESS"}"#, #"{"originationNumber":"+491701234567"}"#])
    func allElseSaysNothing(message: String) {
        let content = AWSSNSWebhooks.content(message, id: "n")
        #expect(content.reports.isEmpty && content.texts.isEmpty)
    }

    private func tell(_ clinic: TestClinic, _ message: JSONValue, topic: String = topic, at origin: String) async throws
        -> Int
    {
        let event = WebhookSender.Event(
            id: "\(RequestID())",
            type: "Notification",
            account: "a",
            clinic: nil,
            body: try JSONWriter.encode(message)
        )
        let call = SNSTopics.delivery(of: event, topic, .now(), origin: origin)
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            WebhookPayload(provider: "aws_sns", clinicId: clinic.clinic, body: RawBody(call.body)),
            as: Principal(kind: .provider, id: "test"),
            headers: Dictionary(uniqueKeysWithValues: call.headers)
        ).status
    }

    @Test func aTopicTellsOfTextsAndBringsAnswers() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            // The sandbox's certificate stands under the provider that publishes by itself.
            let origin = sandbox.url("aws_ses")
            var draft = ProviderDraft.texts("aws_sns", at: sandbox.url("aws_sns"))
            try await clinic.configure(sms: [draft])
            #expect(try await tell(clinic, ["status": "SUCCESS"], at: origin) == 401)
            draft.credentials["eventTopicArn"] = .string(Self.topic)
            try await clinic.configure(sms: [draft])
            let number = "+4917\(UInt32.random(in: 10_000_000...99_999_999))"
            let text = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(number)),
                channels: [.sms],
                content: MessageContent(text: "See you soon.")
            )
            let id = try await clinic.send(text)
            let sent = try #require(try await clinic.settled(id).attempts.first?.providerMessageId)
            let log: JSONValue = ["notification": ["messageId": .string(sent)], "status": "SUCCESS"]
            #expect(try await tell(clinic, log, topic: "\(Self.topic)-other", at: origin) == 401)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await tell(clinic, log, at: origin) == 200)
            try await eventually("the text to have arrived") { try await clinic.message(id).status == .delivered }
            let stop: JSONValue = [
                "originationNumber": .string(number), "destinationNumber": "+12065550110", "messageBody": "STOP",
                "inboundMessageId": .string("\(RequestID())"),
            ]
            #expect(try await tell(clinic, stop, at: origin) == 200)
            let refused = try await clinic.settled(try await clinic.send(text), [.suppressed, .sent])
            #expect(refused.status == .suppressed && refused.reason?.code == "suppressed_stop")
        }
    }

    @Test func aTopicIsAnARN() async throws {
        let clinic = try TestClinic()
        var draft = ProviderDraft.texts("aws_sns", at: SandboxPlace.nowhere)
        draft.credentials["eventTopicArn"] = "arn:aws:sqs:eu-west-1:123456789012:texts"
        let configuration = ConfigurationDraft(clinicId: clinic.clinic, sms: ChannelDraft(primary: draft))
        let answer = try await clinic.ask(MessageDesk.endpoints.configuration.put, configuration, ifNoneMatch: "*")
        #expect(answer.status == 422 && answer.pointers == ["/sms/primary/credentials/eventTopicArn"])
    }
}
