import AccessAPI
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
            discussion: "Refused while a live process lacks it. Hand the files out and restart afterwards."
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "key-encryption, bus or jwt.") var ring: KeyFile.Ring
        @Argument(help: "The key's id.") var id: String

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            let store = KeyStore(installation.keyFile)
            var file = try store.read()
            try await requireEverywhere(id, ring, installation)
            try file.promote(ring, id: id)
            try store.write(file)
            if common.json { try Terminal.json(["current": .string(id)]) } else { Terminal.line("\(id) is current") }
        }

        private func requireEverywhere(_ id: String, _ ring: KeyFile.Ring, _ installation: Installation) async throws {
            let live = try await LiveProcesses.with(installation) {
                try await ProcessRegistry.live(redis: $0, keyspace: $1)
            }
            let lacking = live.filter { ring.isHeld(by: $0.process) && !$0.keyIDs.contains(id) }
            guard lacking.isEmpty else {
                throw OperatorError("these processes lack \(id): \(lacking.map(\.instance).joined(separator: ", "))")
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a key out.",
            discussion: """
                Refused for a current key, while a live process still uses it, while a data key is wrapped under it, while \
                an event, a request or a notice under it waits, and while an access token under it may be in use: 15 minutes \
                after its successor was promoted.
                """
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "key-encryption, bus or jwt.") var ring: KeyFile.Ring
        @Argument(help: "The key's id.") var id: String

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            let store = KeyStore(installation.keyFile)
            var file = try store.read()
            guard file.ids(of: ring).contains(id), file.currentID(of: ring) != id else {
                return try file.retire(ring, id: id)
            }
            try await requireNowhere(id, ring, installation)
            if ring == .keyEncryption { try await requireNoDataKey(id, file, installation) }
            if ring == .token { try requireNoToken(id, file) }
            if ring == .bus { try await requireNoNotice(id, installation) }
            try file.retire(ring, id: id)
            try store.write(file)
            if common.json { try Terminal.json(["retired": .string(id)]) } else { Terminal.line("retired \(id)") }
        }

        private func requireNowhere(_ id: String, _ ring: KeyFile.Ring, _ installation: Installation) async throws {
            let (live, waiting) = try await LiveProcesses.with(installation) { redis, keyspace in
                let live = try await ProcessRegistry.live(redis: redis, keyspace: keyspace)
                return (live, ring == .bus ? try await WaitingKeys.find(redis: redis, keyspace: keyspace) : [])
            }
            // One that does not say may use any.
            let using = live.filter { ring.isHeld(by: $0.process) && $0.currentKeyIDs?.contains(id) ?? true }
            guard using.isEmpty else {
                throw OperatorError("these processes use \(id): \(using.map(\.instance).joined(separator: ", "))")
            }
            guard !waiting.contains(id) else {
                throw OperatorError("events or requests under \(id) wait to be taken in")
            }
        }

        private func requireNoNotice(_ id: String, _ installation: Installation) async throws {
            let count = try await WaitingNotices.count(under: id, installation)
            guard count == 0 else {
                throw OperatorError("\(count) notices under \(id) have not been taken in; see queues and dead-letters")
            }
        }

        private func requireNoToken(_ id: String, _ file: KeyFile) throws {
            guard let since = file.jwtSigningKeys.first(where: { $0.id == id })?.supersededAt else { return }
            let end = since + .seconds(AccessToken.lifetime)
            if end > .now() { throw OperatorError("access tokens under \(id) are good until \(end)") }
        }

        private func requireNoDataKey(_ id: String, _ file: KeyFile, _ installation: Installation) async throws {
            for service in ServiceName.allCases {
                let keys = try DataKeys(file, service: service)
                let used = try await ServiceDatabase.with(service, installation) { database in
                    try await DataKeyStore(keys, database: database).usage()[id] ?? 0
                }
                guard used == 0 else {
                    throw OperatorError("\(used) data keys of \(service) are under \(id): polyclinic keys rewrap")
                }
            }
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

/// The processes that report themselves in Redis, and what stands there.
enum LiveProcesses {
    static func with<R: Sendable>(
        _ installation: Installation,
        _ body: (RedisClient, Keyspace) async throws -> R
    ) async throws -> R {
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
            return try await body(redis, Keyspace(prefix: installation.keyPrefix))
        }
    }
}

extension KeyFile.Ring: ExpressibleByArgument {
    /// Whether a process works with keys of the ring itself: the gateway learns token keys from access.
    func isHeld(by process: String) -> Bool {
        switch self {
        case .bus: true
        case .keyEncryption: process != KeyHolder.gateway.description
        case .token: process == ServiceName.access.rawValue
        }
    }
}
