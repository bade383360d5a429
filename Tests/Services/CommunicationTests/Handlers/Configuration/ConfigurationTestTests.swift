import Bus
import CommunicationAPI
import Contracts
import Core
import Logging
import Postgres
import Redis
import TestKit
import Testing
import Vault

@testable import Communication

/// Providers tried before they are relied on; one after the other, for a process runs a few tests at once.
@Suite(.serialized, .timeLimit(.minutes(4))) struct ConfigurationTestTests {
    private let endpoint = MessageDesk.endpoints.configuration.test

    private func test(
        _ clinic: TestClinic,
        _ candidates: ProviderDraft...,
        channel: MessageChannel? = nil,
        entry: ProviderEntryID? = nil,
        to address: String? = nil,
        key: String? = nil
    ) async throws -> TestClinic.Answer<ConfigurationTestResults> {
        let chain = candidates.first.map { ChannelDraft(primary: $0, fallback: Array(candidates.dropFirst())) }
        return try await clinic.ask(
            endpoint,
            ConfigurationTest(
                clinicId: clinic.clinic,
                channel: channel,
                entryId: entry,
                config: chain.map { CandidateConfiguration(email: $0) },
                to: address.map { TestRecipient(email: EmailAddress($0)) }
            ),
            key: key
        )
    }

    @Test func candidatesAreTriedAndNotStored() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let answer = try await test(
                clinic,
                .zeptomail(sandbox.zeptomail),
                .zeptomail(sandbox.zeptomail, token: "a-wrong-token"),
                .smtp(port: sandbox.smtpPort),
                .zeptomail(SandboxPlace.nowhere)
            )
            let results = try #require(answer.output?.results, "\(String(describing: answer.problem))")
            #expect(results.map(\.provider) == ["zeptomail", "zeptomail", "smtp", "zeptomail"])
            #expect(results.map(\.ok) == [true, false, true, false])
            #expect(results.map(\.outcome) == [.accepted, .credentials, .accepted, .transient])
            #expect(results.allSatisfy { $0.channel == .email && !$0.detail.isEmpty && $0.entryId == nil })
            #expect(!"\(results)".contains("a-wrong-token"))
            let read = try await clinic.ask(
                MessageDesk.endpoints.configuration.read,
                ConfigurationPath(clinicId: clinic.clinic)
            )
            #expect(read.code == "not_configured")
            let attempts = try await clinic.desk.database.inspect(
                "select count(*) from message_attempts where clinic_id = \(clinic.clinic)"
            ) { rows -> Int64 in try rows[0][0] }
            #expect(attempts == 0)
        }
    }

    @Test func whatIsInForceIsTriedOrOneOfIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            #expect(try await test(clinic).code == "not_configured")
            let chain = try await clinic.configure(.resend(sandbox.url("resend")), .smtp(port: sandbox.smtpPort)).email
            let (first, second) = (try #require(chain?.primary.id), try #require(chain?.fallback.first?.id))
            #expect(try await test(clinic).output?.results.map(\.entryId) == [first, second])
            #expect(try await test(clinic, entry: second).output?.results.map(\.entryId) == [second])
            #expect(try await test(clinic, channel: .sms).output?.results.isEmpty == true)
            #expect(try await test(clinic, entry: ProviderEntryID()).status == 404)
            #expect(try await test(try TestClinic(), entry: second).code == "not_configured")
        }
    }

    @Test func aTestMessageIsSentThroughEach() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                .awsSES(sandbox.url("aws_ses")),
                .sendgrid(sandbox.url("sendgrid")),
                .smtp(port: sandbox.smtpPort)
            )
            let address = "t\(clinic.clinic.low)@example.com"
            let results = try await test(clinic, to: address).output?.results
            #expect(results?.map(\.ok) == [true, true, true])
            let received = try await sandbox.received(for: address)
            #expect(Set(received.map(\.provider)) == ["aws_ses", "sendgrid", "smtp"])
            #expect(received.allSatisfy { $0.message["subject"]?.string == TestMessage.subject })
        }
    }

    @Test func theProviderIsAskedWhomItKnows() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            for (domain, state) in [("clinic.example", SenderFinding.State.passed), ("unverified.example", .failed)] {
                let drafts = try ["aws_ses", "sendgrid", "resend"].map { name in
                    var draft = try ProviderDraft.named(name, at: sandbox.url(name))
                    draft.credentials["fromEmail"] = .string("hello@\(domain)")
                    return draft
                }
                let results = try #require(
                    try await test(clinic, drafts[0], drafts[1], drafts[2], .zeptomail(sandbox.zeptomail)).output?
                        .results
                )
                let told = results.map { $0.sender?.first { $0.aspect == .provider }?.state }
                #expect(told == [state, state, state, nil])
                // Nobody answers here when records are asked for.
                #expect(results.allSatisfy { $0.sender?.first { $0.aspect == .spf }?.state == .unknown })
            }
        }
    }

    /// SES lets a sender use a domain when the one above it is verified, though its own is unknown or waits for it.
    @Test(arguments: [
        ("unverified.clinic.example", SenderFinding.State.passed), ("pending.clinic.example", .passed),
        ("pending.unverified.clinic.example", .passed), ("pending.example", .failed),
        ("pending.unverified.example", .failed),
    ])
    func aDomainAboveTheSendersCounts(domain: String, state: SenderFinding.State) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var draft = try ProviderDraft.named("aws_ses", at: sandbox.url("aws_ses"))
            draft.credentials["fromEmail"] = .string("hello@\(domain)")
            let sender = try #require(try await test(clinic, draft).output?.results.first?.sender)
            #expect(sender.first { $0.aspect == .provider }?.state == state)
            #expect(sender.first { $0.aspect == .dkim }?.state == state)
        }
    }

    /// Where a provider can be told by its own settings alone to leave mails as they are, the test says whether it does.
    @Test func aTestSaysWhetherMailsAreWatched() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            func state(_ provider: String, _ key: String, _ value: String) async throws -> SenderFinding.State? {
                var draft = try ProviderDraft.named(provider, at: sandbox.url(provider))
                draft.credentials[key] = .string(value)
                let results = try #require(try await test(clinic, draft).output?.results)
                return results.first?.sender?.first { $0.aspect == .tracking }?.state
            }
            #expect(try await state("aws_ses", "configurationSet", "events") == .passed)
            #expect(try await state("aws_ses", "configurationSet", "watched") == .failed)
            #expect(try await state("aws_ses", "fromName", "Clinic") == nil)
            #expect(try await state("resend", "fromEmail", "hello@example.com") == .passed)
            #expect(try await state("resend", "fromEmail", "hello@clinic.example") == .failed)
            #expect(try await state("sendgrid", "fromName", "Clinic") == nil)
        }
    }

    @Test func whoIsSuppressedGetsNoTestMessageEither() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let address = "s\(clinic.clinic.low)@example.com"
            let suppressed = try await clinic.ask(
                MessageDesk.endpoints.suppressions.create,
                SuppressionDraft(channel: .email, address: address)
            )
            #expect(suppressed.status == 201, "\(String(describing: suppressed.problem))")
            let results = try await test(clinic, to: address).output?.results
            #expect(results?.map(\.ok) == [false] && results?.map(\.outcome) == [.skippedSuppressed])
            #expect(try await sandbox.received(for: address).isEmpty)
        }
    }

    /// To who has not written lately nothing is sent by WhatsApp; the credentials are tried all the same.
    @Test(arguments: ["meta", "twilio"]) func byWhatsAppATestGoesToWhoHasWritten(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let isMeta = provider == "meta"
            let draft: ProviderDraft =
                isMeta ? .meta(sandbox.url(provider)) : .whatsApp(at: sandbox.url(provider))
            try await clinic.configure(whatsapp: [draft])
            let phone = try #require(PhoneNumber("+9198\(10_000_000 + clinic.clinic.low % 90_000_000)"))
            func test(_ candidate: ProviderDraft? = nil) async throws -> ConfigurationTestResults.Result {
                let config = candidate.map { CandidateConfiguration(whatsapp: ChannelDraft(primary: $0)) }
                let asked = ConfigurationTest(
                    clinicId: clinic.clinic,
                    channel: .whatsapp,
                    config: config,
                    to: TestRecipient(phone: phone)
                )
                let answer = try await clinic.ask(endpoint, asked)
                let result = answer.output?.results.first
                return try #require(result, "\(String(describing: answer.problem))")
            }
            let closed = try await test()
            #expect(closed.ok && !closed.sent && closed.outcome == .accepted)
            #expect(closed.detail.contains("24 hours"))
            var wrong = draft
            wrong.credentials[isMeta ? "accessToken" : "authToken"] = "wrong-token-0001"
            let refused = try await test(wrong)
            #expect(!refused.ok && !refused.sent && refused.outcome == .credentials)
            #expect(try await sandbox.received(for: phone.number).isEmpty)

            let index = clinic.desk.blindIndex.token(
                phone.number,
                purpose: AddressIndex.purpose,
                clinic: clinic.clinic
            )
            let number = isMeta ? "meta:106540352242922" : "twilio:+14155238886"
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                ConversationWindowStore.note(number, index, at: .now(), in: tx)
            }
            let taken = try await test()
            #expect(taken.ok && taken.sent && taken.outcome == .accepted)
            let received = try await sandbox.received(for: phone.number)
            #expect(received.map { $0.message["text"]?.string } == [TestMessage.text])
            let trail = try await clinic.desk.database.audit(of: clinic.clinic)
                .filter { $0.actor.type == Principal.Kind.provider.rawValue }
            #expect(trail.count == 3 && trail.count(where: { $0.action == "messages:send" }) == 1)
        }
    }

    private func redis(_ endpoint: RedisEndpoint) -> RedisClient {
        RedisClient(endpoint, name: "test", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func aClinicHasOneTestRunningInAllProcesses() async throws {
        let redis = redis(try #require(RedisEndpoint(url: TestServers.shared().redisURL)))
        async let connection: Void = redis.runUntilClosed()
        try await redis.waitUntilUp()
        let keyspace = Keyspace(prefix: TestKeyspace.prefix())
        let turns = (0..<2).map { _ in ConfigurationTestTurns(redis: redis, keyspace: keyspace, patience: .seconds(20))
        }
        let clinic = ClinicID()
        try await turns[0].run(clinic, "one") {
            for process in turns {
                let problem = await #expect(throws: Problem.self) { try await process.run(clinic, "two") {} }
                #expect(problem?.status == 429 && problem?.retryAfter == 10)
                // Which of them is running tells who has asked for it.
                await #expect(throws: ConfigurationTestTurns.AlreadyRunning.self) {
                    try await process.run(clinic, "one") {}
                }
            }
            try await turns[1].run(ClinicID(), "one") {}
            let rest = try await redis.send(["PTTL", .text(keyspace.turn("test:\(clinic)"))]).integer ?? 0
            #expect(rest > 0 && rest <= ConfigurationTestTurns.longest.milliseconds)
        }
        // Given back, also by one that has failed, and by no other than its holder.
        await #expect(throws: CancellationError.self) {
            try await turns[1].run(clinic, "one") { throw CancellationError() }
        }
        try await turns[0].run(clinic, "one") {
            _ = try await redis.send(["SET", .text(keyspace.turn("test:\(clinic)")), "another's"])
        }
        await #expect(throws: Problem.self) { try await turns[0].run(clinic, "one") {} }
        redis.close()
        await connection
        // Each for itself.
        let (other, alone) = (ClinicID(), ConfigurationTestTurns(redis: redis, keyspace: keyspace))
        try await alone.run(other, "one") {
            await #expect(throws: Problem.self) { try await alone.run(other, "two") {} }
            try await turns[1].run(other, "one") {}
        }
    }

    @Test func testsRunOneByOneInAClinicAndAFewAtOnce() throws {
        let turns = ConfigurationTestTurns(
            redis: redis(RedisEndpoint(host: "127.0.0.1", port: 1)),
            keyspace: Keyspace()
        )
        let clinics = (0...ConfigurationTestTurns.most).map { _ in ClinicID() }
        try turns.begin(clinics[0], "one")
        let problem = #expect(throws: Problem.self) { try turns.begin(clinics[0], "two") }
        #expect(problem?.status == 429 && problem?.retryAfter == 10)
        #expect(throws: ConfigurationTestTurns.AlreadyRunning.self) { try turns.begin(clinics[0], "one") }
        for clinic in clinics[1..<ConfigurationTestTurns.most] { try turns.begin(clinic, "one") }
        #expect(throws: Problem.self) { try turns.begin(clinics[ConfigurationTestTurns.most], "one") }
        turns.end(clinics[0], "one")
        try turns.begin(clinics[ConfigurationTestTurns.most], "one")
        #expect(throws: Problem.self) { try turns.begin(clinics[0], "one") }
    }

    @Test func aClinicHasOneTestRunning() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.call("/faults/zeptomail", ["kind": "slow", "delayMs": 5_000], method: "PUT")
            async let first = test(clinic, .zeptomail(sandbox.zeptomail))
            async let second = test(clinic, .zeptomail(sandbox.zeptomail))
            let answers = try await [first, second]
            #expect(Set(answers.map(\.status)) == [200, 429])
            #expect(answers.contains { $0.code == "rate_limited" })
            // The turn is given back.
            try await sandbox.fault(nil, of: "zeptomail")
            #expect(try await test(clinic, .zeptomail(sandbox.zeptomail)).status == 200)
        }
    }

    @Test func aRepeatedTestIsStillRunning() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.call("/faults/zeptomail", ["kind": "slow", "delayMs": 5_000], method: "PUT")
            async let first = test(clinic, .zeptomail(sandbox.zeptomail), key: "k")
            async let second = test(clinic, .zeptomail(sandbox.zeptomail), key: "k")
            let answers = try await [first, second]
            #expect(Set(answers.map(\.status)) == [200, 409])
            #expect(answers.contains { $0.code == "request_in_progress" })
            // Once it has ended it is not run again.
            let again = try await test(clinic, .zeptomail(sandbox.zeptomail), key: "k")
            let results = try #require(answers.first { $0.status == 200 }?.output?.results)
            #expect(again.output?.results == results)
            try await sandbox.fault(nil, of: "zeptomail")
        }
    }

    @Test func testMessagesAreHeldToTheRateOfTheirProvider() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let settings = CommunicationSettings(rates: ["smtp": 0.01])
            try await clinic.configure(email: [.smtp(port: sandbox.smtpPort)], settings: settings)
            let address = "r\(clinic.clinic.low)@example.com"
            var outcomes: [AttemptOutcome?] = []
            for _ in 0...3 { outcomes.append(try await test(clinic, to: address).output?.results.first?.outcome) }
            #expect(outcomes == [.accepted, .accepted, .accepted, .throttled])
            #expect(try await sandbox.received(for: address).count == 3)
            // Candidates have a rate, too, whatever ids they are known by.
            outcomes = []
            for _ in 0...3 {
                let results = try await test(clinic, .smtp(port: sandbox.smtpPort), to: address).output?.results
                outcomes.append(results?.first?.outcome)
            }
            #expect(outcomes == [.accepted, .accepted, .accepted, .throttled])
            #expect(try await sandbox.received(for: address).count == 6)
        }
    }

    @Test func everyCallOfATestLeavesAnEntry() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let chain = try await clinic.configure(
                .zeptomail(sandbox.zeptomail, token: "a-wrong-token"),
                .smtp(port: sandbox.smtpPort)
            ).email
            let (first, second) = (try #require(chain?.primary.id), try #require(chain?.fallback.first?.id))
            func entries() async throws -> Set<String> {
                Set(
                    try await clinic.desk.database.audit(of: clinic.clinic)
                        .filter { $0.actor.type == Principal.Kind.provider.rawValue }
                        .map { "\($0.actor.id) \($0.resource.id) \($0.action) \($0.outcome) \($0.reason ?? "")" }
                )
            }
            _ = try await test(clinic)
            let asked: Set = [
                "zeptomail \(first) communication_config:create failed credentials",
                "smtp \(second) communication_config:create succeeded accepted",
            ]
            #expect(try await entries() == asked)
            _ = try await test(clinic, entry: second, to: "a\(clinic.clinic.low)@example.com")
            #expect(try await entries() == asked.union(["smtp \(second) messages:send succeeded accepted"]))
        }
    }

    @Test func aMaskedSecretIsTheStoredOneAndGoesNowhereElse() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let entry = try #require(try await clinic.configure(.zeptomail(sandbox.zeptomail)).email?.primary)
            var masked = ProviderDraft(id: entry.id, provider: entry.provider, credentials: entry.credentials)
            masked.credentials["fromName"] = "Another name"
            #expect(try await test(clinic, masked).output?.results.map(\.ok) == [true])
            masked.credentials["endpoint"] = .string(SandboxPlace.nowhere)
            let stolen = try await test(clinic, masked)
            #expect(stolen.status == 422 && stolen.code == "secret_missing")
            #expect(stolen.pointers == ["/config/email/primary/credentials/sendMailToken"])
        }
    }

    @Test func whereItMayNotConnectItIsNotTried() async throws {
        let clinic = try TestClinic()
        for endpoint in ["http://169.254.169.254/latest", "https://10.0.0.1", "ftp://127.0.0.1"] {
            let answer = try await test(clinic, .zeptomail(endpoint))
            #expect(answer.status == 422 && answer.code == "endpoint_not_allowed")
            #expect(answer.pointers == ["/config/email/primary/credentials/endpoint"])
        }
        let empty = ConfigurationTest(clinicId: clinic.clinic, config: CandidateConfiguration())
        #expect(try await clinic.ask(endpoint, empty).pointers == ["/config"])
    }
}
