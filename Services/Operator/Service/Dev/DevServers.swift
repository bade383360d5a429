import Core
import Foundation
import LocalServers
import Postgres
import Settings

/// The servers of a private installation: our own, or those that the settings point to.
final class DevServers: Sendable {
    private let own: LocalServers?
    private let adminURL: Secret
    private let redisURL: Secret
    private let passwords: [String: Secret]

    private static let services = ServiceName.allCases.map(\.rawValue)

    init(_ home: Home, _ settings: Settings) throws {
        let database = try settings.secret("DATABASE_URL")
        let redis = try settings.secret("REDIS_URL")
        let wanted = LocalServers.Parts(postgres: database == nil, redis: redis == nil)
        own =
            database == nil || redis == nil
            ? try LocalServers(home: home.path, services: Self.services, parts: wanted) : nil
        adminURL = database ?? Secret("")
        redisURL = redis ?? own?.redisURL ?? Secret("")
        passwords = database == nil ? [:] : try Self.makeRoles(home, adminURL: adminURL)
    }

    /// Starts our own again whenever they die.
    func keep(_ announce: @escaping @Sendable (String) -> Void) { own?.keep(announce) }

    func stop() { own?.stop() }

    var words: String {
        switch (passwords.isEmpty, own?.redisURL.unredacted == redisURL.unredacted) {
        case (true, true): "PostgreSQL and Redis are up, on ports of their own"
        case (true, false): "PostgreSQL is up, on a port of its own"
        case (false, true): "Redis is up, on a port of its own"
        case (false, false): "using the PostgreSQL and Redis that the settings name"
        }
    }

    var ownerURL: Secret { url("owner") }
    var inspectorURL: Secret { url("inspector") }

    func installation(keyFile: String, publicURL: String) throws -> Installation {
        Installation(
            ownerURL: ownerURL.unredacted,
            databaseURLs: Dictionary(uniqueKeysWithValues: Self.services.map { ($0, url($0).unredacted) }),
            redisURL: redisURL.unredacted,
            keyPrefix: "pc",
            keyFile: keyFile,
            publicURL: publicURL,
            health: [:]
        )
    }

    private func url(_ role: String) -> Secret {
        if passwords.isEmpty, let own { return own.roleURL(role) }
        guard var parts = URLComponents(string: adminURL.unredacted) else { return adminURL }
        parts.user = "polyclinic_\(role)"
        parts.password = passwords["polyclinic_\(role)"]?.unredacted
        return Secret(parts.string ?? "")
    }

    /// Makes the roles on a server of somebody else's, with passwords that this home remembers.
    private static func makeRoles(_ home: Home, adminURL: Secret) throws -> [String: Secret] {
        let file = "\(home.path)/roles.json"
        var known = try home.read([String: String].self, file) ?? [:]
        for role in ["owner", "inspector"] + services where known["polyclinic_\(role)"] == nil {
            known["polyclinic_\(role)"] = Files.randomPassword()
        }
        try home.write(known, file)
        let passwords = known.mapValues { Secret($0) }
        try Roles.create(services: services, passwords: passwords, adminURL: adminURL)
        return passwords
    }
}
