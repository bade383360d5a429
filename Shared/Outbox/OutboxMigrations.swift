/// The tables of outbox and inbox, and the helpers that every tenant table's policies use; applied to each service's
/// schema before anything else.
package enum OutboxMigrations {
    package static let files: [(name: String, bytes: [UInt8])] = [
        ("0001_tenancy.sql", PackageResources._001_tenancy_sql),
        ("0002_outbox.sql", PackageResources._002_outbox_sql),
        ("0003_inbox.sql", PackageResources._003_inbox_sql),
        ("0004_audit_writer.sql", PackageResources._004_audit_writer_sql),
        ("0005_restart.sql", PackageResources._005_restart_sql),
    ]
}
