import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox
@testable import ServiceHost

/// Webhooks while the database is away: refused so that the provider tells again, and then taken in once.
@Suite(.timeLimit(.minutes(2))) struct DatabaseAwayTests {
    private static let topic = "arn:aws:sns:eu-west-1:123456789012:clinic"

    private func tell(
        _ clinic: TestClinic,
        _ call: WebhookSender.Delivery,
        through dispatcher: Dispatcher
    ) async throws -> Int {
        let input = WebhookPayload(provider: "aws_ses", clinicId: clinic.clinic, body: RawBody(call.body))
        let request = BusRequest(
            operation: MessageDesk.endpoints.deliveries.receive.name,
            clinic: clinic.clinic,
            principal: Principal(kind: .provider, id: "test"),
            scope: .clinic,
            deadline: .after(.seconds(20)),
            idempotencyKey: "\(RequestID())",
            clientKey: false,
            ifMatch: nil,
            ifNoneMatch: nil,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            headers: Dictionary(uniqueKeysWithValues: call.headers),
            input: try JSONWriter.encode(input)
        )
        guard case .reply(let reply) = await dispatcher.answer(request, redelivered: false) else { return 0 }
        return reply.status
    }

    @Test func whatIsToldMeanwhileIsToldAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var draft = ProviderDraft.awsSES(sandbox.url("aws_ses"))
            draft.credentials["eventTopicArn"] = .string(Self.topic)
            try await clinic.configure(draft)
            let address = "away\(clinic.clinic.low)@example.com"
            let id = try await clinic.send(to: address)
            #expect(try await clinic.settled(id).status == .sent)
            let event: JSONValue = [
                "eventType": "Bounce", "mail": ["messageId": "x", "tags": ["message_id": [.string("\(id)")]]],
                "bounce": [
                    "bounceType": "Permanent", "bounceSubType": "General",
                    "bouncedRecipients": [["emailAddress": .string(address)]],
                ],
            ]
            let call = SNSTopics.delivery(
                of: .init(
                    id: "away-1",
                    type: "Notification",
                    account: "a",
                    clinic: nil,
                    body: try JSONWriter.encode(event)
                ),
                Self.topic,
                .now(),
                origin: sandbox.url("aws_ses")
            )
            let desk = clinic.desk
            let nowhere = desk.database.pool {
                $0 = DatabaseConfiguration(
                    url: Secret("postgresql://nobody:x@127.0.0.1:9/none"),
                    schema: "communication"
                )
                $0.waitLimit = .seconds(1)
            }
            let away = Dispatcher(
                service: .communication,
                handlers: desk.dispatcher.handlers,
                database: nowhere,
                replies: desk.dispatcher.replies,
                policy: desk.dispatcher.policy,
                log: desk.dispatcher.log
            )
            // A 4xx would be the end of it at SNS.
            for _ in 0..<2 { #expect(try await tell(clinic, call, through: away) == 503) }
            #expect(try await clinic.message(id).status == .sent)
            for _ in 0..<2 { #expect(try await tell(clinic, call, through: desk.dispatcher) == 200) }
            #expect(try await clinic.message(id).reason?.code == "hard_bounce")
            let clinicID = clinic.clinic
            let kept = try await desk.database.inspect(
                "select count(*) from delivery_events where clinic_id = \(clinicID)"
            ) { rows -> Int64 in try rows[0][0] }
            #expect(kept == 1)
        }
    }
}
