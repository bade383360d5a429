import Authorization
import Contracts
import Core
import Crypto
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// API keys at the gateway.
@Suite(.timeLimit(.minutes(2))) struct KeyTests {
    private static let text = "pck_0123456789abcdef_" + String(repeating: "s", count: 43)
    private static let former = "pck_0123456789abcdef_" + String(repeating: "f", count: 43)

    private static func hash(_ text: String) -> String { Array(SHA256.hash(data: Array(text.utf8))).hex }

    private static func grant(
        _ role: Role,
        of clinic: ClinicID,
        formerUntil: Instant = .now() + .seconds(600),
        expiresAt: Instant = .now() + .seconds(3_600),
        active: Bool = true,
        id: APIKeyID = APIKeyID()
    ) -> APIKeyGrant {
        APIKeyGrant(
            id: id,
            clinicId: clinic,
            prefix: "pck_0123456789abcdef",
            secrets: [.init(hash: hash(text)), .init(hash: hash(former), until: formerUntil)],
            role: RoleGrant(role: role),
            expiresAt: expiresAt,
            active: active
        )
    }

    @Test func aKeyIsLetInAsItsRole() async throws {
        try await TestGateway.run { gateway in
            let (clinic, _) = gateway.access.member([.nurse])
            let key = Self.grant(.clinicAdmin, of: clinic)
            gateway.access.change { $0.apiKeys = [key] }
            for text in [Self.text, Self.former] {
                let told = try await gateway.eventuallyGet("/api/v1/things", [bearer(text)]).told
                #expect(told["clinic"] == clinic.description)
                #expect(told["kind"] == "api_key")
                #expect(told["principal"] == key.id.description)
                #expect(told["roles"] == "CLINIC_ADMIN")
                #expect(told["scope"] == "clinic")
            }
            let wrong = String(Self.text.dropLast()) + "x"
            for text in [wrong, "pck_", "pck_0123456789abcdef", "pck_unknown_secret", Self.text + "s"] {
                #expect(try await gateway.get("/api/v1/things", [bearer(text)]).status == 401, "\(text)")
            }
        }
    }

    @Test func aRevokedOrExpiredKeyAndAFormerSecretAreRefused() async throws {
        try await TestGateway.run { gateway in
            let (clinic, _) = gateway.access.member([.nurse])
            let id = APIKeyID()
            gateway.access.change { $0.apiKeys = [Self.grant(.clinicAdmin, of: clinic, id: id)] }
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(Self.text)])
            gateway.access.change {
                $0.apiKeys = [Self.grant(.clinicAdmin, of: clinic, formerUntil: .now() - .seconds(1), id: id)]
            }
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(Self.former)], status: 401)
            #expect(try await gateway.get("/api/v1/things", [bearer(Self.text)]).status == 200)
            gateway.access.change { $0.apiKeys = [Self.grant(.clinicAdmin, of: clinic, active: false, id: id)] }
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(Self.text)], status: 401)
            gateway.access.change {
                $0.apiKeys = [Self.grant(.clinicAdmin, of: clinic, expiresAt: .now() - .seconds(1), id: id)]
            }
            #expect(try await gateway.get("/api/v1/things", [bearer(Self.text)]).status == 401)
        }
    }

    @Test func aKeyStaysInItsClinicAndIsNobody() async throws {
        try await TestGateway.run { gateway in
            let (clinic, _) = gateway.access.member([.nurse])
            let (other, _) = gateway.access.member([.nurse])
            let key = Self.grant(.inventoryManager, of: clinic)
            gateway.access.change { $0.apiKeys = [key] }
            let refused = try await gateway.eventuallyGet("/api/v1/things", [bearer(Self.text)], status: 403)
            #expect(try refused.code == "forbidden")
            let entry = try #require(gateway.access.denials.last)
            #expect(entry.clinicId == clinic)
            #expect(entry.actor.type == "api_key" && entry.actor.apiKeyId == key.id.description)
            let foreign = try await gateway.get("/api/v1/clinics/\(other)/things", [bearer(Self.text)])
            #expect(foreign.status == 404)
            #expect(gateway.access.denials.last?.clinicId == clinic)
            let me = try await gateway.get("/api/v1/me", [bearer(Self.text)])
            #expect(me.status == 403)
            #expect(try me.code == "person_required")
        }
    }

    @Test func keysHaveLimitsOfTheirOwn() {
        var limits = RateLimits()
        limits.key = RateLimits.Limit(quota: 3, window: 1)
        let limiter = RateLimiter(limits: limits)
        let now = Instant(seconds: 1_800_000_000)
        func taken(_ caller: Caller) -> Int {
            (0..<10).count { _ in
                limiter.take(class: .read, caller: caller, clinic: nil, address: "", at: now)?.retryAfter == nil
            }
        }
        #expect(taken(.apiKey(APIKeyID())) == 3)
        #expect(taken(.apiKey(APIKeyID())) == 3)
        #expect(taken(.user(UserID(), signIn: nil)) == 10)
    }

    @Test func usesAreToldTogetherAndKeptWhenTheyCannotBe() async throws {
        let told = Mutex<[[APIKeyID: Instant]]>([])
        let isDown = Mutex(true)
        let uses = KeyUses { report in
            if isDown.withLock({ $0 }) { throw Problem.unavailable("Access") }
            told.withLock { $0.append(Dictionary(uniqueKeysWithValues: report.uses.map { ($0.key, $0.at) })) }
        }
        let (one, two) = (APIKeyID(), APIKeyID())
        let moment = Instant(seconds: 1_800_000_000)
        uses.note(one, at: moment)
        await uses.flush()
        uses.note(one, at: moment + .seconds(5))
        uses.note(two, at: moment)
        isDown.withLock { $0 = false }
        await uses.flush()
        await uses.flush()
        #expect(told.withLock { $0 } == [[one: moment + .seconds(5), two: moment]])
    }
}
