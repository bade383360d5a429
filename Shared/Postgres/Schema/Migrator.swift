import CLibPQ
package import Core
import Crypto
import Glibc

/// Brings schemas to their newest version, as their owner.
package enum Migrator {
    /// Applies what is missing, one transaction per migration, and returns the names as `schema: name`.
    ///
    /// An advisory lock lets one process migrate at a time. Blocks the calling thread.
    package static func run(ownerURL: Secret, sets: [MigrationSet]) throws(MigrationError) -> [String] {
        let session = try OwnerSession(url: ownerURL)
        try session.execute("select pg_advisory_lock(7305804401912350)")
        for schema in Set(sets.map(\.schema)).sorted(by: { $0.name < $1.name }) { try prepare(schema, session) }
        var applied: [String] = []
        for set in sets {
            let known = try hashes(in: set.schema, session)
            for migration in set.migrations where try isPending(migration, known) {
                try apply(migration, to: set.schema, session)
                applied.append("\(set.schema): \(migration.name)")
            }
        }
        return applied
    }

    /// What `run` would apply; changes nothing.
    package static func check(ownerURL: Secret, sets: [MigrationSet]) throws(MigrationError) -> [String] {
        let session = try OwnerSession(url: ownerURL)
        var pending: [String] = []
        for set in sets {
            let exists = try session.rows("select to_regclass($1) is not null", ["\(set.schema).migrations"])
            let known = exists.first?.first == "t" ? try hashes(in: set.schema, session) : [:]
            for migration in set.migrations where try isPending(migration, known) {
                pending.append("\(set.schema): \(migration.name)")
            }
        }
        return pending
    }

    /// Runs a script of several statements, outside any history; for roles and databases.
    package static func execute(_ script: String, url: Secret) throws(MigrationError) {
        try OwnerSession(url: url).execute(script)
    }

    private static func prepare(_ schema: SchemaName, _ session: borrowing OwnerSession) throws(MigrationError) {
        let doors = Door.allCases.map { schema.role(of: $0) }.joined(separator: ", ")
        try session.execute(
            """
            create schema if not exists \(schema);
            revoke all on schema \(schema) from public;
            grant usage on schema \(schema) to \(schema.serviceRole), \(doors);
            create table if not exists \(schema).migrations (
                name text primary key, hash text not null, applied_at timestamptz not null default now());
            """
        )
    }

    private static func hashes(
        in schema: SchemaName,
        _ session: borrowing OwnerSession
    ) throws(MigrationError) -> [String: String] {
        let rows = try session.rows("select name, hash from \(schema).migrations", [])
        return Dictionary(rows.map { ($0[0], $0[1]) }) { first, _ in first }
    }

    private static func isPending(_ migration: Migration, _ known: [String: String]) throws(MigrationError) -> Bool {
        guard let hash = known[migration.name] else { return true }
        guard hash == fingerprint(migration) else { throw .changed(migration: migration.name) }
        return false
    }

    private static func apply(
        _ migration: Migration,
        to schema: SchemaName,
        _ session: borrowing OwnerSession
    ) throws(MigrationError) {
        do {
            try session.execute("begin; set local search_path = \(schema);")
            try session.execute(migration.sql)
            _ = try session.rows(
                "insert into \(schema).migrations (name, hash) values ($1, $2)",
                [migration.name, fingerprint(migration)]
            )
            try session.execute("commit")
        } catch {
            try? session.execute("rollback")
            if case .failed(_, let message) = error {
                throw .failed(migration: "\(schema): \(migration.name)", message: message)
            }
            throw error
        }
    }

    private static func fingerprint(_ migration: Migration) -> String {
        SHA256.hash(data: Array(migration.sql.utf8)).hex
    }
}

/// A plain blocking connection of the owner.
@safe private struct OwnerSession: ~Copyable {
    private let handle: OpaquePointer

    init(url: Secret) throws(MigrationError) {
        guard let handle = unsafe PQconnectdb(url.unredacted) else { throw .connection("out of memory") }
        unsafe polyclinic_silence_notices(handle)
        guard unsafe PQstatus(handle) == CONNECTION_OK else {
            let message = unsafe Self.message(handle)
            unsafe PQfinish(handle)
            throw .connection(message)
        }
        unsafe self.handle = unsafe handle
    }

    deinit { unsafe PQfinish(handle) }

    func execute(_ script: String) throws(MigrationError) {
        let result = unsafe PQexec(handle, script)
        defer { unsafe PQclear(result) }
        try check(unsafe PQresultStatus(result))
    }

    /// Rows as text; NULL is the empty text.
    func rows(_ sql: String, _ values: [String]) throws(MigrationError) -> [[String]] {
        let copies = unsafe values.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        let pointers = unsafe copies.map { unsafe UnsafePointer<CChar>($0) }
        let result = unsafe PQexecParams(handle, sql, Int32(values.count), nil, pointers, nil, nil, 0)
        defer { unsafe PQclear(result) }
        try check(unsafe PQresultStatus(result))
        let width = unsafe PQnfields(result)
        return (0..<(unsafe PQntuples(result))).map { row in
            (0..<width).map { column in
                guard let text = unsafe PQgetvalue(result, row, column) else { return "" }
                return unsafe String(cString: text)
            }
        }
    }

    private func check(_ status: ExecStatusType) throws(MigrationError) {
        guard status != PGRES_COMMAND_OK, status != PGRES_TUPLES_OK, status != PGRES_EMPTY_QUERY else { return }
        throw .failed(migration: "", message: unsafe Self.message(handle))
    }

    @unsafe private static func message(_ handle: OpaquePointer) -> String {
        guard let text = unsafe PQerrorMessage(handle) else { return "unknown" }
        return unsafe String(cString: text).split(separator: "\n").joined(separator: " ")
    }
}
