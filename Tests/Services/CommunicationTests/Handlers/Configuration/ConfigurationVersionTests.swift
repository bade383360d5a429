import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Earlier versions of a clinic's providers, and what they leave behind.
@Suite(.timeLimit(.minutes(2))) struct ConfigurationVersionTests {
    private let endpoints = MessageDesk.endpoints.configuration

    private func versions(_ clinic: TestClinic, limit: Int? = nil, cursor: String? = nil) async throws
        -> TestClinic.Answer<Page<ConfigurationVersion>>
    {
        let request = ConfigurationVersionsRequest(clinicId: clinic.clinic, limit: limit, cursor: cursor)
        return try await clinic.ask(endpoints.versions, request)
    }

    private func path(_ clinic: TestClinic) -> ConfigurationPath { ConfigurationPath(clinicId: clinic.clinic) }

    private func restore(_ clinic: TestClinic, _ version: Int64, ifMatch: String? = nil, ifNoneMatch: String? = nil)
        async throws -> TestClinic.Answer<CommunicationConfiguration>
    {
        try await clinic.ask(
            endpoints.restore,
            ConfigurationVersionPath(clinicId: clinic.clinic, version: version),
            ifMatch: ifMatch,
            ifNoneMatch: ifNoneMatch
        )
    }

    @Test func everyVersionIsListedAndCanBeRestored() async throws {
        let clinic = try TestClinic()
        #expect(try await versions(clinic).output?.items.isEmpty == true)
        try await clinic.configure(.zeptomail(SandboxPlace.nowhere, token: "the-first-token-0001"))
        try await clinic.configure(.smtp(port: 2_525))
        let found = try #require(try await versions(clinic).output)
        #expect(found.items.map(\.version) == [2, 1] && found.items.first?.updatedBy == TestClinic.admin.id)
        #expect(found.nextCursor == nil)
        #expect(try await restore(clinic, 1, ifMatch: "\"1\"").status == 412)
        #expect(try await restore(clinic, 9, ifMatch: "\"2\"").status == 404)
        let restored = try await restore(clinic, 1, ifMatch: "\"2\"")
        #expect(restored.status == 200 && restored.version == "\"3\"")
        #expect(restored.output?.email?.primary.provider == "zeptomail")
        #expect(restored.output?.email?.primary.credentials["sendMailToken"] == "••••0001")
        #expect(try await clinic.ask(endpoints.read, path(clinic)).output?.version == 3)
        // Another clinic has no such version.
        #expect(try await restore(try TestClinic(), 1, ifNoneMatch: "*").status == 404)
    }

    @Test func versionsAreListedPageByPage() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        for _ in 0..<5 { try await clinic.configure(.smtp(port: 2_525)) }
        var (seen, cursor): ([Int64], String?) = ([], nil)
        repeat {
            let page = try #require(try await versions(clinic, limit: 2, cursor: cursor).output)
            seen += page.items.map(\.version)
            cursor = page.nextCursor
            if let cursor { #expect(try await versions(other, cursor: cursor).status == 422) }
        } while cursor != nil
        #expect(seen == [5, 4, 3, 2, 1])
        var request = ConfigurationVersionsRequest(clinicId: clinic.clinic, sort: .oldestFirst, limit: 3)
        let first = try #require(try await clinic.ask(endpoints.versions, request).output)
        request.cursor = first.nextCursor
        let second = try #require(try await clinic.ask(endpoints.versions, request).output)
        #expect((first.items + second.items).map(\.version) == [1, 2, 3, 4, 5])
    }

    @Test func aDeletedConfigurationCanBeBroughtBack() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 2_525))
        #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "\"1\"").status == 204)
        #expect(try await restore(clinic, 2, ifNoneMatch: "*").code == "nothing_to_restore")
        #expect(try await restore(clinic, 1, ifMatch: "\"1\"").status == 412)
        #expect(try await restore(clinic, 1, ifNoneMatch: "*").status == 201)
        #expect(endpoints.restore.status == 200 && endpoints.restore.furtherStatuses == [201])
        #expect(try await clinic.ask(endpoints.read, path(clinic)).output?.email?.primary.provider == "smtp")
    }

    @Test func settingsAloneCanBeBroughtBack() async throws {
        let clinic = try TestClinic()
        let alone = ConfigurationDraft(clinicId: clinic.clinic, settings: CommunicationSettings(fallbackAfter: 600))
        #expect(try await clinic.ask(endpoints.put, alone, ifNoneMatch: "*").status == 201)
        try await clinic.configure(.smtp(port: 2_525))
        let restored = try await restore(clinic, 1, ifMatch: "\"2\"")
        #expect(restored.status == 200 && restored.output?.email == nil)
        #expect(restored.output?.settings.fallbackAfter == 600)
    }

    @Test func eachEntrySaysWhereItsWebhooksGo() async throws {
        let clinic = try TestClinic()
        let shown = try await clinic.configure(.zeptomail(SandboxPlace.nowhere), .smtp(port: 2_525))
        let url = "https://clinic.example/api/v1/webhooks/communication/zeptomail/\(clinic.clinic)"
        #expect(shown.email?.primary.webhookUrl == url)
        #expect(shown.email?.fallback.first?.webhookUrl == nil)
        // What was read may be sent back.
        var again = ProviderDraft(
            id: shown.email?.primary.id,
            provider: "zeptomail",
            credentials: try #require(shown.email?.primary.credentials)
        )
        again.webhookUrl = url
        try await clinic.configure(again)
    }

    private static let (old, new) = ("whsec_b2xkLXNlY3JldC0wMDAx", "whsec_bmV3LXNlY3JldC0wMDAx")

    private func resend(_ secret: String, id: ProviderEntryID? = nil) -> ProviderDraft {
        var draft = ProviderDraft.resend(SandboxPlace.nowhere)
        draft.id = id
        draft.credentials["webhookSecret"] = .string(secret)
        return draft
    }

    /// What a webhook signed with a secret is answered with.
    private func status(_ clinic: TestClinic, _ secret: String) async throws -> Int {
        let body = Array(#"{"type":"email.sent","data":{}}"#.utf8)
        let headers = Resend.sign(secret, id: "\(RequestID())", body, .now())
        return try await clinic.ask(
            MessageDesk.endpoints.deliveries.receive,
            WebhookPayload(provider: "resend", clinicId: clinic.clinic, body: RawBody(body)),
            as: Principal(kind: .provider, id: "test"),
            headers: Dictionary(uniqueKeysWithValues: headers)
        ).status
    }

    @Test func aFormerSecretIsGoodUntilItIsDropped() async throws {
        let clinic = try TestClinic()
        let id = try #require(try await clinic.configure(resend(Self.old)).email?.primary.id)
        #expect(try await status(clinic, Self.new) == 401)
        try await clinic.configure(resend(Self.new, id: id))
        #expect(try await status(clinic, Self.old) == 200)
        #expect(try await status(clinic, Self.new) == 200)
        #expect(try await clinic.ask(endpoints.dropFormerSecrets, path(clinic)).status == 428)
        #expect(try await clinic.ask(endpoints.dropFormerSecrets, path(clinic), ifMatch: "\"1\"").status == 412)
        #expect(try await clinic.ask(endpoints.dropFormerSecrets, path(clinic), ifMatch: "\"2\"").status == 204)
        #expect(try await status(clinic, Self.old) == 401)
        #expect(try await status(clinic, Self.new) == 200)
    }

    @Test func whoSendsNoIdsReplacesTheSecretAllTheSame() async throws {
        let clinic = try TestClinic()
        let first = try await clinic.configure(resend(Self.old))
        let second = try await clinic.configure(resend(Self.new))
        #expect(second.email?.primary.id == first.email?.primary.id)
        #expect(try await status(clinic, Self.old) == 200)
        #expect(try await status(clinic, Self.new) == 200)
    }

    @Test func restoringLeavesTheSecretOfBeforeGoodForADay() async throws {
        let clinic = try TestClinic()
        let id = try #require(try await clinic.configure(resend(Self.old)).email?.primary.id)
        try await clinic.configure(resend(Self.new, id: id))
        #expect(try await restore(clinic, 1, ifMatch: "\"2\"").status == 200)
        #expect(try await status(clinic, Self.new) == 200)
        #expect(try await status(clinic, Self.old) == 200)
        let drop = try await clinic.ask(endpoints.dropFormerSecrets, path(clinic), ifMatch: "\"3\"")
        #expect(drop.status == 204)
        #expect(try await status(clinic, Self.new) == 401)
    }
}
