package import Core
import Foundation
import LocalServers
import Logging
package import Postgres
import Synchronization

/// A service's schema in this process's own database, migrated once and shared by all its tests.
///
/// Every test takes a fresh `ClinicID`: that is what keeps tests apart, and it exercises the isolation of clinics.
package final class TestDatabase: Sendable {
    package let schema: String
    /// The service's pool, with the service's role.
    package let database: Database
    package let ownerURL: Secret
    package let serviceURL: Secret
    /// A role that sees every row in spite of row-level security.
    package let inspectorURL: Secret

    private init(schema: String, ownerURL: Secret, serviceURL: Secret, inspectorURL: Secret) {
        self.schema = schema
        self.ownerURL = ownerURL
        self.serviceURL = serviceURL
        self.inspectorURL = inspectorURL
        database = Database(Self.configuration(serviceURL, schema), logger: Logger(label: "test"))
    }

    /// The schema's database; made and migrated by the first call with this name, whose `sets` count.
    ///
    /// - Parameter place: names another database than the one all share, for tests of what belongs to no clinic.
    package static func open(
        _ schema: String,
        migrations sets: [MigrationSet],
        apart place: String = ""
    ) throws -> TestDatabase {
        try opened.withLock { opened in
            let key = schema + place
            if let known = opened[key] { return known }
            let made = try make(schema, sets, in: name + place)
            opened[key] = made
            return made
        }
    }

    /// Another pool on the same schema, with settings of its own; the test closes it.
    package func pool(_ change: (inout DatabaseConfiguration) -> Void = { _ in }) -> Database {
        var configuration = Self.configuration(serviceURL, schema)
        change(&configuration)
        return Database(configuration, logger: Logger(label: "test"))
    }

    /// Rows of all clinics, as text.
    package func inspect<R: Sendable>(
        _ query: Query,
        _ decode: @escaping @Sendable (Rows) throws -> R
    ) async throws -> R {
        let inspector = inspectors.withLock { inspector in
            if let inspector { return inspector }
            let made = Database(Self.configuration(inspectorURL, schema), logger: Logger(label: "test"))
            inspector = made
            return made
        }
        return try await inspector.one(for: Tenant(.installation, actor: "inspector"), query, decode)
    }

    /// Statements as the schema's owner.
    ///
    /// Blocks.
    package func asOwner(_ script: String) throws { try Migrator.execute(script, url: ownerURL) }

    /// Deletes a clinic's rows of these tables, as a disaster would.
    ///
    /// Blocks.
    package func lose(_ tables: String..., of clinic: ClinicID) throws {
        for table in tables.map({ "\(schema).\($0)" }) {
            try asOwner(
                """
                alter table \(table) no force row level security;
                delete from \(table) where clinic_id = '\(clinic)';
                alter table \(table) force row level security
                """
            )
        }
    }

    private let inspectors = Mutex<Database?>(nil)
    private static let opened = Mutex<[String: TestDatabase]>([:])
    private static let name = "test_\(ProcessInfo.processInfo.processIdentifier)_\(UInt32.random(in: 0 ... .max))"
    private static let created = Mutex<Set<String>>([])

    private static func configuration(_ url: Secret, _ schema: String) -> DatabaseConfiguration {
        var configuration = DatabaseConfiguration(url: url, schema: schema)
        configuration.waitLimit = .seconds(30)
        return configuration
    }

    private static func make(
        _ schema: String,
        _ sets: [MigrationSet],
        in name: String
    ) throws -> TestDatabase {
        let servers = try TestServers.shared()
        try created.withLock { created in
            guard created.insert(name).inserted else { return }
            try Migrator.execute("create database \(name)", url: Secret(servers.adminURL))
        }
        func url(user: String?, password: String) throws -> Secret {
            try Self.url(servers.adminURL, database: name, user: user, password: password)
        }
        let password = try password(of: servers.adminURL)
        let roles = ["polyclinic_owner", "polyclinic_inspector", "polyclinic_\(schema)"]
        try Roles.create(
            services: [schema],
            passwords: Dictionary(uniqueKeysWithValues: roles.map { ($0, Secret(password)) }),
            adminURL: url(user: nil, password: password)
        )
        let owner = try url(user: "polyclinic_owner", password: password)
        _ = try Migrator.run(ownerURL: owner, sets: sets)
        return TestDatabase(
            schema: schema,
            ownerURL: owner,
            serviceURL: try url(user: "polyclinic_\(schema)", password: password),
            inspectorURL: try url(user: "polyclinic_inspector", password: password)
        )
    }

    /// All roles of a test cluster share the superuser's password, so that processes on one cluster agree.
    private static func password(of adminURL: String) throws -> String {
        guard let password = URLComponents(string: adminURL)?.password else {
            throw TestKitError("no password in the URL")
        }
        return password
    }

    private static func url(_ adminURL: String, database: String, user: String?, password: String) throws -> Secret {
        guard var parts = URLComponents(string: adminURL) else { throw TestKitError("not a URL") }
        if let user { parts.user = user }
        parts.password = password
        parts.path = "/\(database)"
        guard let text = parts.string else { throw TestKitError("not a URL") }
        return Secret(text)
    }
}

/// What went wrong in the test's own machinery.
package struct TestKitError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
