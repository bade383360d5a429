import Core

/// Writes values as compact JSON, members in the order their types declare them.
package enum JSONWriter {
    /// Encodes a value.
    ///
    /// Throws `EncodingError` for numbers JSON has no form for (infinities, NaN).
    package static func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        let sink = JSONSink()
        try sink.write(value, depth: 0, path: [])
        sink.output.close(to: 0)
        return sink.output.bytes
    }

    /// The text in quotes.
    package static func quoted(_ text: String) -> String {
        var output = JSONOutput()
        output.append(text)
        return String(decoding: output.bytes, as: UTF8.self)
    }
}

/// The bytes written so far and the containers that are open.
///
/// A container is closed when its parent goes on or ends, so that hand-nested ones work as long as they are written in
/// order.
struct JSONOutput {
    enum Frame { case object, array }

    var bytes: [UInt8] = []
    private(set) var frames: [Frame] = []
    private var isFirst: [Bool] = []

    init() { bytes.reserveCapacity(512) }

    mutating func open(_ frame: Frame) {
        bytes.append(frame == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
        frames.append(frame)
        isFirst.append(true)
    }

    mutating func close(to depth: Int) {
        while frames.count > depth {
            bytes.append(frames.removeLast() == .object ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            isFirst.removeLast()
        }
    }

    /// Makes ready for the next element of the container whose content has this depth.
    mutating func next(_ depth: Int) {
        close(to: depth)
        if isFirst[depth - 1] { isFirst[depth - 1] = false } else { bytes.append(UInt8(ascii: ",")) }
    }

    mutating func next(_ depth: Int, key: String) {
        next(depth)
        append(key)
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func append(_ flag: Bool) { bytes.append(contentsOf: (flag ? "true" : "false").utf8) }
    mutating func append(_ number: some BinaryInteger) { bytes.append(contentsOf: String(number).utf8) }
    mutating func appendNull() { bytes.append(contentsOf: "null".utf8) }

    mutating func append(_ number: Double, path: [any CodingKey]) throws {
        guard number.isFinite else {
            throw EncodingError.invalidValue(
                number,
                .init(codingPath: path, debugDescription: "JSON has no form for this number")
            )
        }
        if let whole = Int64(exactly: number), whole.magnitude < 1 << 53 {
            append(whole)
        } else {
            bytes.append(contentsOf: number.description.utf8)
        }
    }

    mutating func append(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        // Almost no text has anything to escape.
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        if bytes[start...].contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            bytes.removeSubrange(start...)
            for byte in text.utf8 { appendEscaped(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x08: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "b")]
        case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
        case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
        case 0x0C: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "f")]
        case 0x0D: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(contentsOf: [byte].hex.utf8)
        default: bytes.append(byte)
        }
    }
}

/// The output that the encoders of one value share.
final class JSONSink {
    /// Changed by whole steps, so that each costs one exclusivity check.
    var output = JSONOutput()

    /// Writes a value at a place where exactly one is due.
    func write<Value: Encodable>(_ value: Value, depth: Int, path: [any CodingKey]) throws {
        // Comparing types costs less than casting.
        if Value.self == String.self, let text = value as? String {
            output.append(text)
        } else if Value.self == Int.self, let number = value as? Int {
            output.append(number)
        } else if Value.self == Bool.self, let flag = value as? Bool {
            output.append(flag)
        } else {
            let before = output.bytes.count
            try value.encode(to: WritingEncoder(sink: self, depth: depth, codingPath: path))
            output.close(to: depth)
            // A value that asked for no container has no members.
            if output.bytes.count == before { output.bytes += [UInt8(ascii: "{"), UInt8(ascii: "}")] }
        }
    }
}

/// One place of the output, seen as an `Encoder`.
struct WritingEncoder: Encoder {
    let sink: JSONSink
    /// Containers that are open around this place.
    let depth: Int
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        if sink.output.frames.count == depth { sink.output.open(.object) }
        return KeyedEncodingContainer(WritingKeyedContainer<Key>(sink: sink, depth: depth + 1, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if sink.output.frames.count == depth { sink.output.open(.array) }
        return WritingUnkeyedContainer(sink: sink, depth: depth + 1, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    /// Puts JSON that is already written in this place.
    func writeRaw(_ bytes: [UInt8]) { sink.output.bytes += bytes }
}

extension WritingEncoder: SingleValueEncodingContainer {
    func encodeNil() { sink.output.appendNull() }
    func encode(_ value: Bool) { sink.output.append(value) }
    func encode(_ value: String) { sink.output.append(value) }
    func encode(_ value: Double) throws { try sink.output.append(value, path: codingPath) }
    func encode(_ value: Float) throws { try sink.output.append(Double(value), path: codingPath) }
    func encode(_ value: Int) { sink.output.append(value) }
    func encode(_ value: Int8) { sink.output.append(value) }
    func encode(_ value: Int16) { sink.output.append(value) }
    func encode(_ value: Int32) { sink.output.append(value) }
    func encode(_ value: Int64) { sink.output.append(value) }
    func encode(_ value: UInt) { sink.output.append(value) }
    func encode(_ value: UInt8) { sink.output.append(value) }
    func encode(_ value: UInt16) { sink.output.append(value) }
    func encode(_ value: UInt32) { sink.output.append(value) }
    func encode(_ value: UInt64) { sink.output.append(value) }
    func encode<Value: Encodable>(_ value: Value) throws { try sink.write(value, depth: depth, path: codingPath) }
}

struct WritingKeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let sink: JSONSink
    let depth: Int
    let codingPath: [any CodingKey]

    mutating func encodeNil(forKey key: Key) {
        sink.output.next(depth, key: key.stringValue)
        sink.output.appendNull()
    }

    mutating func encode(_ value: Bool, forKey key: Key) {
        sink.output.next(depth, key: key.stringValue)
        sink.output.append(value)
    }

    mutating func encode(_ value: String, forKey key: Key) {
        sink.output.next(depth, key: key.stringValue)
        sink.output.append(value)
    }

    mutating func encode(_ value: Int, forKey key: Key) {
        sink.output.next(depth, key: key.stringValue)
        sink.output.append(value)
    }

    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        sink.output.next(depth, key: key.stringValue)
        try sink.write(value, depth: depth, path: codingPath)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { place(key).container(keyedBy: type) }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        place(key).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { WritingEncoder(sink: sink, depth: depth - 1, codingPath: codingPath) }
    mutating func superEncoder(forKey key: Key) -> any Encoder { place(key) }

    private func place(_ key: Key) -> WritingEncoder {
        sink.output.next(depth, key: key.stringValue)
        return WritingEncoder(sink: sink, depth: depth, codingPath: codingPath + [key])
    }
}

struct WritingUnkeyedContainer: UnkeyedEncodingContainer {
    let sink: JSONSink
    let depth: Int
    let codingPath: [any CodingKey]
    private(set) var count = 0

    init(sink: JSONSink, depth: Int, codingPath: [any CodingKey]) {
        self.sink = sink
        self.depth = depth
        self.codingPath = codingPath
    }

    mutating func encodeNil() {
        next()
        sink.output.appendNull()
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        next()
        try sink.write(value, depth: depth, path: codingPath)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next()
        return place.container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        next()
        return place.unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        next()
        return place
    }

    private var place: WritingEncoder { WritingEncoder(sink: sink, depth: depth, codingPath: codingPath) }

    private mutating func next() {
        sink.output.next(depth)
        count += 1
    }
}
