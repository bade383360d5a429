package import Core
import Jobs
import Outbox
package import Postgres
import ProviderConfig

/// The whole history of a service's schema: the shared modules' tables first, then the service's own.
package enum HostMigrations {
    static let files: [(name: String, bytes: [UInt8])] = [
        ("0001_create_replies.sql", PackageResources._001_create_replies_sql),
        ("0002_projections.sql", PackageResources._002_projections_sql),
        ("0003_replies_of_any_size.sql", PackageResources._003_replies_of_any_size_sql),
    ]

    package static func all(
        of service: ServiceName,
        own: [(name: String, bytes: [UInt8])]
    ) -> [MigrationSet] {
        let schema = service.rawValue
        return [
            MigrationSet(schema: schema, module: "outbox", files: OutboxMigrations.files),
            MigrationSet(schema: schema, module: "jobs", files: JobsMigrations.files),
            ProviderConfigMigrations.set(schema: schema),
            MigrationSet(schema: schema, module: "host", files: files),
            MigrationSet(schema: schema, files: own),
        ]
    }
}
