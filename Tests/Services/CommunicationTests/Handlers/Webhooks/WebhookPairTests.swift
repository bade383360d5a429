import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// What gateways are told of whose webhooks are taken; it is what becomes of them here.
@Suite(.timeLimit(.minutes(1))) struct WebhookPairTests {
    private let clinic: TestClinic

    init() throws { clinic = try TestClinic() }

    private func pairs(_ owners: [ClinicID]) async throws -> WebhookPairs {
        let endpoint = WebhookEndpoints(of: .communication).pairs
        return try #require(try await clinic.ask(endpoint, WebhookPairsQuery(owners: owners)).output)
    }

    private func providers() async throws -> [String]? {
        let told = try await pairs([clinic.clinic])
        try #require(told.owners.map(\.id) == [clinic.clinic])
        return told.owners[0].providers
    }

    private func post(_ provider: String) async throws -> (status: Int, code: String?) {
        let webhook = WebhookPayload(provider: provider, clinicId: clinic.clinic, body: RawBody(Array("{}".utf8)))
        let answer = try await clinic.ask(MessageDesk.endpoints.deliveries.receive, webhook)
        return (answer.status, answer.code)
    }

    @Test func theyAreThoseOfThePresentConfigurationAndOfADayBefore() async throws {
        #expect(try await providers() == [])
        try await clinic.configure(
            email: [.zeptomail(SandboxPlace.nowhere), .smtp(port: 9)],
            sms: [.texts("twilio", at: SandboxPlace.nowhere)]
        )
        #expect(try await providers() == ["smtp", "twilio", "zeptomail"])
        try await clinic.configure(email: [.smtp(port: 9)])
        #expect(try await providers() == ["smtp", "twilio", "zeptomail"])
        let (endpoints, path) = (MessageDesk.endpoints.configuration, ConfigurationPath(clinicId: clinic.clinic))
        #expect(try await clinic.ask(endpoints.dropFormerSecrets, path, ifMatch: "*").status == 204)
        #expect(try await providers() == ["smtp"])
        #expect(try await clinic.ask(endpoints.delete, path, ifMatch: "*").status == 204)
        #expect(try await providers() == ["smtp"])
        #expect(try await clinic.ask(endpoints.dropFormerSecrets, path, ifMatch: "*").status == 204)
        #expect(try await providers() == [])
        // Nothing is left that could be forgotten.
        let again = try await clinic.ask(endpoints.dropFormerSecrets, path, ifMatch: "*")
        #expect(again.status == 404 && again.code == "not_configured")
    }

    @Test func manyClinicsAreTold() async throws {
        let other = try TestClinic()
        try await other.configure(email: [.smtp(port: 9)])
        let owners = [clinic.clinic, other.clinic] + (2..<WebhookPairsQuery.largest).map { _ in ClinicID() }
        let told = try await pairs(owners)
        #expect(told.owners.count == owners.count && Set(told.owners.map(\.id)) == Set(owners))
        for owner in told.owners { #expect(owner.providers == (owner.id == other.clinic ? ["smtp"] : [])) }
        let endpoint = WebhookEndpoints(of: .communication).pairs
        #expect(try await clinic.ask(endpoint, WebhookPairsQuery(owners: owners + [ClinicID()])).status == 422)
    }

    /// Rows from before names were kept have none.
    @Test func whereNamesAreNotKeptNothingIsSaid() async throws {
        try await clinic.configure(email: [.smtp(port: 9)])
        let id = clinic.clinic
        try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
            tx.execute("update provider_configs set providers = '{}' where clinic_id = \(id)")
        }
        #expect(try await providers() == nil)
    }

    @Test func othersWebhooksAreRefusedHereAsWell() async throws {
        try await clinic.configure(email: [.smtp(port: 9)])
        let readable = try await pairs([]).readable
        #expect(readable.contains("smtp") && readable.contains("twilio") && !readable.contains("fcm"))
        for provider in readable + ["fcm", "nobody"] where provider != "smtp" {
            let isRead = readable.contains(provider)
            let refused = try await post(provider)
            #expect(
                refused.status == (isRead ? 401 : 404) && refused.code == (isRead ? "invalid_signature" : "not_found")
            )
        }
    }
}
