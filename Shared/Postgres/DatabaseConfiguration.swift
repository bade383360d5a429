package import Core

/// Where a service's database is and how much of it the service may take.
package struct DatabaseConfiguration: Sendable {
    /// `postgresql://user:password@host:port/database`.
    package var url: Secret
    package var schema: SchemaName
    /// Connections for answering requests.
    package var requestConnections = 4
    /// Connections for consumers and jobs.
    package var backgroundConnections = 4
    /// Connections for the outbox relay and what else moves rows out of the database.
    package var relayConnections = 2
    /// Connections of each door that is used.
    package var doorConnections = 2
    /// Transactions that may wait for a connection of one lane; further ones fail with `.poolExhausted` at once.
    package var waitingLimit = 2_000
    /// How long a transaction waits for a connection before it fails with `.poolExhausted`.
    package var waitLimit: Duration = .seconds(5)
    /// The longest one statement may run.
    package var statementTimeout: Duration = .seconds(10)
    /// The longest a statement waits for a lock.
    package var lockTimeout: Duration = .seconds(2)
    /// A connection whose transaction does nothing for so long is closed by the server.
    package var idleInTransactionTimeout: Duration = .seconds(10)
    /// The longest to wait for a new connection.
    package var connectTimeout: Duration = .seconds(3)

    /// Traps unless `schema` is a lower-case identifier.
    package init(url: Secret, schema: String) {
        guard let name = SchemaName(schema) else { preconditionFailure("Cannot use \"\(schema)\" as a schema's name") }
        self.url = url
        self.schema = name
    }

    /// Settings of every session, as libpq's `options`.
    func options(role: String?) -> String {
        var settings = [
            "search_path=\(schema.name)", "TimeZone=UTC", "jit=off", "default_transaction_isolation=read\\ committed",
            // Every statement finds its rows by an index that begins with the clinic. A plan made once, and never from the
            // size of a table that is young, stays what it was shown to be.
            "plan_cache_mode=force_generic_plan", "enable_seqscan=off",
            "statement_timeout=\(statementTimeout.milliseconds)", "lock_timeout=\(lockTimeout.milliseconds)",
            "idle_in_transaction_session_timeout=\(idleInTransactionTimeout.milliseconds)",
        ]
        if let role { settings.append("role=\(role)") }
        return settings.map { "-c \($0)" }.joined(separator: " ")
    }
}
