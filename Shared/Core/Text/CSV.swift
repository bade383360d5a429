/// Comma-separated values (RFC 4180).
///
/// A cell that a spreadsheet would take for a formula is written with an apostrophe before it, which reading takes away again.
package enum CSV {
    /// A line that cannot be read.
    package struct Fault: Error, Hashable {
        /// The first is 1.
        package let line: Int
        package let detail: String
    }

    /// One row, and the line it begins in.
    package struct Row: Hashable, Sendable {
        package let line: Int
        package let cells: [String]
    }

    private static let (quote, comma, newline, carriage) = (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(10), UInt8(13))

    /// A row with its line end.
    package static func line(_ cells: [String]) -> [UInt8] {
        Array((cells.map(written).joined(separator: ",") + "\r\n").utf8)
    }

    /// All rows, empty lines left out.
    ///
    /// - Parameter most: how many rows are read, the first ones; what stands behind them is not looked at.
    package static func rows(_ bytes: [UInt8], atMost most: Int = .max) throws(Fault) -> [Row] {
        var reader = Reader()
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        for byte in bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0) {
            try reader.take(byte)
            if reader.rows.count >= most { return reader.rows }
        }
        return try reader.finish()
    }

    private static func written(_ text: String) -> String {
        let text = needsGuard(text) ? "'" + text : text
        let needsQuotes = text.utf8.contains { [quote, comma, newline, carriage].contains($0) }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }

    /// A telephone number is no formula, though it begins like one.
    private static func needsGuard(_ text: String) -> Bool { startsFormula(text.utf8) && PhoneNumber(text) == nil }

    private static func startsFormula(_ text: String.UTF8View) -> Bool {
        guard let first = text.drop(while: { $0 == UInt8(ascii: "'") }).first else { return false }
        return "=+-@\t\r".utf8.contains(first)
    }

    /// Goes through the bytes once.
    private struct Reader {
        private(set) var rows: [Row] = []
        private var cells: [String] = []
        private var cell: [UInt8] = []
        private var line = 1
        private var firstLine = 1
        private var isQuoted = false
        /// A quoted cell has ended, or a quote has begun that stands for itself.
        private var hasClosed = false

        mutating func take(_ byte: UInt8) throws(Fault) {
            defer { if byte == newline { line += 1 } }
            if isQuoted {
                if byte == quote { (isQuoted, hasClosed) = (false, true) } else { cell.append(byte) }
                return
            }
            switch byte {
            case quote where hasClosed:
                cell.append(byte)
                (isQuoted, hasClosed) = (true, false)
            case quote where cell.isEmpty: isQuoted = true
            case comma: try endCell()
            case newline:
                try endRow()
                firstLine = line + 1
            case carriage: break
            case _ where hasClosed: throw Fault(line: line, detail: "has text behind a quoted cell")
            default: cell.append(byte)
            }
        }

        mutating func finish() throws(Fault) -> [Row] {
            if isQuoted { throw Fault(line: firstLine, detail: "has a quote that does not end") }
            try endRow()
            return rows
        }

        private mutating func endCell() throws(Fault) {
            guard let text = String(validating: cell, as: UTF8.self) else {
                throw Fault(line: line, detail: "is not UTF-8")
            }
            cells.append(text.hasPrefix("'") && startsFormula(text.utf8) ? String(text.dropFirst()) : text)
            cell.removeAll(keepingCapacity: true)
            hasClosed = false
        }

        private mutating func endRow() throws(Fault) {
            try endCell()
            if cells != [""] { rows.append(Row(line: firstLine, cells: cells)) }
            cells.removeAll(keepingCapacity: true)
        }
    }
}
