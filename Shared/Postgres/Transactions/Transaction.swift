/// A transaction lent to a synchronous body on its connection's thread: it cannot be kept, copied or awaited in.
///
/// Statements are queued and travel together; `rows` and `last` send what is queued and wait for the answer.
package struct Transaction: ~Copyable {
    let exchange: Exchange

    /// The clinic it is opened for; `nil` behind a door.
    package var tenant: Tenant? { exchange.tenant }
    package var schema: SchemaName { exchange.schema }

    /// Queues a statement whose rows nobody wants.
    ///
    /// Its error is thrown by the next `rows`, `last` or `flush`, or by the
    /// transaction itself.
    package borrowing func execute(_ query: Query) { exchange.queue(query) }

    /// Keeps a row to be written with the others of its kind before the transaction commits.
    ///
    /// Its statement's error is thrown by `last` or by the transaction itself.
    package borrowing func gather(_ row: some BatchedRow) { exchange.gather(row) }

    /// Wakes, once the transaction has committed, who works off what it leaves.
    package borrowing func announce(_ news: CommitNews) { exchange.announce(news) }

    /// Runs what is queued and this statement, and returns its rows.
    package borrowing func rows(_ query: Query) throws(DatabaseError) -> Rows { try exchange.rows(query) }

    /// This statement and COMMIT in one round trip; the transaction is over, and committed when this returns.
    ///
    /// What the body throws afterwards no longer undoes anything.
    package borrowing func last(_ query: Query) throws(DatabaseError) -> Rows { try exchange.last(query) }

    /// Numbers for rows that are only ever inserted: the next `count`, at least one, of a series without gaps.
    ///
    /// They are used up only if the transaction commits.
    package borrowing func number(_ count: Int = 1) -> RowNumbers { exchange.number(count) }

    /// Sends what is queued and throws its first error.
    package borrowing func flush() throws(DatabaseError) { try exchange.flush() }
}
