import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Synchronization
import TestKit
import Testing

@testable import Communication

/// What the product does with a provider that it knows by a line in its list, and by nothing else.
@Suite(.timeLimit(.minutes(2))) struct FurtherProviderTests {
    private static let desk = Result {
        try MessageDesk(
            apart: "_pigeon",
            providers: MessageProviders(MessageProviders.builtIn.types + [PigeonProvider.self])
        )
    }
    private static let seal = "seal-of-the-loft-0001"
    private static let number = "+4915112345678"

    private func clinic() throws -> TestClinic { TestClinic(at: try Self.desk.get()) }

    private func draft(_ clinic: TestClinic, _ changes: [String: JSONValue] = [:], rate: Double? = nil)
        -> ConfigurationDraft
    {
        let credentials: [String: JSONValue] = [
            "ring": .string("ring-\(clinic.clinic)"), "loft": "north", "webhookSecret": .string(Self.seal),
        ]
        return ConfigurationDraft(
            clinicId: clinic.clinic,
            sms: ChannelDraft(
                primary: ProviderDraft(
                    provider: PigeonProvider.name,
                    credentials: credentials.merging(changes) { $1 }.filter { $0.value != .null }
                )
            ),
            settings: rate.map { CommunicationSettings(rates: [PigeonProvider.name: $0]) }
        )
    }

    private func tell(_ clinic: TestClinic, _ notice: JSONValue, seal: String = seal) async throws -> Int {
        let input = WebhookPayload(
            provider: PigeonProvider.name,
            clinicId: clinic.clinic,
            body: RawBody(try JSONWriter.encode(notice))
        )
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            input,
            as: .init(kind: .provider, id: "test"),
            headers: [PigeonWebhooks.header: seal]
        ).status
    }

    @Test func itsCredentialsAreCheckedAndMasked() async throws {
        let (clinic, put) = (try clinic(), MessageDesk.endpoints.configuration.put)
        let place = "/sms/primary/credentials"
        for (change, pointer) in [
            (["ring": .null], "\(place)/ring"), (["feathers": "grey"], "\(place)/feathers"),
            (["loft": "east"], "\(place)/loft"),
        ] as [([String: JSONValue], String)] {
            let refused = try await clinic.ask(put, draft(clinic, change), ifNoneMatch: "*")
            #expect(refused.status == 422 && refused.pointers == [pointer], "\(String(describing: refused.problem))")
        }
        let taken = try await clinic.ask(put, draft(clinic, rate: 3), ifNoneMatch: "*")
        let shown = try #require(taken.output?.sms?.primary)
        #expect(taken.status == 201 && shown.credentials["loft"] == "north")
        #expect(shown.credentials["ring"]?.string?.hasPrefix("••••") == true)
        #expect(shown.credentials["webhookSecret"] == "••••0001")
        #expect(shown.webhookUrl?.hasSuffix("/webhooks/communication/pigeon_post/\(clinic.clinic)") == true)
        #expect(taken.output?.settings.rates == [PigeonProvider.name: 3])
        #expect(try await clinic.health().map(\.rate) == [EntryHealth.Rate(perSecond: 3)])
        let test = try await clinic.ask(
            MessageDesk.endpoints.configuration.test,
            ConfigurationTest(clinicId: clinic.clinic)
        )
        #expect(test.output?.results.map(\.ok) == [true])
        // Where nobody has listed it, it is none.
        let stranger = try TestClinic()
        let unknown = try await stranger.ask(put, draft(stranger), ifNoneMatch: "*")
        #expect(unknown.status == 422 && unknown.pointers == ["/sms/primary/provider"])
    }

    @Test func itSendsAndItsSignedWebhookMovesTheMessage() async throws {
        let clinic = try clinic()
        try await clinic.configure(draft(clinic))
        #expect(try await clinic.health().map(\.rate) == [EntryHealth.Rate(perSecond: PigeonProvider.usualRate)])
        let id = try await clinic.send(
            MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                content: MessageContent(subject: nil, text: "Come at nine.")
            )
        )
        #expect(try await clinic.settled(id).status == .sent)
        let flown = PigeonProvider.flown.withLock { $0["ring-\(clinic.clinic)"] }
        #expect(flown == ["\(Self.number): Come at nine."])
        let arrived: JSONValue = ["arrived": .string("pigeon-\(id)")]
        #expect(try await tell(clinic, arrived, seal: "another") == 401)
        #expect(try await clinic.message(id).status == .sent)
        #expect(try await tell(clinic, arrived) == 200)
        #expect(try await clinic.settled(id, [.delivered]).status == .delivered)
    }

    @Test func whatIsWrittenBackIsHeardAndItsFileFetched() async throws {
        let clinic = try clinic()
        try await clinic.configure(draft(clinic))
        let notice: JSONValue = [
            "id": .string("\(RequestID())"), "from": .string(Self.number), "text": "See this", "tied": "letter",
        ]
        #expect(try await tell(clinic, notice, seal: "another") == 401)
        #expect(try await tell(clinic, notice) == 200)
        let endpoints = MessageDesk.endpoints.conversations
        let (conversation, message) = try await eventually("the file to be there", within: .seconds(40)) {
            guard let conversation = try await clinic.ask(endpoints.list, .init()).output?.items.first,
                let message = try await clinic.ask(endpoints.messages, .init(id: conversation.id)).output?.items.first,
                message.files.first?.status == .kept
            else { return nil as (Conversation, InboundMessage)? }
            return (conversation, message)
        }
        let path = ConversationFilePath(id: conversation.id, messageId: message.id, place: 0)
        let file = try await clinic.text(endpoints.file, path, as: TestClinic.admin)
        #expect(file.status == 200 && file.text == "Tied with string.")
    }
}
