package import Core

extension TypedID: Column {
    package static var parameterType: TypeOID { .uuid }
    package func write(into bytes: inout [UInt8]) -> Bool {
        high.append(to: &bytes)
        low.append(to: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> TypedID {
        try cell.require(.uuid)
        let (high, low) = try cell.twoWords()
        return TypedID(high: high, low: low)
    }
}

/// JSON text kept as `jsonb`.
package struct JSONColumn: Column, Hashable {
    /// UTF-8 JSON.
    ///
    /// The server normalises spaces, key order and duplicate keys.
    package var json: [UInt8]

    package init(_ json: [UInt8]) { self.json = json }

    package static var parameterType: TypeOID { .jsonb }
    package func write(into bytes: inout [UInt8]) -> Bool {
        // The binary form of jsonb is a version, 1, and the text.
        bytes.append(1)
        bytes.append(contentsOf: json)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> JSONColumn {
        try cell.require(.jsonb, .json)
        let bytes = try cell.array
        return JSONColumn(cell.type == .jsonb ? Array(bytes.dropFirst()) : bytes)
    }
}

extension Optional: Column where Wrapped: Column {
    package static var parameterType: TypeOID { Wrapped.parameterType }
    package func write(into bytes: inout [UInt8]) -> Bool {
        switch self {
        case .some(let value): value.write(into: &bytes)
        case .none: false
        }
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Self { cell.isNull ? nil : try Wrapped.read(cell) }
}

/// What an array may hold that is a column itself: `[UInt8]` is `bytea`, the others are arrays of PostgreSQL.
package protocol ArrayElement: Sendable {
    static var arrayType: TypeOID { get }
    static func writeArray(_ values: [Self], into bytes: inout [UInt8])
    static func readArray(_ cell: Cell) throws(DatabaseError) -> [Self]
}

extension Array: Column where Element: ArrayElement {
    package static var parameterType: TypeOID { Element.arrayType }
    package func write(into bytes: inout [UInt8]) -> Bool {
        Element.writeArray(self, into: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> [Element] { try Element.readArray(cell) }
}

extension UInt8: ArrayElement {
    package static var arrayType: TypeOID { .bytea }
    package static func writeArray(_ values: [UInt8], into bytes: inout [UInt8]) { bytes.append(contentsOf: values) }
    package static func readArray(_ cell: Cell) throws(DatabaseError) -> [UInt8] {
        try cell.require(.bytea)
        return try cell.array
    }
}
