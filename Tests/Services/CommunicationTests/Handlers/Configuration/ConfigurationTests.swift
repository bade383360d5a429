import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct ConfigurationTests {
    private let endpoints = MessageDesk.endpoints.configuration

    private func draft(_ clinic: TestClinic, _ email: ChannelDraft) -> ConfigurationDraft {
        ConfigurationDraft(clinicId: clinic.clinic, email: email)
    }

    private func path(_ clinic: TestClinic) -> ConfigurationPath { ConfigurationPath(clinicId: clinic.clinic) }

    @Test func theFirstOneIsMadeOnPurposeAndLaterOnesNameTheVersion() async throws {
        let clinic = try TestClinic()
        #expect(try await clinic.ask(endpoints.read, path(clinic)).code == "not_configured")
        let first = draft(
            clinic,
            ChannelDraft(primary: .zeptomail(SandboxPlace.nowhere), fallback: [.smtp(port: 2_525)])
        )
        #expect(try await clinic.ask(endpoints.put, first).status == 428)
        let made = try await clinic.ask(endpoints.put, first, ifNoneMatch: "*")
        #expect(made.status == 201)
        #expect(made.version == "\"1\"")
        #expect(try await clinic.ask(endpoints.put, first).status == 428)
        #expect(try await clinic.ask(endpoints.put, first, ifNoneMatch: "*").status == 412)
        #expect(try await clinic.ask(endpoints.put, first, ifMatch: "\"7\"").status == 412)
        #expect(try await clinic.ask(endpoints.put, first, ifMatch: "\"1\"").status == 200)
        let read = try await clinic.ask(endpoints.read, path(clinic))
        #expect(read.version == "\"2\"")
        let email = try #require(read.output?.email)
        #expect(email.primary.provider == "zeptomail" && email.fallback.map(\.provider) == ["smtp"])
        #expect(email.primary.credentials["sendMailToken"] == "••••0001")
        #expect(email.primary.updatedBy == TestClinic.admin.id)
    }

    @Test func secretsStandNowhereInTheClear() async throws {
        let clinic = try TestClinic()
        let secret = "very-secret-token-\(clinic.clinic)"
        try await clinic.configure(
            .zeptomail(SandboxPlace.nowhere, token: secret),
            .smtp(port: 2_525, password: "smtp-\(secret)")
        )
        let found = try await clinic.desk.database.inspect(
            """
            select count(*) from (select encode(sealed, 'escape') as text from provider_config_versions
            union all select encode(payload, 'escape') from outbox
            union all select r::text from replies r) as all_texts where text like \("%\(secret)%")
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(found == 0)
    }

    @Test func aMaskedSecretKeepsTheStoredOne() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let first = try await clinic.configure(.zeptomail(sandbox.zeptomail))
            let entry = try #require(first.email?.primary)
            try await clinic.configure(
                ProviderDraft(id: entry.id, provider: "zeptomail", credentials: entry.credentials)
            )
            #expect(try await clinic.settled(try await clinic.send()).status == .sent)
            var elsewhere = ProviderDraft(id: entry.id, provider: "zeptomail", credentials: entry.credentials)
            elsewhere.credentials["endpoint"] = "http://127.0.0.1:1/elsewhere"
            let stolen = try await clinic.ask(
                endpoints.put,
                draft(clinic, ChannelDraft(primary: elsewhere)),
                ifMatch: "*"
            )
            #expect(stolen.status == 422 && stolen.code == "secret_missing")
            let unnamed = ProviderDraft(provider: "zeptomail", credentials: entry.credentials)
            let kept = try await clinic.configure(unnamed)
            #expect(kept.email?.primary.id == entry.id)
            // A second entry has no secret of its own yet.
            let two = ChannelDraft(primary: unnamed, fallback: [unnamed])
            let lost = try await clinic.ask(endpoints.put, draft(clinic, two), ifMatch: "*")
            #expect(lost.status == 422 && lost.code == "secret_missing")
            #expect(lost.pointers == ["/email/fallback/0/credentials/sendMailToken"])
        }
    }

    /// As with every provider: mails go there, whatever stands beside it, and a password is not taken along.
    @Test func aMailServersEndpointStandsInItsPlace() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let endpoint = "smtp://127.0.0.1:\(sandbox.smtpPort)"
            let drafted = ProviderDraft.smtp(port: 25, host: "smtp.example.com", password: "pw", endpoint: endpoint)
            let shown = try #require(try await clinic.configure(drafted).email?.primary)
            #expect(shown.credentials["endpoint"]?.string == endpoint)
            #expect(shown.credentials["host"]?.string == "smtp.example.com")
            let message = try await clinic.settled(try await clinic.send())
            #expect(message.attempts.map(\.outcome) == [.accepted])
            #expect(try await sandbox.received(for: "asha@example.com").map(\.provider) == ["smtp"])
            let entry = try #require(try await clinic.configuredEntry())
            #expect(MessageProviders.builtIn.endpoint(of: entry) == "127.0.0.1:\(sandbox.smtpPort)")
            var elsewhere = ProviderDraft(id: shown.id, provider: "smtp", credentials: shown.credentials)
            elsewhere.credentials["endpoint"] = "smtp://127.0.0.1:1"
            let stolen = try await clinic.ask(
                endpoints.put,
                draft(clinic, ChannelDraft(primary: elsewhere)),
                ifMatch: "*"
            )
            #expect(stolen.status == 422 && stolen.code == "secret_missing")
        }
    }

    @Test func whereToConnectIsTheOperatorsToSay() async throws {
        let clinic = try TestClinic()
        let refused: [(ProviderDraft, String)] = [
            (.zeptomail("https://169.254.169.254"), "/email/primary/credentials/endpoint"),
            (.zeptomail("https://api.zeptomail.evil.example"), "/email/primary/credentials/endpoint"),
            (.zeptomail("file:///etc/passwd"), "/email/primary/credentials/endpoint"),
            (.awsSES("https://169.254.169.254"), "/email/primary/credentials/endpoint"),
            (.sendgrid("https://api.sendgrid.com.evil.example"), "/email/primary/credentials/endpoint"),
            (.resend("http://[::ffff:169.254.169.254]"), "/email/primary/credentials/endpoint"),
            (.smtp(port: 25, endpoint: "smtp://169.254.169.254"), "/email/primary/credentials/endpoint"),
            (.smtp(port: 25, endpoint: "smtp://smtp.example.com:25"), "/email/primary/credentials/endpoint"),
            (.smtp(port: 25, endpoint: "smtp://127.0.0.1:25/path"), "/email/primary/credentials/endpoint"),
            (.smtp(port: 25, endpoint: "http://127.0.0.1:25"), "/email/primary/credentials/endpoint"),
            // Plain by what its security says, encrypted by what its scheme does.
            (.smtp(port: 25, endpoint: "smtps://127.0.0.1:25"), "/email/primary/credentials/endpoint"),
            (.smtp(port: 25, host: "10.0.0.1"), "/email/primary/credentials/host"),
            (.smtp(port: 25, host: "smtp.example.com"), "/email/primary/credentials/security"),
        ]
        for (provider, pointer) in refused {
            let answer = try await clinic.ask(
                endpoints.put,
                draft(clinic, ChannelDraft(primary: provider)),
                ifNoneMatch: "*"
            )
            #expect(answer.status == 422 && answer.code == "endpoint_not_allowed", "\(provider.credentials)")
            #expect(answer.pointers == [pointer])
        }
        // What was refused has left nothing behind.
        #expect(try await clinic.ask(endpoints.read, path(clinic)).status == 404)
    }

    @Test func whatAProviderNeedsIsSaidAllAtOnce() async throws {
        let clinic = try TestClinic()
        let draft = draft(
            clinic,
            ChannelDraft(
                primary: ProviderDraft(provider: "zeptomail", credentials: ["fromEmail": "nobody", "extra": 1]),
                fallback: [ProviderDraft(provider: "pigeon", credentials: ["a": 1])]
            )
        )
        let answer = try await clinic.ask(endpoints.put, draft, ifNoneMatch: "*")
        #expect(answer.status == 422)
        #expect(
            Set(answer.pointers) == [
                "/email/primary/credentials/sendMailToken", "/email/primary/credentials/fromEmail",
                "/email/primary/credentials/fromName", "/email/primary/credentials/extra", "/email/fallback/0/provider",
            ]
        )
    }

    @Test func oneFaultHidesNoOther() async throws {
        let clinic = try TestClinic()
        var mail = ProviderDraft.zeptomail("https://169.254.169.254")
        mail.credentials["sendMailToken"] = "••••0001"
        mail.credentials["fromName"] = nil
        var text = ProviderDraft.twilio("https://169.254.169.254")
        text.credentials["accountSid"] = "AC0"
        text.credentials["fromNumber"] = "nobody's own number"
        let settings = CommunicationSettings(
            fallbackAfter: 5,
            quietHours: QuietTime(from: .placeholder, to: .placeholder),
            rates: ["pigeon": 1],
            dailyCaps: ["twilio": 0]
        )
        let wrong = ConfigurationDraft(
            clinicId: clinic.clinic,
            email: ChannelDraft(primary: mail, fallback: [.smtp(port: 25, host: "10.0.0.1")]),
            sms: ChannelDraft(primary: text),
            settings: settings
        )
        let answer = try await clinic.ask(endpoints.put, wrong, ifNoneMatch: "*")
        #expect(answer.status == 422 && answer.code == "secret_missing")
        let (email, sms) = ("/email/primary/credentials", "/sms/primary/credentials")
        #expect(
            answer.pointers.sorted() == [
                "/email/fallback/0/credentials/host", "\(email)/endpoint", "\(email)/fromName",
                "\(email)/sendMailToken",
                "/settings/dailyCaps/twilio", "/settings/fallbackAfter", "/settings/quietHours",
                "/settings/rates/pigeon", "\(sms)/accountSid", "\(sms)/endpoint", "\(sms)/fromNumber",
            ]
        )
    }

    @Test func oneChannelAndItsEnd() async throws {
        let clinic = try TestClinic()
        let draft = ChannelConfigurationDraft(clinicId: clinic.clinic, channel: .email, primary: .smtp(port: 2_525))
        #expect(try await clinic.ask(endpoints.putChannel, draft, ifNoneMatch: "*").status == 201)
        #expect(try await clinic.ask(endpoints.delete, path(clinic)).status == 428)
        #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "\"9\"").status == 412)
        #expect(try await clinic.ask(endpoints.delete, path(clinic), ifMatch: "\"1\"").status == 204)
        #expect(try await clinic.ask(endpoints.read, path(clinic)).code == "not_configured")
        #expect(try await clinic.ask(endpoints.putChannel, draft, ifNoneMatch: "*").status == 201)
    }

    /// Stored under former rules, or for a provider that is no more, an entry stands in no other channel's way.
    @Test func aChannelIsSavedWhateverTheOthersHaveBecome() async throws {
        let clinic = try TestClinic()
        let former = CredentialShapes([
            ("email", CredentialShape("zeptomail", [.secret("sendMailToken"), .text("bygone")])),
            ("push", CredentialShape("pigeon", [.secret("key")])),
        ])
        let store = ProviderConfigStore(
            dataKeys: clinic.desk.dataKeys,
            index: clinic.desk.blindIndex,
            shapes: former
        )
        @Sendable func draft(_ channel: String, _ provider: String, _ credentials: [String: JSONValue])
            -> ProviderEntryDraft
        {
            ProviderEntryDraft(
                id: nil,
                channel: channel,
                provider: provider,
                position: 0,
                credentials: credentials,
                pointer: ""
            )
        }
        let stored = try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) {
            tx in
            try store.save(
                [
                    draft("email", "zeptomail", ["sendMailToken": "token-0001", "bygone": "x"]),
                    draft("push", "pigeon", ["key": "key-0001"]),
                ],
                settings: [:],
                replacing: nil,
                clinic: clinic.clinic,
                by: "test",
                at: .now(),
                in: tx
            )
        }
        let texts = ChannelConfigurationDraft(
            clinicId: clinic.clinic,
            channel: .sms,
            primary: .twilio(SandboxPlace.nowhere)
        )
        let saved = try await clinic.ask(endpoints.putChannel, texts, ifMatch: "\"1\"")
        #expect(saved.status == 200 && saved.output?.sms?.primary.provider == "twilio")
        let entries = try await clinic.desk.database.database.read(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try store.load(clinic.clinic, in: tx)?.entries ?? []
        }
        #expect(entries.filter { $0.channel != "sms" } == stored.entries)
        #expect(entries.count == 3)
        // Saved anew it is held against the rules of today.
        let mails = ChannelConfigurationDraft(
            clinicId: clinic.clinic,
            channel: .email,
            primary: ProviderDraft(
                id: stored.entries.first?.id,
                provider: "zeptomail",
                credentials: ["sendMailToken": "token-0001", "bygone": "x"]
            )
        )
        let refused = try await clinic.ask(endpoints.putChannel, mails, ifMatch: "\"2\"")
        #expect(refused.status == 422)
        let at = "/primary/credentials"
        #expect(Set(refused.pointers) == ["\(at)/bygone", "\(at)/fromEmail", "\(at)/fromName"])
    }

    @Test func twentyAtOnceLeaveOne() async throws {
        let clinic = try TestClinic()
        let draft = draft(clinic, ChannelDraft(primary: .smtp(port: 2_525)))
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask { try await clinic.ask(endpoints.put, draft, ifNoneMatch: "*").status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 201 }.count == 1)
        #expect(statuses.filter { $0 == 412 }.count == 19)
    }

    @Test func anotherClinicSeesNothingOfIt() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 2_525))
        let other = try TestClinic()
        #expect(try await other.ask(endpoints.read, path(other)).status == 404)
        #expect(try await other.health().isEmpty)
    }
}
