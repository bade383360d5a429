import Authorization
import Contracts
import Core
import Settings
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// The gateway's rules by themselves.
@Suite struct RuleTests {
    private static let now = Instant(seconds: 1_800_000_000)

    @Test(arguments: [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"), ("10.0.0.1", "203.0.113.9, 10.9.9.9", "203.0.113.9"),
        // What a client wrote itself stands further left and is not believed.
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"), ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"), ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"), ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"), ("fe00::1", "203.0.113.9", "fe00::1"),
    ])
    func clientAddressComesFromTrustedProxiesOnly(_ peer: String, _ forwarded: String, _ expected: String) throws {
        let proxies = try TrustedProxies(["10.0.0.0/8", "fd00::/8"])
        #expect(proxies.clientAddress(peer: peer, forwardedFor: forwarded) == expected)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0", "::/129", "name", "10.0.0.1/-1", "10.0.0.0/8/8", ""])
    func malformedNetworksAreNamed(_ text: String) {
        #expect(throws: TrustedProxies.MalformedNetwork.self) { try TrustedProxies([text]) }
    }

    @Test func mediaTypesAreChosenByWeight() {
        let offered = ["application/json", "application/x-ndjson", "text/csv"]
        let cases: [(String?, String?)] = [
            (nil, "application/json"), ("*/*", "application/json"), ("text/csv", "text/csv"),
            ("text/*", "text/csv"), ("application/json;q=0.5, text/csv", "text/csv"),
            ("application/json; q=0, */*", "application/x-ndjson"), ("text/html", nil), ("", nil),
        ]
        for (accept, expected) in cases {
            #expect(MediaType.choose(accept, from: offered) == expected, "\(accept ?? "")")
        }
        #expect(MediaType.choose("text/html", from: []) == "")
    }

    @Test(arguments: [
        ("*", true), ("\"7\"", true), ("W/\"7\"", true), ("\"1\" , \"7\" ", true), ("\"1\",\tW/\"7\"\t", true),
        ("\"1\"", false), ("\"77\"", false), ("", false),
    ])
    func tagsAreNamedInAList(field: String, isNamed: Bool) {
        #expect(EntityTag.matches(field, "\"7\"") == isNamed)
    }

    @Test func limitsAreSharedAmongGatewaysAndKeptApart() {
        var limits = RateLimits()
        limits.user = RateLimits.Limit(quota: 4, window: 1)
        let limiter = RateLimiter(limits: limits)
        func taken(_ user: UserID, _ routeClass: RouteClass, at now: Instant = Self.now) -> Int {
            (0..<10).count { _ in
                limiter.take(class: routeClass, caller: .user(user, signIn: nil), clinic: nil, address: "", at: now)?
                    .retryAfter == nil
            }
        }
        let user = UserID()
        #expect(taken(user, .read) == 4)
        #expect(taken(user, .write) == 4)
        #expect(taken(UserID(), .read) == 4)
        #expect(taken(user, .read, at: Self.now + .milliseconds(500)) == 2)
        limiter.share(among: 2)
        #expect(taken(UserID(), .read) == 2)
        #expect(
            RateLimiter(limits: nil).take(
                class: .read,
                caller: .user(user, signIn: nil),
                clinic: nil,
                address: "",
                at: Self.now
            ) == nil
        )
    }

    private func isLetIn(_ limiter: RateLimiter, from address: String) -> Bool {
        limiter.take(class: .authentication, caller: nil, clinic: nil, address: address, at: Self.now)?.retryAfter
            == nil
    }

    @Test func whoHasANetworkOfAddressesHasOneLimit() {
        var limits = RateLimits()
        limits.address = RateLimits.Limit(quota: 3, window: 60)
        let limiter = RateLimiter(limits: limits)
        let inOne = (0..<10).count { isLetIn(limiter, from: "2001:db8:0:1::\($0)") }
        #expect(inOne == 3)
        #expect(isLetIn(limiter, from: "2001:db8:0:2::1"))
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"] { #expect(isLetIn(limiter, from: address)) }
        #expect(!isLetIn(limiter, from: "192.0.2.1"))
        #expect(isLetIn(limiter, from: "192.0.2.2"))
    }

    @Test func aFloodOfAddressesFreesNobody() {
        var limits = RateLimits()
        limits.address = RateLimits.Limit(quota: 2, window: 60)
        limits.user = RateLimits.Limit(quota: 1, window: 60)
        let limiter = RateLimiter(limits: limits)
        let user = UserID()
        func isUserLetIn() -> Bool {
            let caller = Caller.user(user, signIn: nil)
            return limiter.take(class: .read, caller: caller, clinic: nil, address: "", at: Self.now)?.retryAfter == nil
        }
        #expect(isUserLetIn())
        for wanted in [true, true, false] { #expect(isLetIn(limiter, from: "192.0.2.1") == wanted) }
        for number in 0...RateLimiter.mostBuckets {
            _ = isLetIn(limiter, from: "10.\(number >> 16).\(number >> 8 & 255).\(number & 255)")
        }
        #expect(!isUserLetIn())
        #expect(!isLetIn(limiter, from: "192.0.2.1"))
    }

    @Test func limitsAreLiftedInDevelopmentOnly() throws {
        #expect(try GatewayConfiguration.rateLimits(["off"], isDevelopment: true) == nil)
        #expect(throws: SettingsError.self) { try GatewayConfiguration.rateLimits(["off"], isDevelopment: false) }
        #expect(try GatewayConfiguration.rateLimits([], isDevelopment: false) == RateLimits())
        let own = try #require(try GatewayConfiguration.rateLimits(["user=7/2"], isDevelopment: false))
        #expect(own.user == RateLimits.Limit(quota: 7, window: 2))
        for bad in [
            "user", "user=0/1", "user=1", "other=1/1", "user=a/b", "user=1000001/1", "user=1/86401",
            "user=9223372036854775807/1", "user=1/9223372036854775807",
        ] {
            #expect(throws: SettingsError.self) { try GatewayConfiguration.rateLimits([bad], isDevelopment: true) }
        }
    }

    @Test func manyRefusalsAtOnceAreOneEntryAndACount() async throws {
        let written = Written()
        let gate = Gate()
        let recorder = DenialRecorder { report, _ in
            await gate.pass()
            written.add(report)
        }
        let record = Self.record(at: Self.now)
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<50 { tasks.addTask { try await recorder.record(record) } }
            try await eventually("the first is under way") { gate.waiting == 1 }
            #expect(written.counts == [])
            gate.open()
            try await tasks.waitForAll()
        }
        #expect(written.counts == [1])
        await recorder.flush(before: Self.now)
        #expect(written.counts == [1, 49])
        await recorder.flush(before: Self.now)
        #expect(written.counts == [1, 49])
    }

    @Test func refusalThatWasNotWrittenHidesNoOther() async throws {
        let written = Written()
        let switches = Switch(fails: true)
        let recorder = DenialRecorder { report, _ in
            if switches.fails { throw Problem.unavailable("The audit trail") }
            written.add(report)
        }
        await #expect(throws: Problem.self) { try await recorder.record(Self.record(at: Self.now)) }
        switches.fails = false
        try await recorder.record(Self.record(at: Self.now))
        #expect(written.counts == [1])
    }

    private static func record(at now: Instant) -> AuditRecord {
        AuditRecord(
            at: now,
            clinicId: ClinicID(high: 1, low: 1),
            actor: AuditRecord.Actor(type: "user", id: "u"),
            action: "a:b",
            resource: AuditRecord.Resource(type: "a", id: ""),
            outcome: .denied,
            reason: "forbidden",
            requestId: RequestID(),
            source: AuditRecord.Source(address: "", userAgent: "")
        )
    }
}

/// What was written to the trail: how many refusals each entry stands for.
private final class Written: Sendable {
    private let state = Mutex([Int]())
    var counts: [Int] { state.withLock { $0 } }
    func add(_ report: DenialReport) { state.withLock { $0 += report.entries.map { $0.count ?? 1 } } }
}

private final class Switch: Sendable {
    private let state: Mutex<Bool>
    var fails: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
    init(fails: Bool) { state = Mutex(fails) }
}
