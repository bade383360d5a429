/// One step of a schema's history; `sql` may hold several statements and runs in one transaction.
package struct Migration: Hashable, Sendable {
    /// Unique within the schema; the order is that of the set.
    package let name: String
    package let sql: String

    package init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// The migrations of one module, for one schema.
package struct MigrationSet: Sendable {
    package let schema: SchemaName
    package let migrations: [Migration]

    /// `:schema` in the files becomes the schema's name.
    ///
    /// `module` keeps the names of modules that share a schema apart.
    ///
    /// Traps unless `schema` is a lower-case identifier.
    package init(schema: String, module: String? = nil, files: [(name: String, bytes: [UInt8])]) {
        guard let schema = SchemaName(schema) else { preconditionFailure("Cannot migrate a schema \"\(schema)\"") }
        self.schema = schema
        migrations = files.map { file in
            let text = String(decoding: file.bytes, as: UTF8.self)
            return Migration(
                name: module.map { "\($0)/\(file.name)" } ?? file.name,
                sql: text.replacing(":schema", with: schema.name)
            )
        }
    }
}

/// Why migrating stopped.
package enum MigrationError: Error, CustomStringConvertible {
    case connection(String)
    /// The server's words: shown to the operator only, migrations hold no data of anybody.
    case failed(migration: String, message: String)
    case changed(migration: String)

    package var description: String {
        switch self {
        case .connection(let message): "cannot reach the database as its owner: \(message)"
        case .failed(let migration, let message): "migration \(migration) failed: \(message)"
        case .changed(let migration): "migration \(migration) is not what was applied: applied files must not change"
        }
    }
}
