/// A row that a transaction gathers with others of its kind and writes just before it commits, all of them with the same
/// few statements.
///
/// A statement sets up its table's checks and policies each time it runs, which costs more than a row; gathered, that is
/// paid once. Nobody sees the rows before, the transaction itself included.
package protocol BatchedRow: Sendable {
    /// Who is to be woken once they are committed.
    static var news: CommitNews? { get }

    /// What writes all of a transaction's rows of this kind, in the order they were gathered.
    static func statements(for rows: [Self]) -> [Query]
}

extension BatchedRow {
    package static var news: CommitNews? { nil }
}

/// A transaction's rows of one kind.
protocol Gathering {
    var statements: [Query] { get }
}

final class Gathered<Row: BatchedRow>: Gathering {
    var rows: [Row]

    init(_ row: Row) { rows = [row] }

    var statements: [Query] { Row.statements(for: rows) }
}
