import Bus
import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Redis
import Resilience
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct RateLimiterTests {
    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    /// So slow that nothing is filled up while a test runs: three at once, then nothing.
    private let slow = SendingRate(perSecond: 0.01)

    private func withRedis(_ body: @Sendable @escaping (RedisClient, Keyspace) async throws -> Void) async throws {
        let redis = RedisClient(
            try #require(RedisEndpoint(url: TestServers.shared().redisURL)),
            name: "test",
            logger: Self.quiet
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer { redis.close() }
            try await redis.waitUntilUp()
            try await body(redis, Keyspace(prefix: TestKeyspace.prefix()))
        }
    }

    /// On a busy machine Redis is no less there for being slow.
    private static let patience: Duration = .seconds(20)

    private func isCap(_ wait: RateWait?) -> Bool { if case .cap = wait { true } else { false } }

    @Test func replicasShareABucket() async throws {
        let slow = slow
        try await withRedis { redis, keyspace in
            let (clinic, entry) = (ClinicID(), ProviderEntryID())
            let replicas = (0..<2).map { _ in RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience) }
            let waits = await withTaskGroup(of: RateWait?.self) { group in
                for number in 0..<20 {
                    group.addTask { await replicas[number % 2].take(clinic, entry, slow, .normal) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(waits.count { $0 == nil } == 3)
            // Another clinic, and another entry of the same, have theirs.
            #expect(await replicas[0].take(ClinicID(), entry, slow, .normal) == nil)
            #expect(await replicas[0].take(clinic, ProviderEntryID(), slow, .normal) == nil)
            let key = replicas[0].key(clinic, entry)
            #expect(key.hasSuffix(":{limit:sending:\(clinic):\(entry)}"))
            let expiry = try #require(try await redis.send(["PTTL", .text(key)]).integer)
            #expect(expiry > 0)
        }
    }

    @Test func theScriptDecidesAsTheBucketDoes() async throws {
        let slow = slow
        try await withRedis { redis, keyspace in
            let steps: [MessagePriority] = [
                .bulk, .normal, .critical, .critical, .bulk, .bulk, .normal, .bulk, .normal, .critical,
            ]
            for rate in [slow, SendingRate(perSecond: 0.02, dailyCap: 2), SendingRate(perSecond: 100, dailyCap: 5)] {
                let limiter = RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience)
                let (clinic, entry, now) = (ClinicID(), ProviderEntryID(), Instant.now())
                var bucket = RateBucket(rate, at: now)
                for (step, priority) in steps.enumerated() {
                    let own = bucket.take(rate, priority, at: now)
                    let shared = await limiter.take(clinic, entry, rate, priority)
                    #expect((own == nil) == (shared == nil), "step \(step)")
                    // The server's clock goes on while the test runs.
                    #expect(isCap(own) == isCap(shared), "step \(step)")
                    let difference = (own?.time ?? .zero) - (shared?.time ?? .zero)
                    let passed = Instant.now() - now + .seconds(1)
                    #expect(difference < passed && difference > .seconds(-1), "step \(step): \(difference)")
                }
            }
        }
    }

    /// So slow an account of the installation: three at once for all clinics together, then nothing.
    private let shared = SendingRate(perSecond: 0.01, ofAccount: 0.01)

    @Test func clinicsShareTheInstallationsAccount() async throws {
        let (slow, shared) = (slow, shared)
        try await withRedis { redis, keyspace in
            let (clinics, entry) = ([ClinicID(), ClinicID(), ClinicID()], ProviderEntryID())
            let replicas = (0..<2).map { _ in RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience) }
            let waits = await withTaskGroup(of: RateWait?.self) { group in
                for number in 0..<18 {
                    group.addTask { await replicas[number % 2].take(clinics[number % 3], entry, shared, .normal) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(waits.count { $0 == nil } == 3)
            // Another account has its own, and so have clinics with accounts of theirs.
            #expect(await replicas[0].take(clinics[0], ProviderEntryID(), shared, .normal) == nil)
            let own = ProviderEntryID()
            for clinic in clinics {
                for _ in 0..<3 { #expect(await replicas[0].take(clinic, own, slow, .normal) == nil) }
                #expect(await replicas[1].take(clinic, own, slow, .normal) != nil)
            }
            let key = replicas[0].sharedKey(entry)
            #expect(key.hasSuffix(":{limit:sending:\(ClinicID.installation):\(entry)}"))
            for key in [key, "\(key):waiting:1"] {
                let expiry = try #require(try await redis.send(["PTTL", .text(key)]).integer)
                #expect(expiry > 0)
            }
        }
    }

    @Test func anUrgentMessageIsBeforeWhatWaitsOfAnotherClinic() async throws {
        let shared = shared
        try await withRedis { redis, keyspace in
            let limiter = RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience)
            let (flood, other, entry) = (ClinicID(), ClinicID(), ProviderEntryID())
            var waits: [Duration] = []
            for _ in 0..<8 {
                if let wait = await limiter.take(flood, entry, shared, .bulk) { waits.append(wait.time) }
            }
            try #require(waits.count == 5)
            let urgent = try #require(await limiter.take(other, entry, shared, .critical)).time
            #expect(urgent < waits[1])
            // The next token is not the flood's.
            let passed = await limiter.take(flood, entry, shared, .bulk, waits: false) { _ in 0 }
            #expect(try #require(passed).time > urgent)
        }
    }

    /// Its own cap and a lower rate of its own hold a clinic, and take nothing of the others.
    @Test func whatAClinicSetsHoldsItAlone() async throws {
        try await withRedis { redis, keyspace in
            let limiter = RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience)
            let (capped, other, entry) = (ClinicID(), ClinicID(), ProviderEntryID())
            let rate = SendingRate(perSecond: 0.01, dailyCap: 2, ofAccount: 0.01)
            #expect(await limiter.take(capped, entry, rate, .normal) == nil)
            for _ in 0..<2 { #expect(await limiter.take(other, entry, shared, .normal) == nil) }
            // What the account has no room for is not counted as gone.
            for _ in 0..<3 {
                let wait = await limiter.take(capped, entry, rate, .normal)
                #expect(wait != nil && !isCap(wait))
            }
            // Full again, and nobody waits.
            let key = limiter.sharedKey(entry)
            _ = try await redis.send(["DEL", .text(key), .text("\(key):waiting:1")])
            #expect(await limiter.take(capped, entry, rate, .normal) == nil)
            let over = await limiter.take(capped, entry, rate, .normal)
            #expect(isCap(over))
            // What its cap holds up has taken nothing of the account.
            for _ in 0..<2 { #expect(await limiter.take(other, entry, shared, .normal) == nil) }
            #expect(await limiter.take(other, entry, shared, .normal) != nil)
        }
    }

    @Test func theScriptSharesAsTheBucketDoes() async throws {
        try await withRedis { redis, keyspace in
            let (clinics, entry, now) = ([ClinicID(), ClinicID(), ClinicID()], ProviderEntryID(), Instant.now())
            let limiter = RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience)
            let steps: [(clinic: Int, priority: MessagePriority)] = [
                (0, .bulk), (0, .bulk), (0, .bulk), (0, .bulk), (0, .bulk), (0, .bulk), (1, .bulk), (1, .bulk),
                (2, .normal), (0, .normal), (2, .normal), (2, .bulk), (1, .critical), (0, .bulk), (1, .bulk),
            ]
            var bucket = RateBucket(slow, at: now)
            for (step, message) in steps.enumerated() {
                let clinic = clinics[message.clinic]
                let own = bucket.take(slow, message.priority, of: clinic, at: now)
                let told = await limiter.take(clinic, entry, shared, message.priority)
                #expect((own == nil) == (told == nil), "step \(step)")
                // The server's clock goes on while the test runs.
                let difference = (own?.time ?? .zero) - (told?.time ?? .zero)
                let passed = Instant.now() - now + .seconds(1)
                #expect(difference < passed && difference > .seconds(-1), "step \(step): \(difference)")
            }
        }
    }

    @Test func tokensOfAFastProviderAreFetchedTogether() async throws {
        try await withRedis { redis, keyspace in
            let limiter = RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience)
            func left(after takes: Int, _ rate: SendingRate, _ field: String) async throws -> Double? {
                let (clinic, entry) = (ClinicID(), ProviderEntryID())
                for _ in 0..<takes { #expect(await limiter.take(clinic, entry, rate, .normal) == nil) }
                let kept = try await redis.send(["HGET", .text(limiter.key(clinic, entry)), .text(field)])
                return kept.string.flatMap { Double($0) }
            }
            let fast = SendingRate(perSecond: 5_000)
            let fetched = try await left(after: 1, fast, "tokens")
            #expect(fetched == 4_968)
            #expect(try await left(after: 1, SendingRate(perSecond: 10), "tokens") == 9)
            // Of an account that clinics share they are everybody's.
            let (entry, shared) = (ProviderEntryID(), SendingRate(perSecond: 5_000, ofAccount: 5_000))
            #expect(await limiter.take(ClinicID(), entry, shared, .normal) == nil)
            let kept = try await redis.send(["HGET", .text(limiter.sharedKey(entry)), "tokens"])
            #expect(kept.string.flatMap { Double($0) } == 4_968)
            // A day's cap counts messages, not what was fetched for them; without one nobody counts.
            let capped = SendingRate(perSecond: 5_000, dailyCap: 50)
            #expect(try await left(after: 1, capped, "tokens") == 4_999)
            #expect(try await left(after: 40, capped, "count") == 40)
            #expect(try await left(after: 40, fast, "count") == nil)
        }
    }

    @Test(arguments: [(0.5, 1), (49, 1), (100, 2), (2_500, 32)]) func fetchesNoMoreThanARateGivesInAMoment(
        _ perSecond: Double,
        _ tokens: Int
    ) {
        #expect(RateLimiter.fetched(of: SendingRate(perSecond: perSecond)) == tokens)
        #expect(RateLimiter.fetched(of: SendingRate(perSecond: perSecond, dailyCap: 10)) == 1)
    }

    /// A cap that is set during the day, or whose count is gone with Redis' keys, begins with what has gone; all processes ask once.
    @Test func aCapCountsWhatHasGoneBeforeIt() async throws {
        try await withRedis { redis, keyspace in
            let (clinic, entry) = (ClinicID(), ProviderEntryID())
            let replicas = (0..<2).map { _ in RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience) }
            let questions = Questions()
            /// Whether a message goes, with so many gone before by what the store says.
            func goes(_ replica: Int, cap: Int?, gone: Int) async -> Bool {
                let rate = SendingRate(perSecond: 10, dailyCap: cap)
                let wait = await replicas[replica].take(clinic, entry, rate, .normal) { midnight in
                    questions.note(midnight)
                    return gone
                }
                return !isCap(wait)
            }
            for _ in 0..<3 { #expect(await goes(0, cap: nil, gone: 0)) }
            #expect(questions.all.isEmpty)
            for replica in [0, 1] { #expect(await goes(replica, cap: 5, gone: 3)) }
            for replica in [0, 1] { #expect(await !goes(replica, cap: 5, gone: 3)) }
            let midnight = try #require(questions.all.first)
            #expect(questions.all.count == 1)
            #expect(midnight == DayCount.start(of: DayCount.day(of: midnight)) && midnight <= .now())
            // Raised, it goes on counting.
            #expect(await goes(1, cap: 6, gone: 0))
            #expect(await !goes(0, cap: 6, gone: 0))
            _ = try await redis.send(["DEL", .text(replicas[0].key(clinic, entry))])
            #expect(await !goes(0, cap: 5, gone: 5))
            #expect(questions.all.count == 2)
            // While there is no cap nobody counts, so the next one has to be told again.
            #expect(await goes(0, cap: nil, gone: 0))
            #expect(await !goes(1, cap: 6, gone: 6))
            #expect(questions.all.count == 3)
        }
    }

    @Test func withoutRedisACapCountsWhatHasGone() async throws {
        let nobody = RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: Self.quiet)
        let limiter = RateLimiter(redis: nobody, keyspace: Keyspace())
        let (clinic, entry) = (ClinicID(), ProviderEntryID())
        let capped = SendingRate(perSecond: 100, dailyCap: 5)
        for isLast in [false, false, true] {
            let wait = await limiter.take(clinic, entry, capped, .normal) { _ in 3 }
            #expect(isCap(wait) == isLast)
        }
        // Whoever cannot say how many have gone lets none go.
        await #expect(throws: Problem.self) {
            _ = try await limiter.take(ClinicID(), entry, capped, .normal) { _ in
                throw Problem.unavailable("The count")
            }
        }
    }

    @Test func aServerThatHasForgottenTheScriptIsToldAgain() async throws {
        let slow = slow
        try await withRedis { redis, keyspace in
            let limiter = RateLimiter(redis: redis, keyspace: keyspace, patience: Self.patience)
            let (clinic, entry) = (ClinicID(), ProviderEntryID())
            for _ in 0..<2 { #expect(await limiter.take(clinic, entry, slow, .normal) == nil) }
            _ = try await redis.send(["SCRIPT", "FLUSH"])
            #expect(await limiter.take(clinic, entry, slow, .normal) == nil)
            #expect(await limiter.take(clinic, entry, slow, .normal) != nil)
        }
    }

    @Test func withoutRedisEachProcessHoldsItselfToTheRate() async throws {
        let nobody = RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: Self.quiet)
        let limiter = RateLimiter(redis: nobody, keyspace: Keyspace())
        let (clinic, entry) = (ClinicID(), ProviderEntryID())
        var waits: [RateWait?] = []
        for _ in 0..<5 { waits.append(await limiter.take(clinic, entry, slow, .normal)) }
        #expect(waits.map { $0 == nil } == [true, true, true, false, false])
        #expect(await limiter.take(ClinicID(), entry, slow, .normal) == nil)
        // Clinics share an account of the installation here too.
        let (other, account) = (ClinicID(), ProviderEntryID())
        var shares: [RateWait?] = []
        for number in 0..<6 {
            shares.append(await limiter.take(number % 2 == 0 ? clinic : other, account, shared, .bulk))
        }
        #expect(shares.map { $0 == nil } == [true, true, true, false, false, false])
        let urgent = try #require(await limiter.take(other, account, shared, .critical)).time
        #expect(urgent < (shares[5]?.time ?? .zero))
        // Operators see that it is not Redis that decides.
        _ = try MessageDesk.shared()
        _ = await limiter.take(clinic, entry, slow, .normal)
        let told = Telemetry.metrics.exposition()
        #expect(told.contains("polyclinic_rate_waits_total{lane=\"normal\",source=\"process\"}"))
    }
}

extension RateLimiter {
    /// Where nothing has gone before.
    fileprivate func take(
        _ clinic: ClinicID,
        _ entry: ProviderEntryID,
        _ rate: SendingRate,
        _ priority: MessagePriority
    ) async -> RateWait? {
        await take(clinic, entry, rate, priority) { _ in 0 }
    }
}

/// What the store was asked.
private final class Questions: Sendable {
    private let midnights = Mutex<[Instant]>([])

    var all: [Instant] { midnights.withLock { $0 } }
    func note(_ midnight: Instant) { midnights.withLock { $0.append(midnight) } }
}

/// Messages over their provider's rate.
@Suite(.timeLimit(.minutes(2))) struct RateLimitedMessageTests {
    private func address(_ clinic: TestClinic) -> String { "r\(clinic.clinic.low)@example.com" }

    private func configure(_ clinic: TestClinic, _ settings: CommunicationSettings, _ providers: ProviderDraft...)
        async throws
    {
        let email = ChannelDraft(primary: providers[0], fallback: Array(providers.dropFirst()))
        let draft = ConfigurationDraft(clinicId: clinic.clinic, email: email, settings: settings)
        let answer = try await clinic.ask(TestClinic.endpoints.configuration.put, draft, ifNoneMatch: "*")
        try #require(answer.status == 201, "\(String(describing: answer.problem))")
        #expect(answer.output?.settings.rates == settings.rates)
        #expect(answer.output?.settings.dailyCaps == settings.dailyCaps)
    }

    private func send(_ clinic: TestClinic, _ priority: MessagePriority) async throws -> MessageID {
        var draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress(address(clinic))),
            content: MessageContent(subject: priority.rawValue, text: "T")
        )
        draft.priority = priority
        return try await clinic.send(draft)
    }

    private func waiting(_ clinic: TestClinic, _ id: MessageID) async throws -> Message {
        try await eventually("the message waits for the rate", within: .seconds(30)) {
            let message = try await clinic.message(id)
            return message.waitingFor == .rateLimit ? message : nil
        }
    }

    /// So slow that nothing is filled up while a test runs: three at once, then nothing.
    private static let slow = CommunicationSettings(rates: ["smtp": 0.01])

    /// Has waiting messages be asked for now, at a rate that holds nothing up.
    private func hurry(_ ids: [MessageID], of clinic: TestClinic, _ providers: ProviderDraft...) async throws {
        let email = ChannelDraft(primary: providers[0], fallback: Array(providers.dropFirst()))
        let settings = CommunicationSettings(rates: ["smtp": 1_000])
        try await clinic.configure(ConfigurationDraft(clinicId: clinic.clinic, email: email, settings: settings))
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            for id in ids { try Jobs.enqueue(SendMessageJob.self, payload: .init(message: id), lane: .normal, in: tx) }
        }
    }

    @Test func whatIsOverTheRateWaitsAndIsSent() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, Self.slow, .smtp(port: sandbox.smtpPort))
            for _ in 0..<3 { #expect(try await clinic.settled(try await send(clinic, .normal)).status == .sent) }
            let id = try await send(clinic, .normal)
            let held = try await waiting(clinic, id)
            #expect(held.status == .queued && held.attempts.isEmpty && held.nextAttemptAt != nil)
            // Another clinic at the same server is not held.
            let other = try TestClinic()
            try await configure(other, Self.slow, .smtp(port: sandbox.smtpPort))
            #expect(try await other.settled(try await send(other, .bulk)).status == .sent)
            try await hurry([id], of: clinic, .smtp(port: sandbox.smtpPort))
            let sent = try await clinic.settled(id)
            #expect(sent.status == .sent && sent.attempts.map(\.outcome) == [.accepted])
            #expect(try await sandbox.received(for: address(clinic)).count == 4)
        }
    }

    @Test func theAttemptsBeforeAreKept() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let (away, server) = (
                ProviderDraft.zeptomail(SandboxPlace.nowhere), ProviderDraft.smtp(port: sandbox.smtpPort)
            )
            try await configure(clinic, Self.slow, away, server)
            for _ in 0..<3 { #expect(try await clinic.settled(try await send(clinic, .normal)).status == .sent) }
            let id = try await send(clinic, .normal)
            #expect(try await waiting(clinic, id).attempts.map(\.outcome) == [.transient])
            try await hurry([id], of: clinic, away, server)
            let sent = try await clinic.settled(id)
            #expect(sent.attempts.first?.outcome == .transient && sent.attempts.last?.outcome == .accepted)
            #expect(sent.attempts.last?.provider == "smtp" && sent.attempts.count >= 3)
        }
    }

    /// What less urgent ones are waiting for does not hold up a critical one.
    @Test func criticalOnesPassWhatWaits() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let server = ProviderDraft.smtp(port: sandbox.smtpPort)
            try await configure(clinic, Self.slow, server)
            for _ in 0..<3 { _ = try await clinic.settled(try await send(clinic, .bulk)) }
            var ids: [MessageID] = []
            for _ in 0..<3 {
                ids.append(try await send(clinic, .bulk))
                _ = try await waiting(clinic, ids[ids.count - 1])
            }
            let urgent = try await send(clinic, .critical)
            _ = try await waiting(clinic, urgent)
            try await hurry([urgent], of: clinic, server)
            #expect(try await clinic.settled(urgent).status == .sent)
            try await hurry(ids, of: clinic, server)
            for id in ids { #expect(try await clinic.settled(id).status == .sent) }
            let subjects = try await sandbox.received(for: address(clinic)).map { $0.message["subject"]?.string }
            #expect(subjects.firstIndex(of: "critical") == 3 && subjects.count == 7)
        }
    }

    @Test func aCapWaitsForTheNextDay() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, .init(dailyCaps: ["smtp": 1]), .smtp(port: sandbox.smtpPort))
            #expect(try await clinic.settled(try await send(clinic, .critical)).status == .sent)
            let held = try await waiting(clinic, try await send(clinic, .critical))
            #expect(held.attempts.map(\.outcome) == [.skippedQuota])
            let next = try #require(held.nextAttemptAt)
            let intoDay = next.microseconds.flooredDivision(by: 86_400_000_000)
            #expect(abs((next - Instant(seconds: intoDay * 86_400)).inSeconds) < 5)
        }
    }

    /// What went before a cap was set is counted too, as health shows it; Redis' keys may be lost meanwhile.
    @Test func aCapThatIsSetDuringTheDayCountsTheDay() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            try await other.configure(.smtp(port: sandbox.smtpPort))
            for _ in 0..<2 { #expect(try await clinic.settled(try await send(clinic, .normal)).status == .sent) }
            for clinic in [clinic, other] {
                try await clinic.configure(
                    email: [.smtp(port: sandbox.smtpPort)],
                    settings: CommunicationSettings(dailyCaps: ["smtp": 3])
                )
            }
            #expect(try await clinic.settled(try await send(clinic, .normal)).status == .sent)
            let held = try await waiting(clinic, try await send(clinic, .critical))
            #expect(held.attempts.map(\.outcome) == [.skippedQuota])
            #expect(try await clinic.health().map(\.rate.today) == [3])
            for _ in 0..<3 { #expect(try await other.settled(try await send(other, .normal)).status == .sent) }
            let fourth = try await waiting(other, try await send(other, .normal))
            #expect(fourth.attempts.map(\.outcome) == [.skippedQuota])
        }
    }

    /// Its cap used up, a provider keeps no message from those who could take it.
    @Test func overACapTheNextProviderAndChannelHaveTheirTurn() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            let phone = "+4915\(Int.random(in: 100_000_000...999_999_999))"
            func sent(_ clinic: TestClinic, _ priority: MessagePriority = .normal) async throws -> Message {
                var draft = MessageDraft(
                    to: RecipientDraft(email: EmailAddress(address(clinic)), phone: PhoneNumber(phone)),
                    channels: [.email, .sms],
                    content: MessageContent(subject: "Your visit", text: "See you at 10:30")
                )
                draft.priority = priority
                return try await clinic.settled(try await clinic.send(draft))
            }
            for clinic in [clinic, other] {
                try await clinic.configure(
                    email: [.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort)],
                    sms: [.texts("twilio", at: sandbox.url("twilio"))],
                    settings: CommunicationSettings(dailyCaps: ["zeptomail": 1, "smtp": 1])
                )
            }
            #expect(try await sent(clinic).attempts.map(\.provider) == ["zeptomail"])
            let second = try await sent(clinic, .critical)
            #expect(second.attempts.map(\.outcome) == [.skippedQuota, .accepted])
            #expect(second.attempts.map(\.provider) == ["zeptomail", "smtp"])
            let third = try await sent(clinic)
            #expect(third.attempts.map(\.outcome) == [.skippedQuota, .skippedQuota, .accepted])
            #expect(third.channel == .sms)
            // Another clinic has a day of its own.
            #expect(try await sent(other).attempts.map(\.provider) == ["zeptomail"])
            #expect(try await sandbox.received(for: phone).count == 1)
            #expect(try await clinic.health().map(\.state) == [.closed, .closed, .closed])
        }
    }

    /// The last round of the others, a long time after the message came: who has room again tomorrow is waited for, unless another
    /// channel takes it.
    @Test func aCapAtTheEndOfTheLastRoundLosesNoMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let (away, server) = (
                ProviderDraft.zeptomail(SandboxPlace.nowhere), ProviderDraft.smtp(port: sandbox.smtpPort)
            )
            try await clinic.configure(
                email: [away, server],
                sms: [.texts("twilio", at: sandbox.url("twilio"))],
                settings: CommunicationSettings(dailyCaps: ["smtp": 1])
            )
            let first = try await clinic.settled(try await send(clinic, .normal))
            #expect(first.attempts.map(\.outcome) == [.transient, .accepted])
            let id = try await send(clinic, .normal)
            _ = try await eventually("the round is over", within: .seconds(30)) {
                let message = try await clinic.message(id)
                return message.attempts.map(\.outcome) == [.transient, .skippedQuota] && message.waitingFor != nil
                    ? message : nil
            }
            let (last, age) = (SendingRules.rounds.attempts - 1, SendingRules.patience + .seconds(60))
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                tx.execute(
                    """
                    update messages set rounds = \(last), created_at = \(Instant.now() - age)
                    where clinic_id = clinic_id() and id = \(id)
                    """
                )
                try Jobs.enqueue(SendMessageJob.self, payload: .init(message: id), lane: .normal, in: tx)
            }
            let held = try await waiting(clinic, id)
            #expect(held.status == .queued && held.attempts.last?.outcome == .skippedQuota)
            let next = try #require(held.nextAttemptAt)
            let intoDay = next.microseconds.flooredDivision(by: 86_400_000_000)
            #expect(abs((next - Instant(seconds: intoDay * 86_400)).inSeconds) < 5)
            try await hurry([id], of: clinic, away, server)
            #expect(try await clinic.settled(id).attempts.last?.outcome == .accepted)
            #expect(try await sandbox.received(for: address(clinic)).count == 2)
        }
    }

    @Test func aCapBesideAFailureLeavesTheNextChannelItsTurn() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let phone = "+4915\(Int.random(in: 100_000_000...999_999_999))"
            try await clinic.configure(
                email: [.zeptomail(SandboxPlace.nowhere), .smtp(port: sandbox.smtpPort)],
                sms: [.texts("twilio", at: sandbox.url("twilio"))],
                settings: CommunicationSettings(dailyCaps: ["smtp": 1])
            )
            func sent() async throws -> Message {
                let draft = MessageDraft(
                    to: RecipientDraft(email: EmailAddress(address(clinic)), phone: PhoneNumber(phone)),
                    channels: [.email, .sms],
                    content: MessageContent(subject: "Your visit", text: "See you at 10:30")
                )
                return try await clinic.settled(try await clinic.send(draft))
            }
            #expect(try await sent().attempts.map(\.outcome) == [.transient, .accepted])
            let second = try await sent()
            #expect(second.attempts.map(\.outcome) == [.transient, .skippedQuota, .accepted])
            #expect(second.channel == .sms)
            #expect(try await sandbox.received(for: phone).count == 1)
        }
    }

    @Test func ratesThatCannotBeAreNamed() async throws {
        let clinic = try TestClinic()
        let settings = CommunicationSettings(
            rates: ["smtp": 0, "pigeon": 1, "zeptomail": 20_000],
            dailyCaps: ["smtp": 0, "pigeon": 5]
        )
        let draft = ConfigurationDraft(clinicId: clinic.clinic, email: nil, settings: settings)
        let answer = try await clinic.ask(TestClinic.endpoints.configuration.put, draft, ifNoneMatch: "*")
        #expect(answer.status == 422)
        #expect(
            answer.pointers == [
                "/settings/rates/pigeon", "/settings/rates/smtp", "/settings/rates/zeptomail",
                "/settings/dailyCaps/pigeon",
                "/settings/dailyCaps/smtp",
            ]
        )
    }
}
