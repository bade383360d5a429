import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

@Suite(.timeLimit(.minutes(2))) struct DeliveryTests {
    private static let key = "clinic-authentication-key"
    private let endpoint = MessageDesk.endpoints.deliveries.receive

    private func signed(_ sandbox: SandboxPlace) -> ProviderDraft {
        var draft = ProviderDraft.zeptomail(sandbox.zeptomail)
        draft.credentials["webhookSecret"] = .string(Self.key)
        return draft
    }

    private func notice(_ event: String, _ message: MessageID, id: String = "\(RequestID())") throws -> [UInt8] {
        try JSONWriter.encode(
            [
                "event_name": [.string(event)], "webhook_request_id": .string(id),
                "event_message": [["email_info": ["client_reference": .string("\(message)")], "event_data": []]],
            ] as JSONValue
        )
    }

    private func tell(
        _ clinic: TestClinic,
        _ body: [UInt8],
        provider: String = "zeptomail",
        key: String = Self.key
    ) async throws -> Int {
        let input = WebhookPayload(provider: provider, clinicId: clinic.clinic, body: RawBody(body))
        let headers = Dictionary(uniqueKeysWithValues: ZeptoMail.sign(key, body, .now()))
        return try await clinic.ask(endpoint, input, as: .init(kind: .provider, id: "test"), headers: headers).status
    }

    private func sent(_ clinic: TestClinic) async throws -> MessageID {
        let id = try await clinic.send(to: "w\(clinic.clinic.low)@example.com")
        #expect(try await clinic.settled(id).status == .sent)
        return id
    }

    @Test func itSaysWhatBecameOfAMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(signed(sandbox))
            let (delivered, bounced) = (try await sent(clinic), try await sent(clinic))
            #expect(try await tell(clinic, notice("delivered", delivered)) == 200)
            #expect(try await clinic.message(delivered).status == .delivered)
            #expect(try await tell(clinic, notice("hardbounce", bounced)) == 200)
            let failed = try await clinic.message(bounced)
            #expect(failed.status == .failed && failed.reason?.code == "hard_bounce")
            // Late and out of order: what was delivered stays delivered.
            #expect(try await tell(clinic, notice("softbounce", delivered)) == 200)
            #expect(try await clinic.message(delivered).status == .delivered)
        }
    }

    @Test func theSameTenTimesAtOnceIsOne() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(signed(sandbox))
            let id = try await sent(clinic)
            let version = try await clinic.version(of: id)
            let body = try notice("hardbounce", id)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<10 { group.addTask { try await tell(clinic, body) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 10))
            let kept = try await clinic.desk.database.inspect(
                "select count(*) from delivery_events where clinic_id = \(clinic.clinic)"
            ) { rows -> Int64 in try rows[0][0] }
            #expect(kept == 1)
            #expect(try await clinic.message(id).status == .failed)
            #expect(try await clinic.version(of: id) == version + 1)
        }
    }

    @Test func onlyTheClinicsOwnProviderIsBelieved() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await clinic.configure(signed(sandbox))
            var foreign = signed(sandbox)
            foreign.credentials["webhookSecret"] = "the-other-clinics-key"
            try await other.configure(foreign)
            let id = try await sent(clinic)
            let body = try notice("hardbounce", id)
            #expect(try await tell(clinic, body, key: "guessed") == 401)
            #expect(try await tell(clinic, body, key: "the-other-clinics-key") == 401)
            #expect(try await tell(clinic, body, provider: "smtp") == 401)
            #expect(try await tell(clinic, body, provider: "fcm") == 404)
            #expect(try await tell(try TestClinic(), body) == 401)
            // Signed well by the other clinic, about a message that is not its own.
            #expect(try await tell(other, body, key: "the-other-clinics-key") == 200)
            #expect(try await clinic.message(id).status == .sent)
            #expect(try await tell(clinic, Array("{}".utf8)) == 400)
        }
    }

    @Test func aMessageThatWasNotGivenToItIsNotItsToTell() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort), signed(sandbox))
            let id = try await sent(clinic)
            #expect(try await tell(clinic, notice("hardbounce", id)) == 200)
            #expect(try await clinic.message(id).status == .sent)
        }
    }
}
