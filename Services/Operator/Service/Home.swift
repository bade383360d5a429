import Contracts
import Core
import FoundationEssentials
import LocalServers
import Settings

/// The folder of a private installation: `$POLYCLINIC_HOME`, else `.polyclinic` here.
struct Home: Sendable {
    let path: String

    init(_ settings: Settings) throws {
        let path = try settings.string("POLYCLINIC_HOME", default: ".polyclinic")
        self.path = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    var logs: String { "\(path)/logs" }
    var keys: String { "\(path)/keys" }
    /// The whole key file.
    var keyFile: String { "\(keys)/keys.json" }
    /// What is handed to whoever wants to try the demo; there while it runs.
    var demoFile: String { "\(path)/demo.json" }
    /// What the demo's accounts are; stays.
    var accountsFile: String { "\(path)/accounts.json" }
    /// Where everything is, for the other commands; there while it runs.
    var installationFile: String { "\(path)/installation.json" }

    func prepare() throws {
        try Files.makeFolder(path)
        try Files.makeFolder(logs)
        try Files.makeFolder(keys)
    }

    func read<Value: Decodable>(_: Value.Type, _ file: String) throws -> Value? {
        guard let text = Files.read(file) else { return nil }
        do { return try JSONDecoder().decode(Value.self, from: Data(text.utf8)) } catch {
            throw OperatorError("\(file) cannot be read; remove it to start over")
        }
    }

    func write(_ value: some Encodable, _ file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Files.writeSecret(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n", to: file)
    }

    func remove(_ file: String) { try? FileManager.default.removeItem(atPath: file) }
}

/// Where an installation's parts are, as the commands need it.
///
/// Read from the settings; what is missing there is taken from the private installation that runs in the home.
struct Installation: Codable, Sendable {
    /// The owner of the schemas; migrations only.
    var ownerURL: String
    /// By service.
    var databaseURLs: [String: String]
    var redisURL: String
    var keyPrefix: String
    var keyFile: String
    var publicURL: String
    /// Health ports' base URLs by process.
    var health: [String: String]

    /// Settings: `DATABASE_OWNER_URL`, `DATABASE_URL_<SERVICE>`, `REDIS_URL`, `POLYCLINIC_KEY_PREFIX`,
    /// `POLYCLINIC_KEYS_FILE`, `POLYCLINIC_PUBLIC_URL`, `POLYCLINIC_HEALTH_URLS` (`gateway=http://…,access=http://…`).
    static func find(_ settings: Settings) throws -> Installation {
        let home = try Home(settings)
        let running = try home.read(Installation.self, home.installationFile)
        var databases = running?.databaseURLs ?? [:]
        for service in ServiceName.allCases {
            let key = "DATABASE_URL_\(service.rawValue.uppercased())"
            if let url = try settings.string(key) { databases[service.rawValue] = url }
        }
        var health = running?.health ?? [:]
        for item in try settings.list("POLYCLINIC_HEALTH_URLS") {
            let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw SettingsError("POLYCLINIC_HEALTH_URLS", .unreadable("name=url,…")) }
            health[parts[0]] = parts[1]
        }
        return Installation(
            ownerURL: try settings.string("DATABASE_OWNER_URL") ?? running?.ownerURL ?? "",
            databaseURLs: databases,
            redisURL: try settings.string("REDIS_URL") ?? running?.redisURL ?? "",
            keyPrefix: try settings.string("POLYCLINIC_KEY_PREFIX") ?? running?.keyPrefix ?? "pc",
            keyFile: try keyFilePath(settings) ?? running?.keyFile ?? home.keyFile,
            publicURL: try settings.string("POLYCLINIC_PUBLIC_URL") ?? running?.publicURL ?? "",
            health: health
        )
    }

    /// The path itself: commands change the file, so that its text alone would not do.
    private static func keyFilePath(_ settings: Settings) throws -> String? {
        ProcessInfo.processInfo.environment["POLYCLINIC_KEYS_FILE"]
    }

    func required(_ path: KeyPath<Installation, String>, _ key: String) throws -> String {
        let value = self[keyPath: path]
        guard !value.isEmpty else { throw SettingsError(key, .missing) }
        return value
    }

    func databaseURL(_ service: ServiceName) throws -> Secret {
        guard let url = databaseURLs[service.rawValue] else {
            throw SettingsError("DATABASE_URL_\(service.rawValue.uppercased())", .missing)
        }
        return Secret(url)
    }
}
