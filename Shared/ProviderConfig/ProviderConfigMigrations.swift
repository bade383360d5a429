package import Postgres

/// The tables of this module, once per service schema.
package enum ProviderConfigMigrations {
    package static func set(schema: String) -> MigrationSet {
        MigrationSet(
            schema: schema,
            module: "provider_config",
            files: [
                ("0001_create_data_keys", PackageResources._001_create_data_keys_sql),
                ("0002_create_provider_configs", PackageResources._002_create_provider_configs_sql),
                ("0003_installation_default", PackageResources._003_installation_default_sql),
                ("0004_former_providers", PackageResources._004_former_providers_sql),
            ]
        )
    }
}
