import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing
import Vault

@testable import Communication
@testable import Sandbox

/// The installation's default providers; one after the other, as they are everybody's.
@Suite(.serialized, .timeLimit(.minutes(3))) struct DefaultProviderTests {
    private static let superAdmin = Principal(kind: .user, id: "\(UserID(high: 1, low: 9))", roles: ["SUPER_ADMIN"])
    private let endpoints = MessageDesk.endpoints.installation

    private func clinic() throws -> TestClinic { TestClinic(at: try MessageDesk.ofInstallation()) }
    private func address(_ clinic: TestClinic) -> String { "d\(clinic.clinic.low)@example.com" }

    private func version(_ clinic: TestClinic) async throws -> String? {
        try await clinic.ask(endpoints.read, EmptyInput(), as: Self.superAdmin).version
    }

    private func put(_ clinic: TestClinic, _ primary: ProviderDraft, _ fallback: ProviderDraft...) async throws {
        let version = try await version(clinic)
        let answer = try await clinic.ask(
            endpoints.put,
            DefaultProvidersDraft(email: ChannelDraft(primary: primary, fallback: fallback)),
            as: Self.superAdmin,
            ifMatch: version,
            ifNoneMatch: version == nil ? "*" : nil
        )
        try #require(answer.status == (version == nil ? 201 : 200), "\(String(describing: answer.problem))")
    }

    private func delete(_ clinic: TestClinic) async throws {
        guard let version = try await version(clinic) else { return }
        let answer = try await clinic.ask(endpoints.delete, EmptyInput(), as: Self.superAdmin, ifMatch: version)
        try #require(answer.status == 204)
    }

    @Test func itIsMadeOnPurposeAndShowsNoSecret() async throws {
        let clinic = try clinic()
        try await delete(clinic)
        #expect(try await clinic.ask(endpoints.read, EmptyInput(), as: Self.superAdmin).code == "not_configured")
        let token = "installation-token-\(clinic.clinic)"
        let draft = DefaultProvidersDraft(
            email: ChannelDraft(primary: .zeptomail(SandboxPlace.nowhere, token: token))
        )
        #expect(try await clinic.ask(endpoints.put, draft, as: Self.superAdmin).status == 428)
        let made = try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*")
        #expect(made.status == 201)
        #expect(try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*").status == 412)
        #expect(try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifMatch: "\"999\"").status == 412)
        let entry = try #require(made.output?.email?.primary)
        #expect(entry.credentials["sendMailToken"] == .string("••••" + token.suffix(4)))
        // What was read may be sent back: the masked secret keeps the stored one.
        let again = DefaultProvidersDraft(
            email: ChannelDraft(
                primary: ProviderDraft(id: entry.id, provider: entry.provider, credentials: entry.credentials)
            )
        )
        let kept = try await clinic.ask(endpoints.put, again, as: Self.superAdmin, ifMatch: made.version)
        #expect(kept.status == 200 && kept.output?.email?.primary.version == entry.version)
        let inTheClear = try await clinic.desk.database.inspect(
            """
            select count(*) from (select encode(sealed, 'escape') as text from provider_config_versions
            union all select c::text from provider_configs c union all select encode(payload, 'escape') from outbox
            union all select r::text from replies r) as all_texts where text like \("%\(token)%")
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(inTheClear == 0)
    }

    @Test func aChangeStandsInTheInstallationsLog() async throws {
        let clinic = try clinic()
        let entries: @Sendable () async throws -> Int64 = {
            try await clinic.desk.database.inspect(
                "select count(*) from outbox where clinic_id = \(ClinicID.installation) and part = 'audit'"
            ) { try $0[0][0] }
        }
        let before = try await entries()
        try await put(clinic, .smtp(port: 9))
        #expect(try await entries() == before + 1)
    }

    @Test func onlyWhoHoldsItForTheInstallationMay() async throws {
        let clinic = try clinic()
        let draft = DefaultProvidersDraft(email: ChannelDraft(primary: .smtp(port: 9)))
        let account = Scope.account
        #expect(try await clinic.ask(endpoints.read, EmptyInput(), as: Self.superAdmin, scope: account).status == 403)
        #expect(
            try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, scope: account, ifMatch: "*").status == 403
        )
        let refused = try await clinic.ask(
            endpoints.delete,
            EmptyInput(),
            as: Self.superAdmin,
            scope: account,
            ifMatch: "*"
        )
        #expect(refused.status == 403)
    }

    @Test func whereToConnectIsCheckedHereToo() async throws {
        let clinic = try clinic()
        try await delete(clinic)
        let draft = DefaultProvidersDraft(email: ChannelDraft(primary: .zeptomail("https://169.254.169.254")))
        let answer = try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*")
        #expect(answer.status == 422 && answer.code == "endpoint_not_allowed")
        #expect(answer.pointers == ["/email/primary/credentials/endpoint"])
        #expect(try await version(clinic) == nil)
    }

    @Test func itStandsInForWhoHasNoneAndNeverForAFailingOwn() async throws {
        try await SandboxPlace.with { sandbox in
            let (with, without) = (try clinic(), try clinic())
            try await with.configure(.zeptomail(SandboxPlace.nowhere))
            try await put(without, .smtp(port: sandbox.smtpPort))
            #expect(try await with.effective() == .init(source: .clinic, providers: ["zeptomail"]))
            #expect(try await without.effective() == .init(source: .installation, providers: ["smtp"]))
            let sent = try await without.settled(try await without.send(to: address(without)))
            #expect(sent.status == .sent && sent.attempts.map(\.source) == [.installation])
            #expect(try await sandbox.received(for: address(without)).count == 1)
            let id = try await with.send(to: address(with))
            let waiting = try await with.settled(id, [.queued, .sent, .failed])
            #expect(waiting.attempts.allSatisfy { $0.source == .clinic && $0.provider == "zeptomail" })
            let tried = try await eventually("a round in vain", within: .seconds(30)) {
                let message = try await with.message(id)
                return message.waitingFor == .retry ? message : nil
            }
            #expect(tried.attempts.map(\.outcome) == [.transient])
            #expect(try await sandbox.received(for: address(with)).isEmpty)
            // Nothing of the default shows in the clinic's own configuration or health.
            #expect(try await without.health().isEmpty)
            let own = ConfigurationPath(clinicId: without.clinic)
            #expect(try await without.ask(MessageDesk.endpoints.configuration.read, own).code == "not_configured")
        }
    }

    @Test func aChangeHoldsForTheNextMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            try await put(clinic, .smtp(port: sandbox.smtpPort))
            let first = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(first.attempts.map(\.provider) == ["smtp"])
            try await put(clinic, .zeptomail(sandbox.zeptomail))
            let second = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(second.attempts.map(\.provider) == ["zeptomail"])
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let own = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(own.attempts.map(\.source) == [.clinic])
            try await delete(clinic)
            let other = try self.clinic()
            #expect(try await other.effective() == .init(source: .none, providers: []))
            let refused = try await other.ask(
                MessageDesk.endpoints.messages.send,
                MessageDraft(
                    to: RecipientDraft(email: EmailAddress(address(other))),
                    content: MessageContent(subject: "S", text: "T")
                )
            )
            #expect(refused.code == "channel_not_configured")
        }
    }

    @Test func aClinicMayRefuseIt() async throws {
        let clinic = try clinic()
        try await put(clinic, .smtp(port: 9))
        let draft = ConfigurationDraft(clinicId: clinic.clinic, email: nil, settings: .init(allowDefault: false))
        let configuration = MessageDesk.endpoints.configuration
        let saved = try await clinic.ask(configuration.put, draft, ifNoneMatch: "*")
        #expect(saved.status == 201 && saved.output?.settings.allowDefault == false)
        #expect(try await clinic.effective() == .init(source: .none, providers: []))
        let message = MessageDraft(
            to: RecipientDraft(email: EmailAddress(address(clinic))),
            content: MessageContent(subject: "S", text: "T")
        )
        let refused = try await clinic.ask(MessageDesk.endpoints.messages.send, message)
        #expect(refused.code == "channel_not_configured")
        // A channel set alone leaves the settings as they are; a whole one replaces them.
        let channel = ChannelConfigurationDraft(clinicId: clinic.clinic, channel: .email, primary: .smtp(port: 9))
        let one = try await clinic.ask(configuration.putChannel, channel, ifMatch: saved.version)
        #expect(one.output?.settings.allowDefault == false)
        let nothing = ConfigurationDraft(clinicId: clinic.clinic, email: nil)
        #expect(try await clinic.ask(configuration.put, nothing, ifMatch: one.version).status == 422)
        let whole = ConfigurationDraft(clinicId: clinic.clinic, email: nil, settings: .init())
        let replaced = try await clinic.ask(configuration.put, whole, ifMatch: one.version)
        #expect(replaced.output?.settings.allowDefault == true)
        #expect(try await clinic.effective().source == .installation)
    }

    @Test func oneThatCannotBeOpenedIsNotNone() async throws {
        let clinic = try clinic()
        try await put(clinic, .smtp(port: 9))
        // Another process, whose key ring lacks the installation's key.
        let blind = ProviderConfigStore(
            dataKeys: DataKeyStore(
                try DataKeys(.generate(), service: .communication),
                database: clinic.desk.database.database
            ),
            index: clinic.desk.blindIndex
        )
        let resolver = ProviderConfigResolver(
            store: blind,
            database: clinic.desk.database.database,
            usesDefault: true
        )
        await #expect(throws: VaultError.self) { try await resolver.resolve(clinic.clinic, channel: "email") }
    }

    @Test func twentyAtOnceLeaveOne() async throws {
        let clinic = try clinic()
        try await delete(clinic)
        let draft = DefaultProvidersDraft(email: ChannelDraft(primary: .smtp(port: 2_525)))
        let endpoints = endpoints
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*").status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 201 }.count == 1)
        #expect(statuses.filter { $0 == 412 }.count == 19)
    }

    @Test func aClinicsTransactionSeesNamesAndVersionOnly() async throws {
        let clinic = try clinic()
        try await put(clinic, .smtp(port: 9))
        let seen = try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) {
            tx in
            let nobody = ClinicID.installation
            return [
                try tx.rows("select 1 from provider_configs where clinic_id = \(nobody)").count,
                try tx.rows("select 1 from provider_config_versions where clinic_id = \(nobody)").count,
                try tx.rows("select 1 from data_keys where clinic_id = \(nobody)").count,
                try tx.rows("update provider_configs set version = 1 where clinic_id = \(nobody)").affected,
            ]
        }
        #expect(seen == [1, 0, 0, 0])
    }

    @Test func whatItsProviderTellsReachesTheClinicsMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            let secret = "whsec_aW5zdGFsbGF0aW9uLXNlY3JldC0wMDAx"
            var draft = ProviderDraft.resend(sandbox.url("resend"))
            draft.credentials["webhookSecret"] = .string(secret)
            try await put(first, draft)
            let shown = try await first.ask(endpoints.read, EmptyInput(), as: Self.superAdmin).output?.email?.primary
            #expect(shown?.webhookUrl?.hasSuffix("/webhooks/communication/resend/installation") == true)
            func tell(_ clinic: TestClinic, _ tags: JSONValue, _ id: String, secret: String = secret) async throws
                -> Int
            {
                let notice: JSONValue = [
                    "type": "email.delivered",
                    "data": ["email_id": .string(id), "to": [.string(address(clinic))], "tags": ["message_id": tags]],
                ]
                let body = try JSONWriter.encode(notice)
                return try await clinic.ask(
                    MessageDesk.endpoints.deliveries.receiveShared,
                    SharedNotice(provider: "resend", body: RawBody(body)),
                    as: Principal(kind: .provider, id: "test"),
                    headers: Dictionary(
                        uniqueKeysWithValues: Resend.sign(secret, id: "\(RequestID())", body, .now())
                    )
                ).status
            }
            var sent: [MessageID] = []
            for clinic in [first, second] {
                let id = try await clinic.send(to: address(clinic))
                #expect(try await clinic.settled(id).status == .sent)
                sent.append(id)
            }
            #expect(try await tell(second, .string("\(sent[1])"), "e-1", secret: "whsec_AAAA") == 401)
            #expect(try await tell(second, .string("\(sent[1])"), "e-1") == 200)
            #expect(try await second.message(sent[1]).status == .delivered)
            #expect(try await first.message(sent[0]).status == .sent)
            // By the provider's own id alone.
            let id = try #require(try await first.message(sent[0]).attempts.first?.providerMessageId)
            #expect(try await tell(first, .null, id) == 200)
            #expect(try await first.message(sent[0]).status == .delivered)
            // Nobody's yet: it waits, and finds its clinic.
            let third = try await first.send(to: address(first))
            #expect(try await first.settled(third).status == .sent)
            let early = "early-\(first.clinic.low)"
            #expect(try await tell(first, .null, early) == 200)
            let door = MessageDoor(blindIndex: first.desk.blindIndex).hash("resend", early)
            try await first.desk.database.database.transaction(for: Tenant(first.clinic, actor: "test")) { tx in
                tx.execute(
                    """
                    update message_attempts set provider_message_id = \(early)
                    where clinic_id = clinic_id() and message_id = \(third)
                    """
                )
                MessageClinicStore.insert(door, in: tx)
            }
            #expect(try await first.settled(third, [.delivered]).status == .delivered)
            try await delete(first)
        }
    }
}
