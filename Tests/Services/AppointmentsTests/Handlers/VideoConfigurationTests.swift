import AppointmentsAPI
import Authorization
import Contracts
import Core
import CryptoExtras
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Appointments

/// Which providers a clinic's video sessions are held with: its own, or the installation's where it chose them.
@Suite(.timeLimit(.minutes(2))) struct VideoConfigurationTests {
    let calendar: ClinicCalendar
    let endpoints = ClinicCalendar.endpoints.video
    let installation = ClinicCalendar.endpoints.defaultVideo
    private static let secret = "openvidu-secret-0042"

    init() throws { calendar = try ClinicCalendar() }

    private var openVidu: VideoProviderDraft {
        VideoProviderDraft(
            provider: "openvidu",
            credentials: ["url": "https://video.clinic.example", "secret": .string(Self.secret)]
        )
    }

    private var jitsi: VideoProviderDraft {
        VideoProviderDraft(
            provider: "jitsi",
            credentials: ["domain": "meet.clinic.example", "appId": "clinic", "appSecret": "jitsi-app-secret-0007"]
        )
    }

    private func draft(
        _ primary: VideoProviderDraft? = nil,
        _ fallback: [VideoProviderDraft]? = nil,
        settings: VideoSettings? = nil,
        of clinic: ClinicID? = nil
    ) -> VideoConfigurationDraft {
        VideoConfigurationDraft(
            clinicId: clinic ?? calendar.clinic,
            primary: primary,
            fallback: fallback,
            settings: settings
        )
    }

    private func effective(_ clinic: ClinicID? = nil) async throws -> EffectiveVideoConfiguration? {
        let path = VideoConfigurationPath(clinicId: clinic ?? calendar.clinic)
        return try await calendar.ask(endpoints.effective, path, clinic: clinic).output
    }

    @Test func theFirstOneSaysSoAndSecretsAreMasked() async throws {
        let path = VideoConfigurationPath(clinicId: calendar.clinic)
        let missing = try await calendar.ask(endpoints.read, path)
        #expect(missing.status == 404 && missing.code == "not_configured")
        #expect(try await calendar.ask(endpoints.put, draft(openVidu)).status == 428)
        #expect(try await calendar.ask(endpoints.put, draft(openVidu), ifMatch: "\"1\"").status == 412)
        let made = try await calendar.ask(endpoints.put, draft(openVidu, [jitsi]), ifNoneMatch: "*")
        #expect(made.status == 201 && made.version == "\"1\"")
        let read = try await calendar.ask(endpoints.read, path)
        #expect(read.output == made.output && read.version == "\"1\"")
        #expect(read.output?.primary?.credentials["secret"] == "••••0042")
        #expect(read.output?.primary?.credentials["url"] == "https://video.clinic.example")
        #expect(read.output?.fallback.first?.credentials["appSecret"] == "••••0007")
        #expect(read.output?.settings == VideoSettings(allowDefault: false))
        #expect(try await effective() == .init(source: .clinic, providers: ["openvidu", "jitsi"]))
        // Another clinic has none of it.
        let other = ClinicID()
        let foreign = try await calendar.ask(endpoints.read, VideoConfigurationPath(clinicId: other), clinic: other)
        #expect(foreign.code == "not_configured")
        #expect(try await effective(other) == .init(source: .none, providers: []))
    }

    @Test func maskedSecretsAreKeptWhereTheyGoTheSameWay() async throws {
        let first = try #require(
            try await calendar.ask(endpoints.put, draft(openVidu, [jitsi]), ifNoneMatch: "*").output
        )
        func shown(_ provider: ConfiguredVideoProvider?) throws -> VideoProviderDraft {
            let provider = try #require(provider)
            return VideoProviderDraft(id: provider.id, provider: provider.provider, credentials: provider.credentials)
        }
        let (primary, second) = (try shown(first.primary), try shown(first.fallback.first))
        #expect(try await calendar.ask(endpoints.put, draft(primary, [second])).status == 428)
        let swapped = try await calendar.ask(endpoints.put, draft(second, [primary]), ifMatch: "\"1\"")
        #expect(swapped.status == 200 && swapped.version == "\"2\"")
        #expect(swapped.output?.primary?.provider == "jitsi" && swapped.output?.fallback.first?.id == primary.id)
        #expect(try await calendar.ask(endpoints.put, draft(primary), ifMatch: "\"1\"").status == 412)
        var moved = primary
        moved.credentials["url"] = "https://elsewhere.example"
        let refused = try await calendar.ask(endpoints.put, draft(moved), ifMatch: "\"2\"")
        #expect(refused.status == 422 && refused.code == "secret_missing")
        let none = try await calendar.ask(endpoints.put, draft(settings: VideoSettings()), ifMatch: "\"2\"")
        #expect(none.status == 200 && none.output?.primary == nil && none.output?.fallback == [])
    }

    /// One test tells the whole of it, for the installation has one configuration for all tests of a database.
    @Test func theInstallationsAreUsedWhereAClinicChoseThem() async throws {
        func ask<Input, Output>(
            _ endpoint: Endpoint<Input, Output>,
            _ input: Input,
            scope: Scope = .clinic,
            ifMatch: String? = nil,
            ifNoneMatch: String? = nil
        ) async throws -> ClinicCalendar.Answer<Output> {
            try await calendar.ask(
                endpoint,
                input,
                scope: scope,
                ifMatch: ifMatch,
                ifNoneMatch: ifNoneMatch,
                clinic: .installation
            )
        }
        let all = DefaultVideoProvidersDraft(primary: jitsi, fallback: [openVidu])
        #expect(try await ask(installation.read, EmptyInput()).code == "not_configured")
        #expect(try await ask(installation.put, all).status == 428)
        let made = try await ask(installation.put, all, ifNoneMatch: "*")
        #expect(made.status == 201 && made.output?.settings == nil)
        #expect(made.output?.primary?.credentials["appSecret"] == "••••0007")
        // Who holds the permission for some clinics only holds nothing here.
        #expect(try await ask(installation.read, EmptyInput(), scope: .account).status == 403)
        #expect(try await ask(installation.put, all, scope: .account, ifMatch: "*").status == 403)
        #expect(try await ask(installation.delete, EmptyInput(), scope: .account, ifMatch: "*").status == 403)
        #expect(try await effective() == .init(source: .none, providers: []))
        let chosen = draft(settings: VideoSettings(allowDefault: true))
        let first = try await calendar.ask(endpoints.put, chosen, ifNoneMatch: "*")
        #expect(first.status == 201 && first.output?.settings == VideoSettings(allowDefault: true))
        #expect(try await effective() == .init(source: .installation, providers: ["jitsi", "openvidu"]))
        // The clinic's own come first, and the installation's do not stand in for them.
        let own = draft(openVidu, settings: VideoSettings(allowDefault: true))
        #expect(try await calendar.ask(endpoints.put, own, ifMatch: first.version).status == 200)
        #expect(try await effective() == .init(source: .clinic, providers: ["openvidu"]))
        let back = try await calendar.ask(endpoints.put, chosen, ifMatch: "\"2\"")
        #expect(back.status == 200)
        #expect(try await ask(installation.delete, EmptyInput()).status == 428)
        #expect(try await ask(installation.delete, EmptyInput(), ifMatch: "\"9\"").status == 412)
        #expect(try await ask(installation.delete, EmptyInput(), ifMatch: made.version).status == 204)
        #expect(try await ask(installation.read, EmptyInput()).code == "not_configured")
        #expect(try await effective() == .init(source: .none, providers: []))
    }

    @Test(arguments: [
        ("openvidu", ["url": "https://v.example"], "/primary/credentials/secret: is required"),
        ("openvidu", ["url": "https://v.example", "apiKey": "k"], "/primary/credentials/apiSecret: is required"),
        (
            "openvidu", ["url": "https://v.example", "secret": "s", "apiKey": "k", "apiSecret": "s"],
            "/primary/credentials/secret: is not used together with apiKey, apiSecret"
        ),
        ("openvidu", ["secret": "s"], "/primary/credentials/url: is required"),
        (
            "openvidu", ["url": "video", "secret": "s"],
            "/primary/credentials/url: \(OutboundError.malformedURL.description)"
        ),
        (
            "openvidu", ["url": "https://169.254.169.254", "secret": "s"],
            "/primary/credentials/url: \(OutboundError.addressNotAllowed.description)"
        ),
        (
            "openvidu", ["url": "https://v.example", "secret": "s", "endpoint": "https://other.example"],
            "/primary/credentials/endpoint: \(OutboundError.hostNotAllowed.description)"
        ),
        (
            "jitsi", ["domain": "localhost", "appId": "a", "appSecret": "s"],
            "/primary/credentials/domain: \(OutboundError.addressNotAllowed.description)"
        ),
        ("jitsi", ["appId": "a", "appSecret": "s"], "/primary/credentials/domain: is required"),
        (
            "jitsi", ["appId": "a", "keyId": "k", "privateKey": "no key"],
            "/primary/credentials/privateKey: must be an RSA private key of 2,048 bits or more, as PEM"
        ),
        ("zoom", ["a": "b"], "/primary/provider: must be one of openvidu, jitsi"),
    ]) func whatCannotBeIsRefusedAtItsPlace(_ provider: String, _ credentials: [String: String], _ fault: String)
        async throws
    {
        let wrong = VideoProviderDraft(provider: provider, credentials: credentials.mapValues { .string($0) })
        let refused = try await calendar.ask(endpoints.put, draft(wrong), ifNoneMatch: "*")
        #expect(refused.status == 422 && refused.faults == [fault], "\(refused.faults)")
    }

    @Test func whatIsNothingIsRefused() async throws {
        #expect(try await calendar.ask(endpoints.put, draft(), ifNoneMatch: "*").status == 422)
        let headless = try await calendar.ask(
            endpoints.put,
            draft(nil, [jitsi], settings: VideoSettings()),
            ifNoneMatch: "*"
        )
        #expect(headless.faults == ["/fallback: needs a primary before it"])
    }

    @Test func aPrivateKeySignsInToJitsi() async throws {
        let pem = try _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation
        let hosted = VideoProviderDraft(
            provider: "jitsi",
            credentials: ["appId": "vpaas-magic-cookie-1", "keyId": "a1b2c3", "privateKey": .string(pem)]
        )
        let made = try await calendar.ask(endpoints.put, draft(hosted), ifNoneMatch: "*")
        #expect(made.status == 201)
        let shown = try #require(made.output?.primary?.credentials["privateKey"]?.string)
        #expect(shown.hasPrefix("••••") && shown.count < 10)
    }
}
