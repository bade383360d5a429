import Authorization
import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import TestKit
import Testing
import Vault

@testable import Communication
@testable import Sandbox

/// The installation's default providers; one after the other, as they are everybody's.
@Suite(.serialized, .timeLimit(.minutes(3))) struct DefaultProviderTests {
    static let superAdmin = Principal(kind: .user, id: "\(UserID(high: 1, low: 9))", roles: ["SUPER_ADMIN"])
    let endpoints = MessageDesk.endpoints.installation

    func clinic() throws -> TestClinic { TestClinic(at: try MessageDesk.ofInstallation()) }
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

    func delete(_ clinic: TestClinic) async throws {
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
        let entries: @Sendable () async throws -> Int = {
            try await clinic.desk.database.audit(of: .installation).count
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
            // Health is of what is in force, as the clinic itself fared with it; its configuration has nothing of the default.
            let health = try await without.health()
            #expect(health.map(\.provider) == ["smtp"] && health.map(\.source) == [.installation])
            #expect(health.map(\.successRate) == [1])
            #expect(try await with.health().map(\.source) == [.clinic])
            let own = ConfigurationPath(clinicId: without.clinic)
            #expect(try await without.ask(MessageDesk.endpoints.configuration.read, own).code == "not_configured")
        }
    }

    /// So slow that nothing is filled up while the test runs: three at once for all clinics together, then nothing.
    @Test func operatorsSetTheRateOfTheirProviders() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            try await delete(first)
            var draft = DefaultProvidersDraft(
                email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort)),
                rates: ["smtp": 0, "pigeon": 5]
            )
            let refused = try await first.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*")
            #expect(refused.status == 422 && refused.pointers == ["/rates/pigeon", "/rates/smtp"])
            draft.rates = ["smtp": 0.01]
            let made = try await first.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*")
            #expect(made.status == 201 && made.output?.rates == draft.rates)
            let read = try await first.ask(endpoints.read, EmptyInput(), as: Self.superAdmin)
            #expect(read.output?.rates == draft.rates)
            for clinic in [first, first, second] {
                #expect(try await clinic.settled(try await clinic.send(to: address(clinic))).status == .sent)
            }
            for clinic in [first, second] {
                let id = try await clinic.send(to: address(clinic))
                try await eventually("the message waits for the rate", within: .seconds(30)) {
                    try await clinic.message(id).waitingFor == .rateLimit
                }
                #expect(try await clinic.message(id).attempts.isEmpty)
                #expect(try await clinic.health().map(\.rate) == [EntryHealth.Rate(perSecond: 0.01)])
            }
            try await delete(first)
        }
    }

    /// What one clinic met with the installation's provider shows to no other, and none of them puts it right for all.
    @Test func healthOfTheDefaultIsEachClinicsOwn() async throws {
        let (unlucky, other) = (try clinic(), try clinic())
        try await put(unlucky, .zeptomail(SandboxPlace.nowhere))
        let id = try await unlucky.send(to: address(unlucky))
        try await eventually("a round in vain", within: .seconds(30)) {
            try await unlucky.message(id).waitingFor == .retry
        }
        let seen = try #require(try await unlucky.health().first)
        #expect(seen.successRate == 0 && seen.lastError?.outcome == .transient)
        let untouched = try #require(try await other.health().first)
        #expect(untouched.entryId == seen.entryId && untouched.state == .closed)
        #expect(untouched.successRate == nil && untouched.lastError == nil && untouched.since == nil)
        let reset = MessageDesk.endpoints.health.reset
        for clinic in [unlucky, other] {
            let path = ProviderEntryPath(clinicId: clinic.clinic, entryId: seen.entryId)
            let refused = try await clinic.ask(reset, path)
            #expect(refused.status == 403 && refused.code == "installation_provider")
        }
        let nobody = ProviderEntryPath(clinicId: other.clinic, entryId: ProviderEntryID())
        #expect(try await other.ask(reset, nobody).status == 404)
    }

    /// Has a call of a clinic's be refused for the account, as the process that made it finds out and tells.
    private func latch(_ entry: ProviderEntry, for clinic: TestClinic) async throws {
        let circuits = clinic.desk.sending.circuits
        guard case .admitted(let permit) = circuits.admit(clinic.clinic, entry) else {
            throw TestKitError("a closed circuit lets nobody in")
        }
        let refused = ProviderVerdict(.credentials, code: "AE_101", detail: "The provider has blocked the account.")
        let view = try #require(circuits.settle(permit, refused, clinic.clinic, entry).entry)
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try CircuitNews.write(view, of: entry, in: tx)
        }
    }

    /// Whether a process that begins now calls the provider for the clinic.
    private func isCalledAfterAStart(_ entry: ProviderEntry, for clinic: TestClinic) async throws -> Bool {
        let told = try await clinic.desk.database.database.read(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try CircuitStore.all(in: tx)[entry.id]
        }
        let circuits = ProviderCircuits(providers: .builtIn)
        if let told { circuits.follow(told, clinic.clinic, entry) }
        return circuits.isClosed(clinic.clinic, entry)
    }

    /// An account that was suspended and is paid for again: nothing else ends the latches of the clinics that met with it.
    @Test func anOperatorsResetHoldsForEveryClinic() async throws {
        try await SandboxPlace.with { sandbox in
            let clinics = [try clinic(), try clinic()]
            try await put(clinics[0], .zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            // What is kept in memory may be of another test.
            #expect(try await clinics[0].health().map(\.provider) == ["zeptomail", "smtp"])
            let entry = try #require(try await clinics[0].configuredEntry())
            func attempts(_ clinic: TestClinic) async throws -> [MessageAttempt] {
                try await clinic.settled(try await clinic.send(to: address(clinic))).attempts
            }
            for clinic in clinics {
                try await latch(entry, for: clinic)
                #expect(try await attempts(clinic).map(\.outcome) == [.skippedCircuitOpen, .accepted])
                #expect(try await clinic.health().first?.state == .latched)
                #expect(try await !isCalledAfterAStart(entry, for: clinic))
            }
            let answer = try await clinics[0].ask(
                MessageDesk.endpoints.health.resetInstallation,
                DefaultProviderPath(entryId: entry.id),
                as: Self.superAdmin
            )
            #expect(answer.status == 200 && answer.output?.state == .closed && answer.output?.entryId == entry.id)
            for clinic in clinics {
                #expect(try await clinic.health().first?.state == .closed)
                #expect(try await isCalledAfterAStart(entry, for: clinic))
                #expect(try await attempts(clinic).map(\.provider) == ["zeptomail"])
            }
            // Refused since, it is left alone again, by whoever begins now too.
            try await latch(entry, for: clinics[0])
            #expect(try await !isCalledAfterAStart(entry, for: clinics[0]))
            #expect(try await isCalledAfterAStart(entry, for: clinics[1]))
            #expect(try await attempts(clinics[0]).map(\.outcome) == [.skippedCircuitOpen, .accepted])
        }
    }

    @Test func onlyOperatorsResetDefaultProviders() async throws {
        let clinic = try clinic()
        try await put(clinic, .smtp(port: 9))
        let reset = MessageDesk.endpoints.health.resetInstallation
        let entry = try #require(try await clinic.health().first?.entryId)
        for scope in [Scope.account, .own(PatientID())] {
            let refused = try await clinic.ask(
                reset,
                DefaultProviderPath(entryId: entry),
                as: Self.superAdmin,
                scope: scope
            )
            #expect(refused.status == 403)
        }
        // The gateway asks for what no clinic's admin holds.
        let rule = try #require(Roles.rules.first { $0.permission == CommunicationPermissions.updateInstallation })
        #expect(reset.guard.permission == rule.permission && rule.reach[.clinicAdmin] == nil)
        // Neither what nobody has configured, nor what a clinic has.
        let own = try #require(try await clinic.configure(.smtp(port: 9)).email?.primary.id)
        for id in [ProviderEntryID(), own] {
            let nobodys = try await clinic.ask(reset, DefaultProviderPath(entryId: id), as: Self.superAdmin)
            #expect(nobodys.status == 404)
        }
        // A clinic's transaction reads what operators have closed, and changes nothing of it.
        let answer = try await clinic.ask(reset, DefaultProviderPath(entryId: entry), as: Self.superAdmin)
        #expect(answer.status == 200)
        let changed = try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) {
            tx in
            try tx.rows("update circuits set resets = 0 where clinic_id = \(ClinicID.installation)").affected
        }
        #expect(changed == 0)
    }

    @Test func aTestIsOfWhatIsInForce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let endpoint = MessageDesk.endpoints.configuration.test
            func test() async throws -> TestClinic.Answer<ConfigurationTestResults> {
                try await clinic.ask(endpoint, ConfigurationTest(clinicId: clinic.clinic))
            }
            try await delete(clinic)
            #expect(try await test().code == "not_configured")
            try await put(clinic, .smtp(port: sandbox.smtpPort))
            let shared = try #require(try await test().output?.results)
            #expect(shared.map(\.provider) == ["smtp"] && shared.map(\.source) == [.installation])
            #expect(shared.map(\.ok) == [true])
            // The own takes its place with the next test.
            try await clinic.configure(.zeptomail(sandbox.zeptomail))
            let own = try #require(try await test().output?.results)
            #expect(own.map(\.provider) == ["zeptomail"] && own.map(\.source) == [.clinic])
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
        // Nor do its alerts reach anybody.
        let routes = AlertRoutesDraft(clinicId: clinic.clinic, routes: [route(.deadLetters, address(clinic))])
        #expect(try await clinic.ask(MessageDesk.endpoints.alerts.put, routes).status == 200)
        func unrouted() async throws -> [AlertKind] {
            let path = ConfigurationPath(clinicId: clinic.clinic)
            return try #require(try await clinic.ask(MessageDesk.endpoints.health.read, path).output).unroutedAlerts
        }
        #expect(try await unrouted() == AlertKind.allCases)
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
        #expect(try await unrouted() == AlertKind.allCases.filter { $0 != .deadLetters })
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
            index: clinic.desk.blindIndex,
            shapes: clinic.desk.store.shapes
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

    @Test func itsAddressAnswersMetasQuestion() async throws {
        let clinic = try clinic()
        try await delete(clinic)
        let draft = DefaultProvidersDraft(whatsapp: ChannelDraft(primary: .meta(SandboxPlace.nowhere)))
        #expect(try await clinic.ask(endpoints.put, draft, as: Self.superAdmin, ifNoneMatch: "*").status == 201)
        let handshake = MessageDesk.endpoints.deliveries.sharedHandshake
        for (token, status) in [("clinic-verify-token", 200), ("guessed", 403)] {
            let question = SharedHandshake(
                provider: "meta",
                mode: "subscribe",
                verifyToken: token,
                challenge: "1158201444"
            )
            let answer = try await clinic.text(handshake, question)
            #expect(answer.status == status && (answer.text == "1158201444") == (status == 200))
        }
    }

    /// E-mails to the installation's address are for the clinic whose message they answer, or that alone wrote to the sender.
    @Test func whatComesToItsAddressIsForTheClinicThatIsAnswered() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            var draft = ProviderDraft.smtp(port: sandbox.smtpPort)
            draft.credentials["verifyToken"] = "installation-mail-token"
            try await put(first, draft)
            func write(_ clinic: TestClinic, to address: String) async throws -> String {
                let sent = try await clinic.settled(try await clinic.send(to: address))
                return try #require(sent.attempts.first?.providerMessageId)
            }
            func bring(_ text: String, from address: String, answering name: String? = nil) async throws {
                var lines = ["From: \(address)", "Message-ID: <\(RequestID())@x>", "Subject: Re"]
                if let name { lines.append("References: <other@x> <\(name)@example.com>") }
                let body = RawBody(Array((lines + ["", text]).joined(separator: "\r\n").utf8))
                let answer = try await first.ask(
                    MessageDesk.endpoints.deliveries.receiveShared,
                    SharedWebhookPayload(provider: "smtp", body: body),
                    as: Principal(kind: .provider, id: "test"),
                    headers: ["Authorization": "Bearer installation-mail-token"]
                )
                #expect(answer.status == 200)
            }
            func heard(_ clinic: TestClinic) async throws -> Set<String> {
                let endpoints = MessageDesk.endpoints.conversations
                var texts: Set<String> = []
                for conversation in try #require(try await clinic.ask(endpoints.list, .init()).output).items {
                    let path = InboundMessageSearch(id: conversation.id)
                    let items = try #require(try await clinic.ask(endpoints.messages, path).output).items
                    texts.formUnion(items.compactMap(\.text))
                }
                return texts
            }
            let (one, both) = (address(first), "both\(first.clinic.low)@example.com")
            try await bring("Too early", from: one)
            _ = try await write(first, to: one)
            let name = try await write(first, to: both)
            try await bring("Only you", from: one)
            try await bring("Still you", from: both)
            let later = try await write(second, to: both)
            // Either may be meant now.
            try await bring("Who?", from: both)
            try await bring("You", from: both, answering: name)
            try await bring("And you", from: both, answering: later)
            try await bring("A stranger", from: "stranger\(first.clinic.low)@example.com")
            #expect(try await heard(first) == ["Only you", "Still you", "You"])
            #expect(try await heard(second) == ["And you"])
        }
    }

    /// A mail server that brings reports for everybody moves each clinic's own message.
    @Test func reportsByMailReachTheClinicsMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let (first, second) = (try clinic(), try clinic())
            var draft = ProviderDraft.smtp(port: sandbox.smtpPort)
            draft.credentials["verifyToken"] = "installation-mail-token"
            try await put(first, draft)
            let id = try await first.send(to: address(first))
            let name = try #require(try await first.settled(id).attempts.first?.providerMessageId)
            func bring(_ name: String, _ recipient: String, token: String = "installation-mail-token") async throws
                -> Int
            {
                let lines = [
                    "From: MAILER-DAEMON@mx", "Content-Type: multipart/report; report-type=delivery-status; boundary=r",
                    "", "--r", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx", "",
                    "Final-Recipient: rfc822; \(recipient)", "Action: failed", "Status: 5.1.1", "", "--r",
                    "Content-Type: text/rfc822-headers", "", "Message-ID: <\(name)@example.com>", "--r--",
                ]
                return try await first.ask(
                    MessageDesk.endpoints.deliveries.receiveShared,
                    SharedWebhookPayload(provider: "smtp", body: RawBody(Array(lines.joined(separator: "\r\n").utf8))),
                    as: Principal(kind: .provider, id: "test"),
                    headers: ["Authorization": "Bearer \(token)"]
                ).status
            }
            #expect(try await bring(name, address(first), token: "another-mail-token-1") == 401)
            #expect(try await bring(name, address(second)) == 200)
            #expect(try await bring("\(MessageID())", address(first)) == 200)
            #expect(try await first.message(id).status == .sent)
            #expect(try await bring(name, address(first)) == 200)
            #expect(try await first.message(id).reason?.code == "hard_bounce")
            let waiting = try await first.desk.database.inspect(
                "select count(*) from delivery_events where clinic_id = \(ClinicID.installation) and provider = 'smtp'"
            ) { rows -> Int64 in try rows[0][0] }
            #expect(waiting == 0)
        }
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
                    SharedWebhookPayload(provider: "resend", body: RawBody(body)),
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
            let door = ProviderIDHash(blindIndex: first.desk.blindIndex).hash("resend", early)
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

    @Test func aProviderThatIsNoLongerTheDefaultIsStillHeard() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let secret = "whsec_aW5zdGFsbGF0aW9uLXNlY3JldC0wMDAy"
            var draft = ProviderDraft.resend(sandbox.url("resend"))
            draft.credentials["webhookSecret"] = .string(secret)
            try await put(clinic, draft)
            let id = try await clinic.send(to: address(clinic))
            #expect(try await clinic.settled(id).status == .sent)
            try await delete(clinic)
            let notice: JSONValue = [
                "type": "email.delivered",
                "data": [
                    "email_id": "p-1", "to": [.string(address(clinic))], "tags": ["message_id": .string("\(id)")],
                ],
            ]
            let body = try JSONWriter.encode(notice)
            for (key, status) in [("whsec_AAAA", 401), (secret, 200)] {
                let told = try await clinic.ask(
                    MessageDesk.endpoints.deliveries.receiveShared,
                    SharedWebhookPayload(provider: "resend", body: RawBody(body)),
                    as: Principal(kind: .provider, id: "test"),
                    headers: Dictionary(
                        uniqueKeysWithValues: Resend.sign(key, id: "\(RequestID())", body, .now())
                    )
                )
                #expect(told.status == status)
            }
            #expect(try await clinic.message(id).status == .delivered)
        }
    }

    /// A default provider is the operators' to mend, not the clinic's that met with it.
    @Test func operatorsAreToldOfTheirProviders() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let alerts = MessageDesk.endpoints.alerts
            try await put(
                clinic,
                try .named("sendgrid", at: sandbox.url("sendgrid"), wrong: true),
                .resend(sandbox.url("resend"))
            )
            let operators = "operators\(clinic.clinic.low)@example.com"
            let route = AlertRoute(
                alert: .credentialsRefused,
                to: [AlertRecipient(email: EmailAddress(operators), channels: [.email])]
            )
            let draft = InstallationAlertRoutesDraft(routes: [route])
            let set = try await clinic.ask(alerts.putInstallation, draft, as: Self.superAdmin)
            #expect(set.status == 200 && set.output?.routes == [route])
            let read = try await clinic.ask(alerts.readInstallation, EmptyInput(), as: Self.superAdmin)
            #expect(read.output?.routes == [route] && read.version == set.version)
            // Another test may have had the hour's alert told, to nobody.
            try await clinic.desk.database.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
                tx.execute("delete from alerts_told where clinic_id = clinic_id()")
            }
            #expect(try await clinic.settled(try await clinic.send(to: address(clinic))).status == .sent)
            try await eventually("the operators' alert") {
                try await sandbox.received(for: operators).count == 1
            }
            let told = try await clinic.desk.database.inspect(
                "select clinic_id from alerts_told where clinic_id in (\(ClinicID.installation), \(clinic.clinic))"
            ) { rows -> [ClinicID] in try rows.map { try $0[0] } }
            #expect(told == [.installation])
        }
    }

    /// What the operators' account sends no more may be told only of messages that it took, be it before they are known.
    @Test func operatorsAreToldOfWhatTheirAccountSendsNoMore() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let secret = "whsec_aW5zdGFsbGF0aW9uLXNlY3JldC0wMDAz"
            var draft = ProviderDraft.resend(sandbox.url("resend"))
            draft.credentials["webhookSecret"] = .string(secret)
            try await put(clinic, draft)
            let database = clinic.desk.database
            func fail(_ message: JSONValue, _ id: String) async throws -> Int {
                let notice: JSONValue = [
                    "type": "email.failed",
                    "data": [
                        "email_id": .string(id), "to": [.string(address(clinic))], "tags": ["message_id": message],
                        "failed": ["reason": "reached_daily_quota"],
                    ],
                ]
                let body = try JSONWriter.encode(notice)
                return try await clinic.ask(
                    MessageDesk.endpoints.deliveries.receiveShared,
                    SharedWebhookPayload(provider: "resend", body: RawBody(body)),
                    as: Principal(kind: .provider, id: "test"),
                    headers: Dictionary(
                        uniqueKeysWithValues: Resend.sign(secret, id: "\(RequestID())", body, .now())
                    )
                ).status
            }
            func told(_ owner: ClinicID) async throws -> [String] {
                try await database.inspect(
                    "select subject from alerts_told where clinic_id = \(owner) and alert = 'quota_used_up'"
                ) { rows -> [String] in try rows.map { try $0[0] } }
            }
            func forget() async throws {
                try await database.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
                    tx.execute("delete from alerts_told where clinic_id = clinic_id()")
                }
            }
            try await forget()
            let known = try await clinic.send(to: address(clinic))
            #expect(try await clinic.settled(known).status == .sent)
            #expect(try await fail(.string("\(known)"), "q-\(clinic.clinic.low)") == 200)
            #expect(try await clinic.message(known).reason?.code == "rejected")
            #expect(try await told(.installation) == ["resend (email)"])
            // Nobody's yet: it waits with all that it says, and is told when its message is found.
            try await forget()
            let later = try await clinic.send(to: address(clinic))
            #expect(try await clinic.settled(later).status == .sent)
            let early = "early-quota-\(clinic.clinic.low)"
            #expect(try await fail(.null, early) == 200)
            #expect(try await told(.installation) == [])
            let door = ProviderIDHash(blindIndex: clinic.desk.blindIndex).hash("resend", early)
            try await database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute(
                    """
                    update message_attempts set provider_message_id = \(early)
                    where clinic_id = clinic_id() and message_id = \(later)
                    """
                )
                MessageClinicStore.insert(door, in: tx)
            }
            try await eventually("the operators' alert", within: .seconds(40)) {
                try await told(.installation) == ["resend (email)"]
            }
            #expect(try await clinic.message(later).reason?.code == "rejected")
            // It is not the clinic's to mend, which sees how it fared.
            #expect(try await told(clinic.clinic) == [])
            let health = try #require(try await clinic.health().first)
            #expect(health.successRate == 0 && health.lastError?.outcome == .quota)
            try await delete(clinic)
        }
    }

    private func route(_ alert: AlertKind, _ address: String) -> AlertRoute {
        AlertRoute(alert: alert, to: [AlertRecipient(email: EmailAddress(address), channels: [.email])])
    }

    /// What failed for good of the installation's own work is its operators' to look at.
    @Test func operatorsAreToldOfTheInstallationsOwnWork() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try clinic()
            let health = MessageDesk.endpoints.health
            try await put(clinic, .smtp(port: sandbox.smtpPort))
            let operators = "work\(clinic.clinic.low)@example.com"
            let draft = InstallationAlertRoutesDraft(routes: [route(.deadLetters, operators)])
            let alerts = MessageDesk.endpoints.alerts
            #expect(try await clinic.ask(alerts.putInstallation, draft, as: Self.superAdmin).status == 200)
            let shown = try #require(
                try await clinic.ask(health.readInstallation, EmptyInput(), as: Self.superAdmin).output
            )
            #expect(shown.unroutedAlerts == AlertKind.allCases.filter { $0 != .deadLetters })
            #expect(shown.items.map(\.provider) == ["smtp"])
            try await clinic.desk.database.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
                tx.execute("delete from alerts_told where clinic_id = clinic_id()")
            }
            try await clinic.desk.database.database.through(.relay) { tx in
                tx.execute(
                    """
                    insert into dead_letters (clinic_id, id, source, handler, lane, payload, attempts, reason, first_at, failed_at)
                    values (\(ClinicID.installation), \(JobID()), 'job', 'messages.send', 1, '{}', 50, 'timeout', now(), now())
                    """
                )
            }
            try await clinic.desk.database.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
                _ = try Jobs.enqueue(DeadLetterWatch.self, payload: NoPayload(), in: tx)
            }
            try await eventually("the operators' alert") { try await sandbox.received(for: operators).count == 1 }
        }
    }

    /// Who holds the permission for some clinics only neither sees nor sets whom the operators have told.
    @Test func onlyWhoHoldsItForTheInstallationSeesItsAlerts() async throws {
        let clinic = try clinic()
        let (alerts, health) = (MessageDesk.endpoints.alerts, MessageDesk.endpoints.health)
        let routes = InstallationAlertRoutesDraft(routes: [])
        for scope in [Scope.account, .own(PatientID())] {
            let read = try await clinic.ask(alerts.readInstallation, EmptyInput(), as: Self.superAdmin, scope: scope)
            let put = try await clinic.ask(alerts.putInstallation, routes, as: Self.superAdmin, scope: scope)
            let shown = try await clinic.ask(health.readInstallation, EmptyInput(), as: Self.superAdmin, scope: scope)
            #expect([read.status, put.status, shown.status] == [403, 403, 403])
        }
    }
}
