import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

extension TestClinic {
    /// Takes texts in that somebody has sent to the clinic through Twilio.
    func take(_ texts: InboundText...) async throws {
        let intake = InboundIntake(
            store: InboundStore(dataKeys: desk.dataKeys),
            suppressions: SuppressionStore(dataKeys: desk.dataKeys),
            addresses: AddressIndex(blindIndex: desk.blindIndex)
        )
        let id = clinic
        let entry = ProviderEntry(
            id: ProviderEntryID(high: 1, low: 1),
            channel: "sms",
            provider: "twilio",
            position: 0,
            credentials: Credentials([:]),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "f",
            formerSecrets: []
        )
        try await desk.database.database.transaction(for: Tenant(id, actor: "provider:twilio")) { tx in
            try intake.take(texts, through: entry, clinic: id, at: .now(), in: tx)
        }
    }

    /// Hands a provider's call to the clinic's webhook, and gives the status that the provider gets.
    func bring(_ body: [UInt8], headers: [String: String], by provider: String) async throws -> Int {
        let input = WebhookPayload(provider: provider, clinicId: clinic, body: RawBody(body))
        let caller = Principal(kind: .provider, id: "test")
        return try await ask(MessageDesk.endpoints.deliveries.receive, input, as: caller, headers: headers).status
    }

    func bring(_ call: (body: [UInt8], headers: [String: String]), by provider: String) async throws -> Int {
        try await bring(call.body, headers: call.headers, by: provider)
    }

    /// What a mail server shows with the mails that it hands in, where the clinic's `verifyToken` is this.
    static let mailToken = "inbound-mail-token-0001"

    /// Hands an e-mail in as a mail server does.
    func bring(mail: [UInt8]) async throws -> Int {
        try await bring(mail, headers: ["Authorization": "Bearer \(Self.mailToken)"], by: "smtp")
    }

    /// What people have said to the clinic, over all conversations.
    func heard() async throws -> [InboundMessage] {
        let endpoints = MessageDesk.endpoints.conversations
        var found: [InboundMessage] = []
        for conversation in try #require(try await ask(endpoints.list, .init()).output).items {
            found += try #require(try await ask(endpoints.messages, .init(id: conversation.id)).output).items
        }
        return found
    }

    /// The events about what people have said to the clinic, in their order.
    func toldOfTexts() async throws -> [InboundMessageReceived] {
        let id = clinic
        return try await desk.database.inspect(
            "select payload from outbox where clinic_id = \(id) and name = 'message.received' order by position"
        ) { rows in
            try rows.map { row in
                let payload: [UInt8] = try row[0]
                return try JSONTape(payload).decode(InboundMessageReceived.self)
            }
        }
    }

    /// Waits until nothing is left to be written to anybody, and nothing that was written is left to be sent.
    func silence() async throws {
        let id = clinic
        try await eventually("nothing is left to be said") {
            try await desk.database.inspect(
                """
                select count(*) from jobs
                where clinic_id = \(id) and handler in (\(NoticeJob.name), \(SendMessageJob.name))
                """
            ) { try $0[0][0] as Int } == 0
        }
    }

    /// Why addresses are suppressed, in the alphabet's order.
    func suppressionReasons() async throws -> [String] {
        let id = clinic
        return try await desk.database.inspect(
            "select reason from suppressions where clinic_id = \(id) order by reason"
        ) { rows in try rows.map { try $0[0] } }
    }
}
