import BillingAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Billing

@Suite(.timeLimit(.minutes(2))) struct BillingConfigTests {
    let desk: BillingDesk
    let endpoints = BillingDesk.endpoints.config

    init() throws { desk = try BillingDesk() }

    private func draft(_ credentials: [String: JSONValue], id: ProviderEntryID? = nil) -> BillingConfigDraft {
        BillingConfigDraft(primary: .init(id: id, provider: "stripe", credentials: credentials))
    }

    @Test func theFirstOneSaysSoAndSecretsAreMasked() async throws {
        let missing = try await desk.ask(endpoints.read, EmptyInput())
        #expect(missing.status == 404 && missing.code == "not_configured")
        #expect(try await desk.ask(endpoints.replace, draft(desk.credentials)).status == 428)
        #expect(try await desk.ask(endpoints.replace, draft(desk.credentials), ifMatch: "\"1\"").status == 412)
        let made = try await desk.ask(endpoints.replace, draft(desk.credentials), ifNoneMatch: "*")
        #expect(made.status == 201 && made.version == "\"1\"")
        let config = try #require(
            try await desk.ask(endpoints.readOfClinic, BillingClinicPath(clinicId: desk.clinic)).output
        )
        #expect(config.primary.credentials["secretKey"] == .string("••••\(desk.secretKey.suffix(4))"))
        #expect(config.primary.credentials["webhookSecret"] == .string("••••\(desk.webhookSecret.suffix(4))"))
        #expect(config.primary.credentials["publishableKey"] == "pk_test_1")
        #expect(config.primary.webhookUrl == "https://clinic.example/api/v1/webhooks/billing/stripe/\(desk.clinic)")
    }

    @Test func aMaskedSecretIsKept() async throws {
        let first = try await desk.configure()
        var credentials = first.primary.credentials
        credentials["publishableKey"] = "pk_test_2"
        #expect(try await desk.ask(endpoints.replace, draft(credentials, id: first.primary.id)).status == 428)
        #expect(
            try await desk.ask(endpoints.replace, draft(credentials, id: first.primary.id), ifNoneMatch: "*").status
                == 412
        )
        let second = try await desk.ask(endpoints.replace, draft(credentials, id: first.primary.id), ifMatch: "\"1\"")
        #expect(second.status == 200 && second.version == "\"2\"")
        let stale = try await desk.ask(endpoints.replace, draft(credentials, id: first.primary.id), ifMatch: "\"1\"")
        #expect(stale.status == 412)
        let unnamed = try await desk.ask(endpoints.replace, draft(credentials), ifMatch: "\"2\"")
        #expect(unnamed.status == 200 && unnamed.output?.primary.id == first.primary.id)
        credentials["secretKey"] = "••••0000"
        let missing = try await desk.ask(endpoints.replace, draft(credentials), ifMatch: unnamed.version)
        #expect(missing.status == 422 && missing.code == "secret_missing")
        // What was kept still works: a payment begins with it.
        #expect(try await desk.pay(desk.booked()).status == 201)
    }

    /// The operator's own is kept for the operator: no clinic is paid through it, and none sees it.
    @Test func theOperatorsOwnStandsInForNobody() async throws {
        let installation = BillingDesk.endpoints.installation
        func ask<Input, Output>(
            _ endpoint: Endpoint<Input, Output>,
            _ input: Input,
            scope: Scope = .clinic,
            ifMatch: String? = nil,
            ifNoneMatch: String? = nil
        ) async throws -> BillingDesk.Answer<Output> {
            try await desk.ask(
                endpoint,
                input,
                scope: scope,
                ifMatch: ifMatch,
                ifNoneMatch: ifNoneMatch,
                clinic: .installation
            )
        }
        #expect(try await ask(installation.read, EmptyInput()).code == "not_configured")
        #expect(try await ask(installation.delete, EmptyInput(), ifMatch: "*").code == "not_configured")
        #expect(try await ask(installation.replace, draft(desk.credentials)).status == 428)
        let made = try await ask(installation.replace, draft(desk.credentials), ifNoneMatch: "*")
        #expect(made.status == 201 && made.output?.primary.webhookUrl == nil)
        let read = try await ask(installation.read, EmptyInput())
        #expect(read.output?.primary.credentials["secretKey"] == .string("••••\(desk.secretKey.suffix(4))"))
        // Who holds the permission for some clinics only holds nothing here.
        #expect(try await ask(installation.read, EmptyInput(), scope: .account).status == 403)
        #expect(
            try await ask(installation.replace, draft(desk.credentials), scope: .account, ifMatch: "*").status == 403
        )
        #expect(try await ask(installation.delete, EmptyInput(), scope: .account, ifMatch: "*").status == 403)
        #expect(try await desk.ask(endpoints.read, EmptyInput()).code == "not_configured")
        #expect(try await desk.pay(desk.booked()).code == "not_configured")
        #expect(try await ask(installation.delete, EmptyInput()).status == 428)
        #expect(try await ask(installation.delete, EmptyInput(), ifMatch: "\"9\"").status == 412)
        #expect(try await ask(installation.delete, EmptyInput(), ifMatch: made.version).status == 204)
        #expect(try await ask(installation.read, EmptyInput()).status == 404)
    }

    /// Gateways are told so, and what they refuse is refused here as well.
    @Test func webhooksAreTakenOfTheClinicsProviderAlone() async throws {
        func told() async throws -> WebhookPairs {
            let query = WebhookPairsQuery(owners: [desk.clinic])
            return try #require(try await desk.ask(WebhookEndpoints(of: .billing).pairs, query).output)
        }
        func post(_ provider: String) async throws -> (status: Int, code: String?) {
            let webhook = WebhookPayload(provider: provider, clinicId: desk.clinic, body: RawBody(Array("{}".utf8)))
            let answer = try await desk.ask(BillingDesk.endpoints.payments.receiveNotice, webhook, scope: .account)
            return (answer.status, answer.code)
        }
        let before = WebhookPairs(readable: ["stripe"], owners: [.init(id: desk.clinic, providers: [])])
        #expect(try await told() == before)
        let unsigned = try await post("stripe")
        #expect(unsigned.status == 401 && unsigned.code == "invalid_signature")
        let unknown = try await post("nobody")
        #expect(unknown.status == 404 && unknown.code == "not_found")
        _ = try await desk.configure()
        #expect(try await told().owners.map(\.providers) == [["stripe"]])
    }

    @Test func anEndpointThePolicyDoesNotAllowIsRefused() async throws {
        var credentials = desk.credentials
        credentials["endpoint"] = "http://10.0.0.1:8080"
        let refused = try await desk.ask(endpoints.replace, draft(credentials), ifNoneMatch: "*")
        #expect(refused.status == 422 && refused.code == "endpoint_not_allowed")
        credentials["endpoint"] = "http://127.0.0.1:8080"
        #expect(try await desk.ask(endpoints.replace, draft(credentials), ifNoneMatch: "*").status == 201)
    }

    @Test func allThatIsWrongIsToldAtOnce() async throws {
        var credentials = desk.credentials
        credentials["endpoint"] = "http://10.0.0.1:8080"
        credentials["publishableKey"] = nil
        credentials["webhookSecret"] = "••••0000"
        credentials["colour"] = "blue"
        let refused = try await desk.ask(endpoints.replace, draft(credentials, id: ProviderEntryID()), ifNoneMatch: "*")
        #expect(refused.status == 422 && refused.code == "secret_missing")
        guard case .array(let errors) = refused.problem?["errors"] else { throw TestKitError("no faults are told") }
        #expect(
            Set(errors.compactMap { $0["pointer"]?.string }) == [
                "/primary/id", "/primary/credentials/endpoint", "/primary/credentials/publishableKey",
                "/primary/credentials/webhookSecret", "/primary/credentials/colour",
            ]
        )
        // Nothing is said of the request before it is known to be about the present version.
        #expect(try await desk.ask(endpoints.replace, draft(credentials)).status == 428)
    }

    @Test func noSecretIsStoredInTheClear() async throws {
        _ = try await desk.configure()
        let payment = try #require(try await desk.pay(desk.booked()).output)
        let secret = try #require(payment.next.clientSecret)
        let (clinic, needles) = (desk.clinic, [desk.secretKey, desk.webhookSecret, secret])
        let stored = try await desk.test.inspect(
            """
            select encode(c.sealed, 'escape') || encode(p.sealed_secret, 'escape') || p::text || r::text
            from provider_config_versions c, payments p, replies r
            where c.clinic_id = \(clinic) and p.clinic_id = \(clinic) and r.clinic_id = \(clinic) limit 1
            """
        ) { rows -> String in try rows[0][0] }
        #expect(!needles.contains { stored.contains($0) })
    }
}
