import Contracts
import Core
import Outbox
import Postgres
import TestKit
import Testing
import Vault

@testable import ProviderConfig

/// A schema with this module's tables and a fresh clinic.
struct Fixture: Sendable {
    let clinic = ClinicID()
    let keys: KeyFile
    let test: TestDatabase
    let dataKeys: DataKeyStore
    let store: ProviderConfigStore

    static let schema = "provider_config"

    init(keys: KeyFile = .generate(), apart place: String = "") throws {
        self.keys = keys
        test = try TestDatabase.open(
            Self.schema,
            migrations: [
                MigrationSet(schema: Self.schema, module: "outbox", files: OutboxMigrations.files),
                ProviderConfigMigrations.set(schema: Self.schema),
            ],
            apart: place
        )
        dataKeys = DataKeyStore(try DataKeys(keys, service: .billing), database: test.database)
        store = ProviderConfigStore(dataKeys: dataKeys, index: try BlindIndex(keys, service: .billing), shapes: shapes)
    }

    var tenant: Tenant { Tenant(clinic, actor: "u1") }

    func save(_ credentials: [String: JSONValue] = stripe, id: ProviderEntryID? = nil) async throws
        -> ProviderConfiguration
    {
        let (store, clinic) = (store, clinic)
        let draft = ProviderEntryDraft(
            id: id,
            channel: "payments",
            provider: "stripe",
            position: 0,
            credentials: credentials,
            pointer: "/primary"
        )
        return try await test.database.transaction(for: tenant) { tx in
            let stored = try store.load(clinic, in: tx)
            return try store.save(
                [draft],
                settings: [:],
                replacing: stored,
                clinic: clinic,
                by: "u1",
                at: .now(),
                in: tx
            )
        }
    }

    func load() async throws -> ProviderConfiguration? {
        let (store, clinic) = (store, clinic)
        return try await test.database.transaction(for: tenant) { tx in try store.load(clinic, in: tx) }
    }
}

/// Providers of several kinds of credentials.
let shapes = CredentialShapes([
    (
        "payments",
        CredentialShape(
            "stripe",
            [
                .secret("secretKey"), .text("publishableKey"),
                .init("webhookSecret", form: .texts, isSecret: true, signsWebhooks: true), .optional("endpoint"),
            ]
        )
    ),
    ("payments", CredentialShape("paypal", [.secret("webhookSecret").signing])),
    (
        "sms",
        CredentialShape(
            "twilio",
            [.text("accountSid").naming, .secret("authToken").signing],
            oneOf: [["fromNumber", "messagingServiceSid"]]
        )
    ), ("push", CredentialShape("fcm", [.init("serviceAccount", form: .document, isSecret: true)])),
])

let stripe: [String: JSONValue] = [
    "secretKey": "sk_test_0123456789", "publishableKey": "pk_test_1", "webhookSecret": "whsec_abcdefghijkl",
]

@Suite("Provider configurations in PostgreSQL", .timeLimit(.minutes(2)))
struct ProviderConfigStoreTests {
    @Test func `what is saved is loaded, version by version`() async throws {
        let fixture = try Fixture()
        #expect(try await fixture.load() == nil)
        let first = try await fixture.save()
        let second = try await fixture.save(
            ["secretKey": "••••6789", "publishableKey": "pk_test_2", "webhookSecret": "••••ijkl"],
            id: first.entries[0].id
        )
        #expect(first.version == 1 && second.version == 2)
        let loaded = try #require(try await fixture.load())
        #expect(loaded.version == 2 && loaded.entries == second.entries)
        #expect(loaded.entries[0].credentials.text("secretKey") == "sk_test_0123456789")
        let (store, clinic) = (fixture.store, fixture.clinic)
        let earlier = try await fixture.test.database.transaction(for: fixture.tenant) { tx in
            (try store.load(clinic, version: 1, in: tx), try store.versions(clinic, limit: 10, in: tx).map(\.version))
        }
        #expect(earlier.0?.entries == first.entries && earlier.1 == [2, 1])
    }

    @Test func `no secret stands in the clear, and no other clinic sees it`() async throws {
        let fixture = try Fixture()
        let clinic = fixture.clinic
        _ = try await fixture.save()
        let sealed = try await fixture.test.inspect(
            "select sealed from provider_config_versions where clinic_id = \(clinic)"
        ) { rows -> [[UInt8]] in try rows.map { try $0[0] } }
        #expect(sealed.count == 1)
        for secret in ["sk_test", "whsec_", "pk_test", "stripe"] {
            #expect(!sealed[0].indices.contains { sealed[0][$0...].starts(with: secret.utf8) })
        }
        let other = Tenant(ClinicID(), actor: "u2")
        let seen = try await fixture.test.database.transaction(for: other) { tx in
            try tx.rows("select 1 from provider_config_versions where clinic_id = \(clinic)").count
                + tx.rows("select 1 from provider_configs where clinic_id = \(clinic)").count
                + tx.rows("select 1 from data_keys where clinic_id = \(clinic)").count
        }
        #expect(seen == 0)
        // A row copied to another clinic opens there no more than here.
        #expect(throws: VaultError(.unknownKey, keyID: try Sealer.dataKeyID(of: sealed[0]).description)) {
            let own = try DataKeys(fixture.keys, service: .billing).make(clinic: clinic).0
            _ = try Sealer(service: .billing).open(
                sealed[0],
                clinic: clinic,
                purpose: "provider configuration",
                record: clinic.description,
                version: 1,
                dataKey: own
            )
        }
    }

    @Test func `versions cannot be changed or removed by the service`() async throws {
        let fixture = try Fixture()
        let clinic = fixture.clinic
        _ = try await fixture.save()
        for change in [
            "update provider_config_versions set updated_by = 'x' where clinic_id = \(clinic)",
            "delete from provider_config_versions where clinic_id = \(clinic)",
            "delete from data_keys where clinic_id = \(clinic)",
        ] as [Query] {
            await #expect(throws: DatabaseError.self) {
                try await fixture.test.database.transaction(for: fixture.tenant) { tx in _ = try tx.rows(change) }
            }
        }
    }

    @Test func `saves at the same time give one version each`() async throws {
        let fixture = try Fixture()
        let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try await fixture.save(stripe.merging(["publishableKey": .string("pk_\(number)")]) { $1 }).version
                }
            }
            return try await group.reduce(into: [Int64]()) { $0.append($1) }
        }
        #expect(versions.sorted() == Array(1...8))
        let keys = try await fixture.test.inspect(
            "select count(*) from data_keys where clinic_id = \(fixture.clinic)"
        ) { rows -> Int64 in try rows[0][0] }
        #expect(keys == 1)
    }

    @Test func `a data key is rewrapped and records stay readable`() async throws {
        var keys = KeyFile.generate()
        let fixture = try Fixture(keys: keys)
        let saved = try await fixture.save()
        let next = try keys.rotate(.keyEncryption)
        try keys.promote(.keyEncryption, id: next)
        let store = DataKeyStore(try DataKeys(keys, service: .billing), database: fixture.test.database)
        let clinic = fixture.clinic
        // Other tests' keys are under rings this store has not: only this clinic's can be rewrapped by it.
        let record = try await fixture.test.inspect(
            "select id, wrapped, key_id from data_keys where clinic_id = \(clinic)"
        ) { rows -> DataKeyRecord in
            DataKeyRecord(
                id: try rows[0][0],
                clinic: clinic,
                service: .billing,
                wrapped: try rows[0][1],
                keyID: try rows[0][2]
            )
        }
        let renewed = try DataKeys(keys, service: .billing).rewrap(record)
        try await fixture.test.database.through(.relay) { tx in
            _ = try tx.rows(
                """
                update data_keys set wrapped = \(renewed.wrapped), key_id = \(renewed.keyID)
                where clinic_id = \(clinic) and id = \(record.id)
                """
            )
        }
        let reader = ProviderConfigStore(
            dataKeys: store,
            index: try BlindIndex(keys, service: .billing),
            shapes: shapes
        )
        let loaded = try await fixture.test.database.transaction(for: fixture.tenant) { tx in
            try reader.load(clinic, in: tx)
        }
        #expect(loaded?.entries == saved.entries)
        #expect(try await store.usage()[next] ?? 0 >= 1)
    }

    @Test func `a deleted configuration is gone, and its version is not used again`() async throws {
        let fixture = try Fixture()
        let saved = try await fixture.save()
        let store = fixture.store
        let version = try await fixture.test.database.transaction(for: fixture.tenant) { tx in
            try store.delete(saved, by: "u1", at: .now(), in: tx)
        }
        #expect(version == 2)
        #expect(try await fixture.load() == nil)
        #expect(try await fixture.save().version == 3)
    }
}

@Suite("Resolving", .timeLimit(.minutes(2)))
struct ProviderConfigResolverTests {
    @Test func `it keeps what it has loaded until news come`() async throws {
        let fixture = try Fixture()
        let resolver = ProviderConfigResolver(store: fixture.store, database: fixture.test.database)
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").source == .none)
        let first = try await fixture.save()
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").source == .none)
        resolver.invalidate(fixture.clinic, version: first.version)
        let chain = try await resolver.resolve(fixture.clinic, channel: "payments")
        #expect(chain.source == .clinic && chain.version == 1 && chain.entries == first.entries)
        #expect(try await resolver.resolve(fixture.clinic, channel: "email").entries.isEmpty)
        let second = try await fixture.save(stripe.merging(["publishableKey": "pk_2"]) { $1 })
        resolver.invalidate(fixture.clinic, version: 1)
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").version == 1)
        resolver.invalidate(fixture.clinic, version: second.version)
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").version == 2)
    }

    @Test func `everything is loaded again when news may have been missed`() async throws {
        let fixture = try Fixture()
        let resolver = ProviderConfigResolver(store: fixture.store, database: fixture.test.database)
        _ = try await resolver.resolve(fixture.clinic, channel: "payments")
        _ = try await fixture.save()
        resolver.invalidateAll()
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").version == 1)
    }

    @Test func `it holds no more than its bound, and serves all who ask at once`() async throws {
        let fixture = try Fixture()
        _ = try await fixture.save()
        let resolver = ProviderConfigResolver(store: fixture.store, database: fixture.test.database, capacity: 4)
        let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 0..<64 {
                let clinic = number.isMultiple(of: 2) ? fixture.clinic : ClinicID()
                group.addTask { try await resolver.resolve(clinic, channel: "payments").version }
            }
            return try await group.reduce(into: [Int64]()) { $0.append($1) }
        }
        #expect(versions.count(where: { $0 == 1 }) == 32)
    }
}

@Suite("The installation's default", .serialized, .timeLimit(.minutes(2)))
struct InstallationDefaultTests {
    /// All on one database of their own, with one ring of keys: there is one installation.
    private static let keys = KeyFile.generate()

    private func fixture() throws -> Fixture { try Fixture(keys: Self.keys, apart: "_installation") }

    private func saveDefault(_ fixture: Fixture) async throws -> ProviderConfiguration {
        let store = fixture.store
        let draft = ProviderEntryDraft(
            id: nil,
            channel: "payments",
            provider: "stripe",
            position: 0,
            credentials: stripe,
            pointer: "/primary"
        )
        return try await fixture.test.database.transaction(for: Tenant(.installation, actor: "u1")) { tx in
            _ = try store.lock(.installation, in: tx)
            return try store.save(
                [draft],
                settings: [:],
                replacing: nil,
                clinic: .installation,
                by: "u1",
                at: .now(),
                in: tx
            )
        }
    }

    private func current(_ fixture: Fixture) async throws -> CurrentVersions {
        let (store, clinic) = (fixture.store, fixture.clinic)
        return try await fixture.test.database.transaction(for: fixture.tenant) { tx in
            try store.currentVersions(clinic, in: tx)
        }
    }

    @Test(arguments: [
        (own: true, allows: true, isThere: true, source: ResolvedChain.Source.clinic),
        (true, false, false, .clinic), (false, true, true, .installation), (false, false, true, .none),
        (false, true, false, .none),
    ]) func `whose providers a channel uses`(
        own: Bool,
        allows: Bool,
        isThere: Bool,
        source: ResolvedChain.Source
    ) {
        #expect(ResolvedChain.Source.of(own: own, allowsDefault: allows, default: isThere) == source)
    }

    @Test func `it is used only where a service asks for it, and only for who has none`() async throws {
        let fixture = try fixture()
        let saved = try await saveDefault(fixture)
        let database = fixture.test.database
        let never = ProviderConfigResolver(store: fixture.store, database: database)
        #expect(try await never.resolve(fixture.clinic, channel: "payments").source == .none)
        let resolver = ProviderConfigResolver(store: fixture.store, database: database, usesDefault: true)
        let shared = try await resolver.resolve(fixture.clinic, channel: "payments")
        #expect(shared.source == .installation && shared.version == saved.version)
        #expect(shared.entries.map(\.id) == saved.entries.map(\.id) && shared.entries.allSatisfy(\.isDefault))
        #expect(try await resolver.resolve(fixture.clinic, channel: "email").source == .none)
        _ = try await fixture.save()
        resolver.invalidate(try await current(fixture))
        let own = try await resolver.resolve(fixture.clinic, channel: "payments")
        #expect(own.source == .clinic && !own.entries.contains(where: \.isDefault))
    }

    @Test func `a transaction of any clinic tells that it has changed`() async throws {
        let fixture = try fixture()
        _ = try await saveDefault(fixture)
        let resolver = ProviderConfigResolver(
            store: fixture.store,
            database: fixture.test.database,
            usesDefault: true
        )
        let first = try await resolver.resolve(fixture.clinic, channel: "payments")
        let changed = try await saveDefault(fixture)
        #expect(try await resolver.resolve(fixture.clinic, channel: "payments").version == first.version)
        resolver.invalidate(try await current(fixture))
        let second = try await resolver.resolve(fixture.clinic, channel: "payments")
        #expect(second.version == changed.version && second.entries.map(\.id) == changed.entries.map(\.id))
    }
}
