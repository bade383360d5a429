package import Core

/// Writes the bus's compact form: numbers in network order, everything of varying length behind its length.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package mutating func byte(_ value: UInt8) { bytes.append(value) }

    package mutating func number(_ value: some FixedWidthInteger) {
        var rest = UInt64(truncatingIfNeeded: value).bigEndian
        unsafe withUnsafeBytes(of: &rest) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Bytes behind their count.
    package mutating func block(_ block: some Collection<UInt8>) {
        let count = UInt32(truncatingIfNeeded: block.count)
        bytes.append(UInt8(truncatingIfNeeded: count >> 24))
        bytes.append(UInt8(truncatingIfNeeded: count >> 16))
        bytes.append(UInt8(truncatingIfNeeded: count >> 8))
        bytes.append(UInt8(truncatingIfNeeded: count))
        bytes.append(contentsOf: block)
    }

    package mutating func text(_ text: String) { block(text.utf8) }

    package mutating func optional(_ text: String?) {
        byte(text == nil ? 0 : 1)
        if let text { self.text(text) }
    }

    package mutating func id<Tag>(_ id: TypedID<Tag>) {
        number(id.high)
        number(id.low)
    }

    package mutating func optional<Tag>(_ id: TypedID<Tag>?) {
        byte(id == nil ? 0 : 1)
        if let id { self.id(id) }
    }
}

/// What was read is not what `ByteWriter` wrote.
package struct ByteCodingError: Error, Hashable, Sendable {}

/// Reads what `ByteWriter` wrote; any length beyond the end is refused.
package struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var isAtEnd: Bool { position == bytes.count }

    package mutating func byte() throws(ByteCodingError) -> UInt8 {
        guard position < bytes.count else { throw ByteCodingError() }
        position += 1
        return bytes[position - 1]
    }

    package mutating func number() throws(ByteCodingError) -> Int64 { Int64(bitPattern: try word()) }

    private mutating func word() throws(ByteCodingError) -> UInt64 {
        guard bytes.count - position >= 8 else { throw ByteCodingError() }
        var value: UInt64 = 0
        for index in position..<position + 8 { value = value << 8 | UInt64(bytes[index]) }
        position += 8
        return value
    }

    package mutating func block() throws(ByteCodingError) -> [UInt8] { Array(try slice()) }

    private mutating func slice() throws(ByteCodingError) -> ArraySlice<UInt8> {
        guard bytes.count - position >= 4 else { throw ByteCodingError() }
        var count = 0
        for index in position..<position + 4 { count = count << 8 | Int(bytes[index]) }
        position += 4
        guard count <= bytes.count - position else { throw ByteCodingError() }
        position += count
        return bytes[position - count..<position]
    }

    package mutating func text() throws(ByteCodingError) -> String {
        guard let text = String(validating: try slice(), as: UTF8.self) else { throw ByteCodingError() }
        return text
    }

    package mutating func flag() throws(ByteCodingError) -> Bool {
        switch try byte() {
        case 0: false
        case 1: true
        default: throw ByteCodingError()
        }
    }

    package mutating func optionalText() throws(ByteCodingError) -> String? { try flag() ? try text() : nil }

    package mutating func id<Tag>() throws(ByteCodingError) -> TypedID<Tag> {
        TypedID(high: try word(), low: try word())
    }

    package mutating func optionalID<Tag>() throws(ByteCodingError) -> TypedID<Tag>? { try flag() ? try id() : nil }

    /// How many items follow, each at least one byte long.
    package mutating func count() throws(ByteCodingError) -> Int {
        let count = try number()
        guard count >= 0, count <= bytes.count - position else { throw ByteCodingError() }
        return Int(count)
    }
}
