/// A type that can be bound to a parameter and read from a column.
///
/// An enum over `String` needs no more than the conformance: `enum Status: String, Column { … }`.
package protocol Column: Sendable {
    /// What the server is told about a parameter of this type; `.inferred` sends text and lets the server decide.
    static var parameterType: TypeOID { get }
    /// Appends the wire form (binary, or UTF-8 for `.inferred`); `false` means NULL.
    func write(into bytes: inout [UInt8]) -> Bool
    /// Reads a cell; `DatabaseError.Code.decoding` if the column has another type or is NULL.
    static func read(_ cell: Cell) throws(DatabaseError) -> Self
}

/// The types of PostgreSQL that we send or read, by their fixed object ids (catalogue `pg_type.dat`).
package struct TypeOID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let inferred = TypeOID(rawValue: 0)
    package static let bool = TypeOID(rawValue: 16)
    package static let bytea = TypeOID(rawValue: 17)
    package static let int8 = TypeOID(rawValue: 20)
    package static let int2 = TypeOID(rawValue: 21)
    package static let int4 = TypeOID(rawValue: 23)
    package static let text = TypeOID(rawValue: 25)
    package static let json = TypeOID(rawValue: 114)
    package static let float4 = TypeOID(rawValue: 700)
    package static let float8 = TypeOID(rawValue: 701)
    package static let byteaArray = TypeOID(rawValue: 1001)
    package static let textArray = TypeOID(rawValue: 1009)
    package static let int8Array = TypeOID(rawValue: 1016)
    package static let date = TypeOID(rawValue: 1082)
    package static let timestamp = TypeOID(rawValue: 1114)
    package static let timestamptz = TypeOID(rawValue: 1184)
    package static let timestamptzArray = TypeOID(rawValue: 1185)
    package static let uuid = TypeOID(rawValue: 2950)
    package static let uuidArray = TypeOID(rawValue: 2951)
    package static let jsonb = TypeOID(rawValue: 3802)
}

/// One value of a result, as it came over the wire.
@safe package struct Cell {
    package let type: TypeOID
    /// Its place in the row, for errors.
    let index: Int
    /// Points into the result, which outlives every cell read from it; `nil` for NULL.
    let bytes: UnsafeRawBufferPointer?

    init(type: TypeOID, index: Int, bytes: UnsafeRawBufferPointer?) {
        self.type = type
        self.index = index
        unsafe self.bytes = unsafe bytes
    }

    package var isNull: Bool { unsafe bytes == nil }

    package var array: [UInt8] {
        get throws(DatabaseError) {
            guard let bytes = unsafe bytes else { throw mismatch("a value, found NULL") }
            return unsafe Array(bytes)
        }
    }

    /// The bytes as UTF-8 text: right for text, varchar, name and enum columns.
    package var text: String {
        get throws(DatabaseError) {
            guard let bytes = unsafe bytes else { throw mismatch("a text, found NULL") }
            return unsafe String(decoding: bytes, as: UTF8.self)
        }
    }

    /// A big-endian integer; the cell must be exactly as wide.
    func fixed<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) throws(DatabaseError) -> Number {
        guard let bytes = unsafe bytes else { throw mismatch("\(Number.self), found NULL") }
        guard bytes.count == MemoryLayout<Number>.size else { throw mismatch("\(Number.self)") }
        return Number(bigEndian: unsafe bytes.loadUnaligned(as: Number.self))
    }

    /// Sixteen bytes as two words in network order.
    func twoWords() throws(DatabaseError) -> (UInt64, UInt64) {
        guard let bytes = unsafe bytes, bytes.count == 16 else { throw mismatch("sixteen bytes") }
        return (
            UInt64(bigEndian: unsafe bytes.loadUnaligned(as: UInt64.self)),
            UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        )
    }

    func require(_ types: TypeOID...) throws(DatabaseError) {
        guard types.contains(type) else { throw mismatch("one of the types \(types.map(\.rawValue))") }
    }

    package func mismatch(_ wanted: String) -> DatabaseError {
        DatabaseError(.decoding, operation: "column \(index) of type \(type.rawValue), wanted \(wanted)")
    }
}

extension FixedWidthInteger {
    /// Appends the big-endian bytes.
    func append(to bytes: inout [UInt8]) {
        for shift in stride(from: Self.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: self >> Self(shift)))
        }
    }
}
