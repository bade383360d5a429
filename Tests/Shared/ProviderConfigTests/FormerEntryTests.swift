import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import ProviderConfig

private let now = Instant(seconds: 1_800_000_000)
private let day = ProviderConfigDraft.formerSecretsLast
private let twilio: [String: JSONValue] = ["accountSid": "AC1", "authToken": "token-0001", "fromNumber": "+49301"]
private let push: [String: JSONValue] = ["serviceAccount": ["type": "service_account"]]

private func draft(
    _ provider: String,
    _ channel: String,
    _ credentials: [String: JSONValue],
    id: ProviderEntryID? = nil
) -> ProviderEntryDraft {
    ProviderEntryDraft(
        id: id,
        channel: channel,
        provider: provider,
        position: 0,
        credentials: credentials,
        pointer: "/\(channel)/primary"
    )
}

extension Fixture {
    private static let missing = TestKitError("there is no such configuration")

    fileprivate func put(_ drafts: ProviderEntryDraft..., at time: Instant) async throws -> ProviderConfiguration {
        let (store, clinic) = (store, clinic)
        return try await test.database.transaction(for: tenant) { tx in
            let stored = try store.load(clinic, in: tx)
            return try store.save(
                drafts,
                settings: [:],
                replacing: stored,
                clinic: clinic,
                by: "u1",
                at: time,
                in: tx
            )
        }
    }

    fileprivate func delete(at time: Instant) async throws {
        let (store, clinic) = (store, clinic)
        try await test.database.transaction(for: tenant) { tx in
            guard let stored = try store.load(clinic, in: tx) else { throw Self.missing }
            _ = try store.delete(stored, by: "u1", at: time, in: tx)
        }
    }

    fileprivate func restore(_ version: Int64, at time: Instant) async throws -> ProviderConfiguration {
        let (store, clinic) = (store, clinic)
        return try await test.database.transaction(for: tenant) { tx in
            guard let earlier = try store.load(clinic, version: version, in: tx) else { throw Self.missing }
            let stored = try store.load(clinic, in: tx)
            return try store.restore(earlier, replacing: stored, by: "u1", at: time, in: tx)
        }
    }

    fileprivate func drop(at time: Instant) async throws -> ProviderConfiguration {
        let (store, clinic) = (store, clinic)
        return try await test.database.transaction(for: tenant) { tx in
            guard let latest = try store.latest(clinic, in: tx) else { throw Self.missing }
            return try store.dropFormerSecrets(latest, by: "u1", at: time, in: tx)
        }
    }

    /// The entries whose webhooks are taken at a time.
    fileprivate func taken(at time: Instant) async throws -> WebhookEntries {
        let (store, clinic) = (store, clinic)
        return try await test.database.transaction(for: tenant) { tx in
            try store.webhookEntries(clinic, at: time, in: tx)
        }
    }

    /// The providers that gateways are told of at a time.
    fileprivate func told(at time: Instant) async throws -> [String]? {
        let clinic = clinic
        let owners = try await test.database.through(.relay) { tx in
            try ProviderConfigStore.webhookProviders(of: [clinic], at: time, in: tx)
        }
        try #require(owners.map(\.id) == [clinic])
        return owners[0].providers
    }
}

@Suite("Former entries", .timeLimit(.minutes(2)))
struct FormerEntryTests {
    @Test func `webhooks of a removed entry are taken for a day, over all changes since`() async throws {
        let fixture = try Fixture()
        let first = try await fixture.put(draft("stripe", "payments", stripe), draft("twilio", "sms", twilio), at: now)
        let second = try await fixture.put(draft("twilio", "sms", twilio), at: now)
        let removed = first.entries.filter { $0.provider == "stripe" }
        #expect(removed.count == 1 && second.formerEntries.map(\.entry) == removed)
        let third = try await fixture.put(draft("fcm", "push", push), at: now + .seconds(3_600))
        #expect(third.entries.map(\.provider) == ["fcm"])
        let last = now + day - .seconds(1)
        let taken = try await fixture.taken(at: last)
        #expect(taken.present == third.entries && taken.former.map(\.provider) == ["twilio", "stripe"])
        #expect(try await fixture.taken(at: now + day).former.map(\.provider) == ["twilio"])
        #expect(try await fixture.taken(at: now + day + .seconds(3_600)).former.isEmpty)
        // What has run out is not carried on.
        let fourth = try await fixture.put(draft("fcm", "push", push), at: now + day)
        #expect(fourth.formerEntries.map(\.entry.provider) == ["twilio"])
    }

    @Test func `nothing but webhooks knows of them`() async throws {
        let fixture = try Fixture()
        _ = try await fixture.put(draft("stripe", "payments", stripe), draft("twilio", "sms", twilio), at: now)
        _ = try await fixture.put(draft("twilio", "sms", twilio), at: now)
        let stored = try #require(try await fixture.load())
        #expect(stored.formerEntries.map(\.entry.provider) == ["stripe"])
        #expect(stored.entries.map(\.provider) == ["twilio"] && stored.providerNames == ["sms": ["twilio"]])
        #expect(stored.entries(of: "payments").isEmpty)
        let resolver = ProviderConfigResolver(store: fixture.store, database: fixture.test.database)
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").source == .none)
        let clinic = fixture.clinic
        let names = try await fixture.test.inspect(
            "select providers from provider_configs where clinic_id = \(clinic)"
        ) { rows -> [String: [String]] in
            let names: JSONColumn = try rows[0][0]
            return try JSONTape(names.json).decode([String: [String]].self)
        }
        #expect(names == ["sms": ["twilio"]])
    }

    @Test func `gateways are told of them as long as they are taken`() async throws {
        let fixture = try Fixture()
        _ = try await fixture.put(draft("stripe", "payments", stripe), at: now)
        #expect(try await fixture.told(at: now) == ["stripe"])
        _ = try await fixture.put(draft("twilio", "sms", twilio), at: now)
        #expect(try await fixture.told(at: now + day - .seconds(1)) == ["stripe", "twilio"])
        #expect(try await fixture.told(at: now + day) == ["twilio"])
        try await fixture.delete(at: now)
        #expect(try await fixture.told(at: now + day - .seconds(1)) == ["stripe", "twilio"])
        #expect(try await fixture.told(at: now + day) == [])
    }

    @Test func `a deletion leaves them, and what is configured then carries them on`() async throws {
        let fixture = try Fixture()
        let first = try await fixture.put(draft("stripe", "payments", stripe), at: now)
        try await fixture.delete(at: now)
        #expect(try await fixture.load() == nil)
        let taken = try await fixture.taken(at: now)
        #expect(taken.present.isEmpty && taken.former == first.entries)
        _ = try await fixture.put(draft("twilio", "sms", twilio), at: now)
        #expect(try await fixture.taken(at: now).former == first.entries)
        #expect(try await fixture.taken(at: now + day).former.isEmpty)
    }

    @Test(arguments: [true, false]) func `they can be forgotten at once`(isDeleted: Bool) async throws {
        let fixture = try Fixture()
        _ = try await fixture.put(draft("stripe", "payments", stripe), draft("twilio", "sms", twilio), at: now)
        _ = try await fixture.put(draft("twilio", "sms", twilio), at: now)
        if isDeleted { try await fixture.delete(at: now) }
        let dropped = try await fixture.drop(at: now)
        #expect(dropped.formerEntries.isEmpty && dropped.isDeleted == isDeleted)
        #expect(try await fixture.load()?.version == (isDeleted ? nil : dropped.version))
        #expect(try await fixture.taken(at: now).former.isEmpty)
        #expect(try await fixture.told(at: now) == (isDeleted ? [] : ["twilio"]))
    }

    @Test func `an entry whose provider is replaced is one, under the same id`() async throws {
        let fixture = try Fixture()
        let first = try await fixture.put(draft("stripe", "payments", stripe), at: now)
        let id = first.entries[0].id
        let second = try await fixture.put(draft("paypal", "payments", ["webhookSecret": "pp_1"], id: id), at: now)
        #expect(second.entries.map(\.id) == [id] && second.entries.map(\.provider) == ["paypal"])
        #expect(try await fixture.taken(at: now).former == first.entries)
    }

    @Test func `an entry whose account is replaced is one, under the same id`() async throws {
        let fixture = try Fixture()
        let first = try await fixture.put(draft("twilio", "sms", twilio), at: now)
        var other = twilio
        other["fromNumber"] = "+49302"
        _ = try await fixture.put(draft("twilio", "sms", other), at: now)
        #expect(try await fixture.taken(at: now).former.isEmpty, "another number of the same account")
        other["accountSid"] = "AC2"
        let second = try await fixture.put(draft("twilio", "sms", other), at: now)
        #expect(second.entries.map(\.id) == first.entries.map(\.id))
        let taken = try await fixture.taken(at: now)
        #expect(taken.former.map { $0.credentials.text("accountSid") } == ["AC1"])
        #expect(taken.present.map { $0.credentials.text("accountSid") } == ["AC2"])
    }

    @Test func `an entry that comes back is none, and its secrets run out when they would have`() async throws {
        let fixture = try Fixture()
        let first = try await fixture.put(draft("stripe", "payments", stripe), at: now)
        var renewed = stripe
        renewed["webhookSecret"] = "whsec_mnopqrstuvwx"
        _ = try await fixture.put(draft("stripe", "payments", renewed, id: first.entries[0].id), at: now)
        try await fixture.delete(at: now)
        let restored = try await fixture.restore(1, at: now + .seconds(3_600))
        #expect(restored.formerEntries.isEmpty && restored.entries.map(\.id) == first.entries.map(\.id))
        func secrets(at time: Instant) -> [String] {
            restored.entries[0].webhookSecrets("webhookSecret", at: time).map(\.unredacted)
        }
        #expect(secrets(at: now + day - .seconds(1)) == ["whsec_abcdefghijkl", "whsec_mnopqrstuvwx"])
        #expect(secrets(at: now + day) == ["whsec_abcdefghijkl"])
    }

    @Test func `the latest are kept, and no more than there is room for`() {
        func entry(_ number: Int, bytes: Int = 0) -> ProviderEntry {
            ProviderEntry(
                id: ProviderEntryID(high: 1, low: UInt64(number)),
                channel: "payments",
                provider: "stripe",
                position: number,
                credentials: Credentials(["secretKey": .string(String(repeating: "a", count: bytes))]),
                version: 1,
                updatedAt: now,
                updatedBy: "u1",
                fingerprint: "f",
                formerSecrets: []
            )
        }
        func left(_ stored: [ProviderEntry], _ carried: [ProviderEntry]) -> [ProviderEntry] {
            EntrySuccession(
                of: stored,
                beside: carried.map { FormerEntry(entry: $0, until: now + .seconds(1)) },
                by: [],
                shapes: shapes,
                at: now
            ).former.map(\.entry)
        }
        let carried = (0..<EntrySuccession.mostKept).map { entry($0) }
        let latest = entry(EntrySuccession.mostKept)
        #expect(left([latest], carried) == [latest] + carried.dropLast())
        let large = entry(EntrySuccession.mostKept, bytes: EntrySuccession.mostBytes / 2)
        #expect(left([large], [entry(1, bytes: EntrySuccession.mostBytes / 2)]) == [large])
    }

    @Test func `who comes back knows the newest secrets of before`() throws {
        let secrets = (0..<ProviderEntry.mostFormerSecrets).map { number in
            ProviderEntry.FormerSecret(secret: Secret("whsec_\(number)"), until: now + .seconds(number + 1))
        }
        func entry(_ secret: String, former: [ProviderEntry.FormerSecret]) -> ProviderEntry {
            ProviderEntry(
                id: ProviderEntryID(high: 1, low: 1),
                channel: "payments",
                provider: "stripe",
                position: 0,
                credentials: Credentials(["webhookSecret": .string(secret)]),
                version: 1,
                updatedAt: now,
                updatedBy: "u1",
                fingerprint: "f",
                formerSecrets: former
            )
        }
        let removed = FormerEntry(entry: entry("whsec_last", former: secrets), until: now + day)
        let succession = EntrySuccession(
            of: [],
            beside: [removed],
            by: [entry("whsec_new", former: [])],
            shapes: shapes,
            at: now
        )
        let back = try #require(succession.entries.first)
        let latest = ProviderEntry.FormerSecret(secret: Secret("whsec_last"), until: now + day)
        #expect(back.formerSecrets == Array(secrets.dropFirst()) + [latest])
    }
}
