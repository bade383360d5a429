import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost
import TestKit
import Vault

/// A clinic's provider configuration: from memory, and opened (unsealed and decoded) without the read.
enum ConfigRow {
    static let cachedTurns = 500_000
    static let openedTurns = 20_000

    static func measure() async throws -> [String: Double] {
        let schema = "bench_config_\(UInt32.random(in: 0 ... .max))"
        let host = HostMigrations.all(of: .communication, own: []).flatMap(\.migrations).map {
            (name: $0.name, bytes: Array($0.sql.replacing("communication", with: schema).utf8))
        }
        let store = try TestDatabase.open(schema, migrations: [MigrationSet(schema: schema, files: host)])
        let keys = KeyFile.generate()
        let dataKeys = DataKeyStore(try DataKeys(keys, service: .communication), database: store.database)
        let configurations = ProviderConfigStore(
            dataKeys: dataKeys,
            index: try BlindIndex(keys, service: .communication),
            shapes: CredentialShapes([("email", shape)])
        )
        let resolver = ProviderConfigResolver(store: configurations, database: store.database)
        let clinic = ClinicID()
        try await save(configurations, clinic, store.database)
        _ = try await resolver.resolve(clinic, channel: "email")
        let cached = try await seconds {
            for _ in 0..<cachedTurns { _ = try await resolver.resolve(clinic, channel: "email") }
        }
        let opened = try await open(dataKeys, clinic)
        return ["cached µs": cached / Double(cachedTurns) * 1e6, "decrypted µs": opened / Double(openedTurns) * 1e6]
    }

    private static let shape = CredentialShape(
        "zeptomail",
        [.secret("sendMailToken"), .email("fromEmail"), .text("fromName")]
    )
    private static let credentials =
        #"{"sendMailToken":"0123456789abcdef0123456789abcdef","fromEmail":"hello@clinic.example","fromName":"Clinic"}"#

    private static func save(_ store: ProviderConfigStore, _ clinic: ClinicID, _ database: Database) async throws {
        let draft = ProviderEntryDraft(
            id: nil,
            channel: "email",
            provider: "zeptomail",
            position: 0,
            credentials: try JSONTape(Array(credentials.utf8)).decode([String: JSONValue].self),
            pointer: "/email/primary"
        )
        try await database.transaction(for: Tenant(clinic, actor: "bench")) { tx in
            _ = try store.save(
                [draft],
                settings: [:],
                replacing: nil,
                clinic: clinic,
                by: "bench",
                at: .now(),
                in: tx
            )
        }
    }

    private static func open(_ dataKeys: DataKeyStore, _ clinic: ClinicID) async throws -> Double {
        let sealer = try await dataKeys.sealer(for: clinic)
        let sealed = try sealer.seal(Array(credentials.utf8), purpose: "bench", record: "1")
        return try await seconds {
            for _ in 0..<openedTurns {
                let bytes = try sealer.open(sealed, purpose: "bench", record: "1")
                _ = try JSONTape(bytes).decode([String: JSONValue].self)
            }
        }
    }
}
