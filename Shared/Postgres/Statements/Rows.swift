import CLibPQ

/// The rows of one result.
///
/// They live in libpq's memory until the last copy is gone, and stay on the transaction's thread.
package struct Rows {
    /// `nil` after a batch without statements.
    let result: QueryResult?

    /// Rows inserted, updated, deleted or selected, by the command's tag.
    package var affected: Int { result?.affected ?? 0 }
}

extension Rows: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { result?.rowCount ?? 0 }
    package subscript(position: Int) -> Row {
        guard let result, (0..<result.rowCount).contains(position) else {
            preconditionFailure("Cannot read row \(position) of \(count)")
        }
        return Row(result: result, index: position)
    }
}

/// One row; columns are read by position: `let id: ClinicID = try row[0]`.
package struct Row {
    let result: QueryResult
    let index: Int

    /// The value of a column, or `DatabaseError.Code.decoding`, also when there is no such column.
    package subscript<Value: Column>(_ column: Int) -> Value {
        get throws(DatabaseError) {
            guard column < result.columnCount, column >= 0 else {
                throw DatabaseError(.decoding, operation: "column \(column) of \(result.columnCount)")
            }
            return try Value.read(result.cell(row: index, column: column))
        }
    }
}

/// Owns a `PGresult`.
@safe final class QueryResult {
    private let pointer: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    init(_ pointer: OpaquePointer) {
        unsafe self.pointer = pointer
        rowCount = Int(unsafe PQntuples(pointer))
        columnCount = Int(unsafe PQnfields(pointer))
    }

    deinit { unsafe PQclear(pointer) }

    func cell(row: Int, column: Int) -> Cell {
        let type = TypeOID(rawValue: unsafe PQftype(pointer, Int32(column)))
        guard unsafe PQgetisnull(pointer, Int32(row), Int32(column)) == 0,
            let value = unsafe PQgetvalue(pointer, Int32(row), Int32(column))
        else { return unsafe Cell(type: type, index: column, bytes: nil) }
        let length = Int(unsafe PQgetlength(pointer, Int32(row), Int32(column)))
        return unsafe Cell(type: type, index: column, bytes: UnsafeRawBufferPointer(start: value, count: length))
    }

    var affected: Int {
        guard let text = unsafe PQcmdTuples(pointer) else { return 0 }
        return Int(unsafe String(cString: text)) ?? 0
    }

    /// The command's tag: `COMMIT`, `ROLLBACK`, `INSERT 0 1`.
    var tag: String {
        guard let text = unsafe PQcmdStatus(pointer) else { return "" }
        return unsafe String(cString: text)
    }

    /// A field of an error, by libpq's code for it.
    fileprivate func field(_ code: Unicode.Scalar) -> String? {
        guard let text = unsafe PQresultErrorField(pointer, Int32(code.value)) else { return nil }
        return unsafe String(cString: text)
    }
}

extension QueryResult {
    /// SQLSTATE and constraint; the message is not even looked at.
    var failure: DatabaseError {
        let state = field("C") ?? "XX000"
        return DatabaseError(DatabaseError.Code(sqlState: state), constraint: field("n"))
    }
}
