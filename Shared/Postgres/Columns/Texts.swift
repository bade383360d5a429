package import Core

extension String: Column {
    /// Text goes out without a type, so that the server takes it for whatever stands there: text, an enum, a range.
    package static var parameterType: TypeOID { .inferred }
    package func write(into bytes: inout [UInt8]) -> Bool {
        bytes.append(contentsOf: utf8)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> String {
        guard !cell.isNumeric else { throw cell.mismatch("a text") }
        return try cell.text
    }
}

extension Cell {
    /// Binary types whose bytes would make nonsense as text.
    fileprivate var isNumeric: Bool {
        [.bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz, .uuid, .jsonb].contains(type)
            || [1700, 1186, 1083, 3910, 3926].contains(type.rawValue)
    }
}

extension Column where Self: RawRepresentable, RawValue == String {
    package static var parameterType: TypeOID { .inferred }
    package func write(into bytes: inout [UInt8]) -> Bool { rawValue.write(into: &bytes) }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Self {
        guard let value = Self(rawValue: try String.read(cell)) else { throw cell.mismatch("a case of \(Self.self)") }
        return value
    }
}

/// A newtype over text: stored as its text, checked again when it is read.
package protocol TextColumn: Column {
    var columnText: String { get }
    init?(columnText: String)
}

extension TextColumn {
    package static var parameterType: TypeOID { .inferred }
    package func write(into bytes: inout [UInt8]) -> Bool { columnText.write(into: &bytes) }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Self {
        guard let value = Self(columnText: try String.read(cell)) else { throw cell.mismatch("a valid \(Self.self)") }
        return value
    }
}

extension EmailAddress: TextColumn {
    package var columnText: String { address }
    package init?(columnText: String) { self.init(columnText) }
}

extension PhoneNumber: TextColumn {
    package var columnText: String { number }
    package init?(columnText: String) { self.init(columnText) }
}

extension Slug: TextColumn {
    package var columnText: String { text }
    package init?(columnText: String) { self.init(columnText) }
}

extension TimeZoneName: TextColumn {
    package var columnText: String { name }
    package init?(columnText: String) { self.init(columnText) }
}

extension Currency: TextColumn {
    package var columnText: String { code }
    package init?(columnText: String) { self.init(columnText) }
}

extension ServiceName: Column {}
