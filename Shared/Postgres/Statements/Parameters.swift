/// Values bound to a query, laid out one behind the other as libpq takes them.
struct Parameters: Sendable {
    struct Entry: Sendable {
        let type: TypeOID
        let offset: Int
        /// Bytes without the terminator; -1 for NULL.
        let length: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var entries: [Entry] = []
    /// A text holds U+0000, at which libpq would cut it off.
    private(set) var hasInvalidText = false

    mutating func append<Value: Column>(_ value: Value) {
        let start = bytes.count
        let type = Value.parameterType
        guard value.write(into: &bytes) else {
            entries.append(Entry(type: type, offset: start, length: -1))
            return
        }
        entries.append(Entry(type: type, offset: start, length: bytes.count - start))
        if type == .inferred {
            if bytes[start...].contains(0) { hasInvalidText = true }
            bytes.append(0)
        }
    }

    mutating func append(_ other: Parameters) {
        let shift = bytes.count
        bytes += other.bytes
        entries += other.entries.map { Entry(type: $0.type, offset: $0.offset + shift, length: $0.length) }
        hasInvalidText = hasInvalidText || other.hasInvalidText
    }
}
