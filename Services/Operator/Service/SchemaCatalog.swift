import Access
import Core
import Postgres

/// The whole history of every service's schema.
enum SchemaCatalog {
    static var all: [MigrationSet] { AccessService.migrations }
}
