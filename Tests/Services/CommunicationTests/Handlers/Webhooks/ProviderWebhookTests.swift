import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// The webhooks of SES, SendGrid and Resend from the signature to the message.
@Suite(.timeLimit(.minutes(3))) struct ProviderWebhookTests {
    private static let endpoint = MessageDesk.endpoints.deliveries.receive
    private static let topic = "arn:aws:sns:eu-west-1:123456789012:clinic"
    private static let oldTopic = "arn:aws:sns:eu-west-1:123456789012:clinic-v1"
    private static let secret = "whsec_Y2xpbmljLXNpZ25pbmctc2VjcmV0LTAwMDE="
    private static let seed = "clinic-seed"

    /// One provider: how a clinic configures it, and how it tells of a hard bounce or a delivery.
    struct Teller: Sendable, CustomTestStringConvertible {
        let provider: String
        var topic = ProviderWebhookTests.topic
        var testDescription: String { "\(provider) \(topic.suffix(3))" }

        func draft(_ sandbox: SandboxPlace) throws -> ProviderDraft {
            var draft = try ProviderDraft.named(provider, at: sandbox.url(provider))
            switch provider {
            case "aws_ses": draft.credentials["eventTopicArn"] = .string(topic)
            case "sendgrid":
                draft.credentials["webhookPublicKey"] = .text(SendGrid.publicKey(ProviderWebhookTests.seed))
            default: draft.credentials["webhookSecret"] = .string(ProviderWebhookTests.secret)
            }
            return draft
        }

        /// - Parameters:
        ///   - message: our id; left out when `nil`.
        ///   - providerID: the provider's own.
        func body(_ event: DeliveryEvent, _ message: MessageID?, providerID: String = "p-1", to: [String]) throws
            -> [UInt8]
        {
            let isBounce = event == .hardBounce
            let id: JSONValue = message.map { .string("\($0)") } ?? .null
            let json: JSONValue
            switch provider {
            case "aws_ses":
                let people = to.map { JSONValue.object(["emailAddress": .string($0)]) }
                json = [
                    "eventType": isBounce ? "Bounce" : "Delivery",
                    "mail": ["messageId": .string(providerID), "tags": ["message_id": [id]]],
                    "bounce": [
                        "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": .array(people),
                    ], "delivery": ["recipients": .array(to.map { .string($0) })],
                ]
            case "sendgrid":
                json = .array(
                    to.map { address in
                        [
                            "event": isBounce ? "bounce" : "delivered", "type": "bounce", "email": .string(address),
                            "sg_event_id": .string("\(RequestID())"), "sg_message_id": .string("\(providerID).x-1"),
                            "message_id": id,
                        ]
                    }
                )
            default:
                json = [
                    "type": isBounce ? "email.bounced" : "email.delivered",
                    "data": [
                        "email_id": .string(providerID), "to": .array(to.map { .string($0) }),
                        "tags": ["message_id": id], "bounce": ["type": "Permanent", "subType": "General"],
                    ],
                ]
            }
            return try JSONWriter.encode(json)
        }

        /// What goes over the wire, signed at `at` with the clinic's secret or another one.
        func signed(
            _ body: [UInt8],
            _ sandbox: SandboxPlace,
            id: String = "\(RequestID())",
            at: Instant = .now(),
            forged: Bool = false,
            origin: String? = nil
        ) -> (body: [UInt8], headers: [String: String]) {
            switch provider {
            case "aws_ses":
                let event = WebhookSender.Event(id: id, type: "Notification", account: "a", clinic: nil, body: body)
                let origin = origin ?? sandbox.url("aws_ses")
                let delivery = SNSTopics.delivery(
                    of: event,
                    forged ? "\(ProviderWebhookTests.topic)-of-others" : topic,
                    at,
                    origin: origin
                )
                return (delivery.body, Dictionary(uniqueKeysWithValues: delivery.headers))
            case "sendgrid":
                let seed = forged ? "another-seed" : ProviderWebhookTests.seed
                return (body, Dictionary(uniqueKeysWithValues: SendGrid.sign(seed, body, at)))
            default:
                let secret = forged ? Resend.signingSecretDefault : ProviderWebhookTests.secret
                return (body, Dictionary(uniqueKeysWithValues: Resend.sign(secret, id: id, body, at)))
            }
        }
    }

    static let tellers = [
        Teller(provider: "aws_ses"), Teller(provider: "aws_ses", topic: oldTopic), Teller(provider: "sendgrid"),
        Teller(provider: "resend"),
    ]

    private func tell(
        _ clinic: TestClinic,
        _ teller: Teller,
        _ call: (body: [UInt8], headers: [String: String])
    ) async throws -> Int {
        let input = WebhookPayload(provider: teller.provider, clinicId: clinic.clinic, body: RawBody(call.body))
        let caller = Principal(kind: .provider, id: "test")
        return try await clinic.ask(Self.endpoint, input, as: caller, headers: call.headers).status
    }

    private func address(_ clinic: TestClinic) -> String { "n\(clinic.clinic.low)@example.com" }

    private func sent(_ clinic: TestClinic) async throws -> MessageID {
        let id = try await clinic.send(to: address(clinic))
        #expect(try await clinic.settled(id).status == .sent)
        return id
    }

    private func kept(_ clinic: TestClinic, waiting: Bool = false) async throws -> Int64 {
        try await clinic.desk.database.inspect(
            "select count(*) from delivery_events where clinic_id = \(clinic.clinic) and (is_waiting or not \(waiting))"
        ) { rows in try rows[0][0] }
    }

    private func suppressed(_ clinic: TestClinic) async throws -> Int64 {
        try await clinic.desk.database.inspect(
            "select count(*) from suppressions where clinic_id = \(clinic.clinic)"
        ) { rows in try rows[0][0] }
    }

    @Test(arguments: tellers) func itSaysWhatBecameOfAMessage(teller: Teller) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try teller.draft(sandbox))
            let (bounced, delivered) = (try await sent(clinic), try await sent(clinic))
            let bounce = teller.signed(try teller.body(.hardBounce, bounced, to: [address(clinic)]), sandbox)
            #expect(try await tell(clinic, teller, bounce) == 200)
            let failed = try await clinic.message(bounced)
            #expect(failed.status == .failed && failed.reason?.code == "hard_bounce")
            // By the provider's own id alone, as events without our tag come.
            let providerID = try #require(try await clinic.message(delivered).attempts.first?.providerMessageId)
            let body = try teller.body(.delivered, nil, providerID: providerID, to: [address(clinic).uppercased()])
            #expect(try await tell(clinic, teller, teller.signed(body, sandbox)) == 200)
            #expect(try await clinic.message(delivered).status == .delivered)
            // Late and out of order.
            let late = teller.signed(try teller.body(.hardBounce, delivered, to: [address(clinic)]), sandbox)
            #expect(try await tell(clinic, teller, late) == 200)
            #expect(try await clinic.message(delivered).status == .delivered)
            #expect(try await suppressed(clinic) == 1)
            let next = try await clinic.send(to: address(clinic))
            #expect(try await clinic.settled(next, [.suppressed]).reason?.code == "suppressed_hard_bounce")
        }
    }

    @Test(arguments: tellers) func aForgedOneIsRefusedAndKeepsNothing(teller: Teller) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, bare) = (try TestClinic(), try TestClinic())
            try await clinic.configure(try teller.draft(sandbox))
            try await bare.configure(try .named(teller.provider, at: sandbox.url(teller.provider)))
            let id = try await sent(clinic)
            let body = try teller.body(.hardBounce, id, to: [address(clinic)])
            let good = teller.signed(body, sandbox)
            let day: Duration = .seconds(2 * 86_400)
            var changed = good
            changed.body = Array(String(decoding: good.body, as: UTF8.self).replacing("ounce", with: "ounze").utf8)
            var calls = [
                teller.signed(body, sandbox, forged: true), teller.signed(body, sandbox, at: .now() - day),
                teller.signed(body, sandbox, at: .now() + day), changed, (body, [:]), ([], good.headers),
            ]
            if teller.provider == "aws_ses" {
                for origin in ["https://evil.example", "http://127.0.0.1:9", "https://sns.eu-west-2.amazonaws.com"] {
                    calls.append(teller.signed(body, sandbox, origin: origin))
                }
            }
            for (index, call) in calls.enumerated() {
                #expect(try await tell(clinic, teller, call) == 401, "call \(index)")
            }
            // Signed well, for somebody else.
            #expect(try await tell(bare, teller, good) == 401)
            #expect(try await tell(try TestClinic(), teller, good) == 401)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await kept(clinic) == 0)
        }
    }

    @Test(arguments: tellers) func theSameFiftyTimesAtOnceIsOne(teller: Teller) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try teller.draft(sandbox))
            let id = try await sent(clinic)
            let version = try await clinic.version(of: id)
            let call = teller.signed(try teller.body(.hardBounce, id, to: [address(clinic)]), sandbox, id: "same")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 { group.addTask { try await tell(clinic, teller, call) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 50))
            #expect(try await kept(clinic) == 1)
            #expect(try await clinic.message(id).status == .failed)
            #expect(try await clinic.version(of: id) == version + 1)
        }
    }

    /// Of three recipients two bounced: the message to the third is none of them.
    @Test(arguments: tellers.filter { $0.provider != "resend" })
    func onlyWhoIsNamedIsConcerned(teller: Teller) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try teller.draft(sandbox))
            let (mine, theirs) = (try await sent(clinic), try await sent(clinic))
            let others = ["x@example.com", "y@example.com"]
            let about = teller.signed(try teller.body(.hardBounce, mine, to: others), sandbox)
            #expect(try await tell(clinic, teller, about) == 200)
            #expect(try await clinic.message(mine).status == .sent)
            #expect(try await suppressed(clinic) == 0)
            let all = teller.signed(
                try teller.body(.hardBounce, theirs, to: others + ["\"Asha\" <\(address(clinic))>"]),
                sandbox
            )
            #expect(try await tell(clinic, teller, all) == 200)
            #expect(try await clinic.message(theirs).status == .failed)
            #expect(try await suppressed(clinic) == 1)
        }
    }

    @Test(arguments: tellers) func whatComesBeforeItsMessageWaitsForIt(teller: Teller) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try teller.draft(sandbox))
            let id = try await sent(clinic)
            let early = "early-\(clinic.clinic.low)"
            let body = try teller.body(.delivered, nil, providerID: early, to: [address(clinic)])
            #expect(try await tell(clinic, teller, teller.signed(body, sandbox)) == 200)
            #expect(try await kept(clinic, waiting: true) == 1)
            // The provider's id becomes known a moment later, as when our own commit comes behind its webhook.
            let tenant = Tenant(clinic.clinic, actor: "test")
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                tx.execute(
                    """
                    update message_attempts set provider_message_id = \(early)
                    where clinic_id = clinic_id() and message_id = \(id)
                    """
                )
            }
            #expect(try await clinic.settled(id, [.delivered]).status == .delivered)
            try await eventually("nothing waits any more") { try await kept(clinic, waiting: true) == 0 }
        }
    }

    @Test func aCertificateThatCannotBeHadIsAskedForAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, teller) = (try TestClinic(), Teller(provider: "aws_ses"))
            try await clinic.configure(try teller.draft(sandbox))
            let id = try await sent(clinic)
            let call = teller.signed(try teller.body(.hardBounce, id, to: [address(clinic)]), sandbox)
            try await sandbox.fault("down", of: "aws_ses")
            #expect(try await tell(clinic, teller, call) == 503)
            try await sandbox.fault("reset", of: "aws_ses")
            #expect(try await tell(clinic, teller, call) == 503)
            try await sandbox.fault(nil, of: "aws_ses")
            #expect(try await tell(clinic, teller, call) == 200)
            #expect(try await clinic.message(id).status == .failed)
        }
    }

    @Test func aSubscriptionIsConfirmedForTheClinicsOwnTopicOnly() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, teller) = (try TestClinic(), Teller(provider: "aws_ses"))
            try await clinic.configure(try teller.draft(sandbox))
            func subscription(_ topic: String, _ token: String) -> (body: [UInt8], headers: [String: String]) {
                let event = WebhookSender.Event(
                    id: token,
                    type: SNSTopics.confirmation,
                    account: "a",
                    clinic: nil,
                    body: Array("You have chosen to subscribe.".utf8)
                )
                let delivery = SNSTopics.delivery(of: event, topic, .now(), origin: sandbox.url("aws_ses"))
                return (delivery.body, [:])
            }
            let (own, foreign) = (try await sandbox.subscribe(Self.topic), try await sandbox.subscribe(Self.oldTopic))
            #expect(try await tell(clinic, teller, subscription(Self.oldTopic, foreign)) == 401)
            #expect(try await sandbox.isConfirmed(foreign) == false)
            #expect(try await tell(clinic, teller, subscription(Self.topic, "we_unknown")) == 400)
            #expect(try await tell(clinic, teller, subscription(Self.topic, own)) == 200)
            #expect(try await sandbox.isConfirmed(own) == true)
            #expect(try await kept(clinic) == 0)
        }
    }

    @Test func aReplacedKeyStaysValidForADay() async throws {
        try await SandboxPlace.with { sandbox in
            for teller in Self.tellers where teller.provider != "aws_ses" {
                let clinic = try TestClinic()
                let first = try #require(try await clinic.configure(try teller.draft(sandbox)).email?.primary)
                let id = try await sent(clinic)
                var renewed = ProviderDraft(id: first.id, provider: first.provider, credentials: first.credentials)
                renewed.credentials["webhookPublicKey"] =
                    teller.provider == "sendgrid" ? .text(SendGrid.publicKey("new-seed")) : nil
                renewed.credentials["webhookSecret"] =
                    teller.provider == "resend" ? .string("whsec_bmV3LXNlY3JldA==") : nil
                try await clinic.configure(renewed)
                let call = teller.signed(try teller.body(.hardBounce, id, to: [address(clinic)]), sandbox)
                #expect(try await tell(clinic, teller, call) == 200)
                #expect(try await clinic.message(id).status == .failed)
            }
        }
    }

    @Test func keysThatAreNoneAreRefused() async throws {
        let clinic = try TestClinic()
        for (provider, key, value) in [
            ("aws_ses", "eventTopicArn", "arn:aws:sqs:eu-west-1:123456789012:x"),
            ("sendgrid", "webhookPublicKey", "no key"), ("resend", "webhookSecret", "whsec_*"),
        ] {
            var draft = try ProviderDraft.named(provider, at: SandboxPlace.nowhere)
            draft.credentials[key] = .string(value)
            let answer = try await clinic.ask(
                MessageDesk.endpoints.configuration.put,
                ConfigurationDraft(clinicId: clinic.clinic, email: ChannelDraft(primary: draft)),
                ifNoneMatch: "*"
            )
            #expect(answer.status == 422 && answer.pointers == ["/email/primary/credentials/\(key)"])
        }
    }
}
