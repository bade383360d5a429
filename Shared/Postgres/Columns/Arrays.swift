package import Core

extension String: ArrayElement {
    package static var arrayType: TypeOID { .textArray }
    package static func writeArray(_ values: [String], into bytes: inout [UInt8]) {
        ArrayWire.write(values, of: .text, into: &bytes) { value, bytes in value.write(into: &bytes) }
    }
    package static func readArray(_ cell: Cell) throws(DatabaseError) -> [String] {
        try ArrayWire.elements(of: cell).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension TypedID: ArrayElement {
    package static var arrayType: TypeOID { .uuidArray }
    package static func writeArray(_ values: [TypedID], into bytes: inout [UInt8]) {
        ArrayWire.write(values, of: .uuid, into: &bytes) { value, bytes in value.write(into: &bytes) }
    }
    package static func readArray(_ cell: Cell) throws(DatabaseError) -> [TypedID] {
        try cell.require(.uuidArray)
        return try ArrayWire.elements(of: cell).map { element throws(DatabaseError) in
            guard let id = TypedID(bytes: element) else { throw cell.mismatch("an array of uuid") }
            return id
        }
    }
}

extension Int64: ArrayElement {
    package static var arrayType: TypeOID { .int8Array }
    package static func writeArray(_ values: [Int64], into bytes: inout [UInt8]) {
        ArrayWire.write(values, of: .int8, into: &bytes) { value, bytes in value.write(into: &bytes) }
    }
    package static func readArray(_ cell: Cell) throws(DatabaseError) -> [Int64] {
        try ArrayWire.elements(of: cell).map { element throws(DatabaseError) in
            guard [2, 4, 8].contains(element.count) else { throw cell.mismatch("an array of integers") }
            let value = element.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let shift = UInt64(64 - 8 * element.count)
            return Int64(bitPattern: value << shift) >> Int64(shift)
        }
    }
}

extension Int: ArrayElement {
    package static var arrayType: TypeOID { .int8Array }
    package static func writeArray(_ values: [Int], into bytes: inout [UInt8]) {
        Int64.writeArray(values.map(Int64.init), into: &bytes)
    }
    package static func readArray(_ cell: Cell) throws(DatabaseError) -> [Int] {
        try Int64.readArray(cell).map { Int($0) }
    }
}

extension Instant: ArrayElement {
    package static var arrayType: TypeOID { .timestamptzArray }
    package static func writeArray(_ values: [Instant], into bytes: inout [UInt8]) {
        ArrayWire.write(values, of: .timestamptz, into: &bytes) { value, bytes in value.write(into: &bytes) }
    }
    package static func readArray(_ cell: Cell) throws(DatabaseError) -> [Instant] {
        throw cell.mismatch("anything but an array of timestamps")
    }
}

/// Many values of a column that may be NULL, for statements that take rows as arrays (`unnest`); written only.
package struct OptionalColumns<Element: ArrayElement & Column>: Column {
    private let values: [Element?]

    package init(_ values: [Element?]) { self.values = values }

    package static var parameterType: TypeOID { Element.arrayType }
    package func write(into bytes: inout [UInt8]) -> Bool {
        let type = Element.parameterType == .inferred ? .text : Element.parameterType
        ArrayWire.write(values, of: type, into: &bytes) { value, bytes in value?.write(into: &bytes) ?? false }
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> OptionalColumns {
        throw cell.mismatch("anything but an array with NULL")
    }
}

/// Many byte strings, or NULL, for statements that take rows as arrays; written only.
package struct ByteColumns: Column {
    private let values: [[UInt8]?]

    package init(_ values: [[UInt8]?]) { self.values = values }

    package static var parameterType: TypeOID { .byteaArray }
    package func write(into bytes: inout [UInt8]) -> Bool {
        ArrayWire.write(values, of: .bytea, into: &bytes) { value, bytes in value?.write(into: &bytes) ?? false }
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> ByteColumns {
        throw cell.mismatch("anything but an array of byte strings")
    }
}

/// The binary form of a one-dimensional array: dimensions, null flag, element type, length, lower bound, elements.
private enum ArrayWire {
    static func write<Element>(
        _ values: [Element],
        of type: TypeOID,
        into bytes: inout [UInt8],
        _ element: (Element, inout [UInt8]) -> Bool
    ) {
        Int32(values.isEmpty ? 0 : 1).append(to: &bytes)
        let flag = bytes.count
        Int32(0).append(to: &bytes)
        type.rawValue.append(to: &bytes)
        if values.isEmpty { return }
        Int32(values.count).append(to: &bytes)
        Int32(1).append(to: &bytes)
        for value in values {
            let place = bytes.count
            Int32(-1).append(to: &bytes)
            if element(value, &bytes) {
                bytes.put(Int32(bytes.count - place - 4), at: place)
            } else {
                // There is a NULL among them.
                bytes.put(1, at: flag)
            }
        }
    }

    /// The elements' bytes; arrays of several dimensions and NULL elements are refused.
    static func elements(of cell: Cell) throws(DatabaseError) -> [ArraySlice<UInt8>] {
        let bytes = try cell.array
        var position = 0
        func word() throws(DatabaseError) -> Int {
            guard position + 4 <= bytes.count else { throw cell.mismatch("an array") }
            defer { position += 4 }
            return Int(Int32(truncatingIfNeeded: bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }))
        }
        let dimensions = try word()
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { throw cell.mismatch("an array of one dimension") }
        _ = (try word(), try word())
        let count = try word()
        _ = try word()
        var elements: [ArraySlice<UInt8>] = []
        for _ in 0..<max(count, 0) {
            let length = try word()
            guard length >= 0, position + length <= bytes.count else { throw cell.mismatch("an array without NULL") }
            elements.append(bytes[position..<position + length])
            position += length
        }
        return elements
    }
}

extension [UInt8] {
    /// Writes a big-endian word over what stands there.
    fileprivate mutating func put(_ word: Int32, at place: Int) {
        for offset in 0..<4 { self[place + offset] = UInt8(truncatingIfNeeded: word >> Int32(24 - 8 * offset)) }
    }
}
