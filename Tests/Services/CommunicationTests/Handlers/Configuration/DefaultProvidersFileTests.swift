import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig
import Settings
import TestKit
import Testing
import Vault

@testable import Communication

@Suite(.timeLimit(.minutes(1))) struct DefaultProvidersFileTests {
    private func file(_ json: String) throws -> DefaultProvidersFile? {
        try DefaultProvidersFile(
            Settings([DefaultProvidersFile.key: json]),
            of: .builtIn,
            policy: OutboundPolicy(allow: "loopback")
        )
    }

    private func smtp(_ port: Int, rates: String = "{}") -> String {
        """
        {"rates":\(rates),"email":{"primary":{"provider":"smtp","credentials":{"host":"127.0.0.1","port":\(port),"security":"none",
        "fromEmail":"clinic@example.com","fromName":"Clinic"}}}}
        """
    }

    @Test func withoutTheSettingThereIsNone() throws {
        #expect(try DefaultProvidersFile(Settings([:]), of: .builtIn, policy: OutboundPolicy(allow: nil)) == nil)
        #expect(try file(smtp(9))?.drafts.map(\.provider) == ["smtp"])
    }

    @Test(arguments: [
        (#"{"email":"#, "is not JSON"),
        (#"{}"#, "must have email, sms, whatsapp or push"),
        (
            #"{"rates":{"pigeon":1},"email":{"primary":{"provider":"zeptomail","credentials":{"sendMailToken":"s3cret-value","fromEmail":"a@example.com","fromName":"A"}}}}"#,
            "/rates/pigeon is not a provider"
        ),
        (
            #"{"email":{"primary":{"provider":"zeptomail","credentials":{"sendMailToken":"s3cret-value"},"x":1}}}"#,
            "/email/primary/x"
        ),
        (
            #"{"email":{"primary":{"provider":"zeptomail","credentials":{"sendMailToken":"s3cret-value"}}}}"#,
            "/email/primary/credentials/fromEmail is required"
        ),
        (#"{"email":{"primary":{"provider":"pigeon","credentials":{"a":"s3cret-value"}}}}"#, "/email/primary/provider"),
        (
            #"{"email":{"primary":{"provider":"zeptomail","credentials":{"sendMailToken":"••••4321","fromEmail":"a@example.com","fromName":"A"}}}}"#,
            "/email/primary/credentials/sendMailToken"
        ),
        (
            #"{"email":{"primary":{"provider":"zeptomail","credentials":{"sendMailToken":"s3cret-value","fromEmail":"a@example.com","fromName":"A","endpoint":"https://10.0.0.1"}}}}"#,
            "/email/primary/credentials/endpoint"
        ),
    ]) func aBadOneIsRefusedByPlaceAndNeverByValue(json: String, place: String) throws {
        let fault = #expect(throws: DefaultProvidersFault.self) { _ = try file(json) }
        let text = try #require(fault?.description)
        #expect(text.hasPrefix("The file named by POLYCLINIC_DEFAULT_PROVIDERS_FILE cannot be used: "))
        #expect(text.contains(place), "\(text)")
        #expect(!text.contains("s3cret") && !text.contains("4321") && !text.contains("10.0.0.1"), "\(text)")
    }

    /// Its own database: what was ever decided for an installation cannot be undone.
    @Test func itGivesWayToWhatWasDecidedOverTheAPI() async throws {
        let test = try TestDatabase.open("communication", migrations: CommunicationService.migrations, apart: "_file")
        let keys = KeyFile.generate()
        let dataKeys = DataKeyStore(try DataKeys(keys, service: .communication), database: test.database)
        let store = ProviderConfigStore(
            dataKeys: dataKeys,
            index: try BlindIndex(keys, service: .communication),
            shapes: MessageProviders.builtIn.shapes
        )
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let imports = try [1, 2].map { port in
            let file = try #require(try file(smtp(port)))
            return DefaultProvidersImport(file, store: store, database: test.database, log: log)
        }
        @Sendable func change<R: Sendable>(
            _ body: @escaping @Sendable (ProviderConfiguration?, borrowing Transaction) throws -> R
        ) async throws -> R {
            try await test.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
                try body(try store.load(.installation, in: tx), tx)
            }
        }
        let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { try await imports[0].take() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(taken.filter { $0 }.count == 1)
        let first = try #require(try await change { stored, _ in stored })
        #expect(first.version == 1 && first.updatedBy == DefaultProvidersImport.actor)
        // Another file gives the same entry other credentials.
        #expect(try await imports[1].take())
        let second = try #require(try await change { stored, _ in stored })
        #expect(second.version == 2 && second.entries.map(\.id) == first.entries.map(\.id))
        #expect(second.entries.first?.credentials.unredacted["port"] == .integer(2))
        // So does another rate, once.
        let rated = try #require(try file(smtp(2, rates: #"{"smtp":5}"#)))
        let again = DefaultProvidersImport(rated, store: store, database: test.database, log: log)
        #expect(try await again.take())
        #expect(try await !again.take())
        let third = try #require(try await change { stored, _ in stored })
        #expect(SendingRate.set(in: third.settings) == ["smtp": 5] && third.version == 3)
        let drafts = try #require(try file(smtp(3))).drafts
        _ = try await change { stored, tx in
            try store.save(
                drafts,
                settings: [:],
                replacing: stored,
                clinic: .installation,
                by: "somebody",
                at: .now(),
                in: tx
            )
        }
        for file in imports { #expect(try await !file.take()) }
        _ = try await change { stored, tx in
            try store.delete(try #require(stored), by: "somebody", at: .now(), in: tx)
        }
        for file in imports { #expect(try await !file.take()) }
        #expect(try await change { stored, _ in stored == nil })
    }
}
