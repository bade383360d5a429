extension Row {
    /// Its columns one after another, in the order in which the statement names them.
    package func reader() -> RowReader { RowReader(self) }
}

/// Reads a row's columns one after another, so that a long list of them and what reads it stand in one order:
/// `var column = row.reader()`, and `try column.next()` for each.
package struct RowReader {
    private let row: Row
    private var position = 0

    fileprivate init(_ row: Row) { self.row = row }

    /// The value of the next column, or `DatabaseError.Code.decoding`, also when there is none left.
    package mutating func next<Value: Column>() throws(DatabaseError) -> Value {
        defer { position += 1 }
        return try row[position]
    }
}
