import Postgres

/// The counter of policy changes.
enum PolicyVersionStore {
    /// Raises it.
    ///
    /// The row stays locked until the commit: take it late in a transaction.
    static func raise(in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows("update policy_version set version = version + 1 returning version")
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// The latest committed version.
    static func current(in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows("select version from policy_version")
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }
}

/// A row that must exist does not: the schema is not what the service was built for.
enum StoreError: Error {
    case missing
}
