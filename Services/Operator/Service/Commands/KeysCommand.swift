import ArgumentParser
import Bus
import Contracts
import Core
import Foundation
import Logging
import Postgres
import ProviderConfig
import Redis
import Settings
import Vault

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, list and rotate the installation's keys.",
        discussion: """
            The key file (POLYCLINIC_KEYS_FILE) is the operator's; beside it, as <process>.json, lies what each process may \
            see of it. A rotated key is distributed first, promoted when every process has it, and retired when nothing \
            uses it any more.
            """,
        subcommands: [Init.self, List.self, Rotate.self, Promote.self, Retire.self, Rewrap.self]
    )

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a new key file where there is none.")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = try Installation.find(Settings.load()).keyFile
            guard !FileManager.default.fileExists(atPath: path) else { throw OperatorError("\(path) is there already") }
            try KeyStore(path).makeIfMissing()
            if common.json { try Terminal.json(["keyFile": .string(path)]) } else { Terminal.line("made \(path)") }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys' ids; never the keys.")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let file = try KeyStore(Installation.find(Settings.load()).keyFile).read()
            let keys = KeyFile.Ring.allCases.flatMap { ring in
                file.ids(of: ring).map { (ring: ring.rawValue, id: $0, isCurrent: $0 == file.currentID(of: ring)) }
            }
            if common.json {
                let items = keys.map { key -> JSONValue in
                    ["ring": .string(key.ring), "id": .string(key.id), "current": .bool(key.isCurrent)]
                }
                return try Terminal.json(["items": .array(items)])
            }
            Terminal.table(["RING", "ID", "CURRENT"], keys.map { [$0.ring, $0.id, $0.isCurrent ? "yes" : ""] })
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a key that is not current yet.",
            discussion: "Hand the files out and restart, then promote it."
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "key-encryption, bus or jwt.") var ring: KeyFile.Ring

        func run() async throws {
            let store = KeyStore(try Installation.find(Settings.load()).keyFile)
            var file = try store.read()
            let id = try file.rotate(ring)
            try store.write(file)
            if common.json { try Terminal.json(["id": .string(id)]) } else { Terminal.line("added \(id)") }
        }
    }

    struct Promote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key current.",
            discussion: "A key of the bus only when every live process reports it."
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "key-encryption, bus or jwt.") var ring: KeyFile.Ring
        @Argument(help: "The key's id.") var id: String

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            let store = KeyStore(installation.keyFile)
            var file = try store.read()
            if ring == .bus { try await requireEverywhere(id, installation) }
            try file.promote(ring, id: id)
            try store.write(file)
            if common.json { try Terminal.json(["current": .string(id)]) } else { Terminal.line("\(id) is current") }
        }

        private func requireEverywhere(_ id: String, _ installation: Installation) async throws {
            let lacking = try await LiveProcesses.read(installation).filter { !$0.keyIDs.contains(id) }
            guard lacking.isEmpty else {
                throw OperatorError("these processes lack \(id): \(lacking.map(\.instance).joined(separator: ", "))")
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a key out.",
            discussion: "Refused for a current key and while a data key is wrapped under it."
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "key-encryption, bus or jwt.") var ring: KeyFile.Ring
        @Argument(help: "The key's id.") var id: String

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            let store = KeyStore(installation.keyFile)
            var file = try store.read()
            if ring == .keyEncryption {
                for service in ServiceName.allCases {
                    let (id, keys) = (id, try DataKeys(file, service: service))
                    let used = try await ServiceDatabase.with(service, installation) { database in
                        try await DataKeyStore(keys, database: database).usage()[id] ?? 0
                    }
                    guard used == 0 else {
                        throw OperatorError("\(used) data keys of \(service) are under \(id): polyclinic keys rewrap")
                    }
                }
            }
            try file.retire(ring, id: id)
            try store.write(file)
            if common.json { try Terminal.json(["retired": .string(id)]) } else { Terminal.line("retired \(id)") }
        }
    }

    struct Rewrap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wrap every data key under the current key-encryption key.",
            discussion: "May be broken off and run again; nothing stops meanwhile."
        )
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            let file = try KeyStore(installation.keyFile).read()
            var total = 0
            for service in ServiceName.allCases {
                let keys = try DataKeys(file, service: service)
                total += try await ServiceDatabase.with(service, installation) { database in
                    let store = DataKeyStore(keys, database: database)
                    var count = 0
                    while case let done = try await store.rewrap(), done > 0 { count += done }
                    return count
                }
            }
            if common.json {
                try Terminal.json(["rewrapped": .integer(Int64(total))])
            } else {
                Terminal.line("rewrapped \(total) data keys")
            }
        }
    }
}

/// The processes that report themselves in Redis.
enum LiveProcesses {
    static func read(_ installation: Installation) async throws -> [ProcessReport] {
        guard let endpoint = RedisEndpoint(url: try installation.required(\.redisURL, "REDIS_URL")) else {
            throw OperatorError("REDIS_URL is not a redis:// URL")
        }
        let redis = RedisClient(
            endpoint,
            name: "operator",
            logger: Logger(label: "operator") { _ in SwiftLogNoOpLogHandler() }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer { group.cancelAll() }
            try await redis.waitUntilUp()
            return try await ProcessRegistry.live(redis: redis, keyspace: Keyspace(prefix: installation.keyPrefix))
        }
    }
}

extension KeyFile.Ring: ExpressibleByArgument {}
