package import Core

/// A parsed JSON text: a flat list of nodes over the bytes, in the order they were written.
///
/// Well-formed by RFC 8259 and more: valid UTF-8, no lone surrogates, at most `deepest` levels. Duplicate keys and U+0000
/// are kept and told by `Schema.violations`, which can say where they stand.
package struct JSONTape: Sendable {
    /// Most levels of arrays and objects.
    package static let deepest = 32
    /// Most bytes of a text.
    package static let largest = 64 << 20

    enum Kind: UInt8, Sendable {
        case null, yes, no, integer, number, string, key, array, object
    }

    /// One value or key.
    ///
    /// `start` and `length` are the bytes it came from, quotes excluded.
    struct Node: Sendable {
        var start: UInt32
        var length: UInt32
        /// The node behind this one and all it holds.
        var next: UInt32
        var kind: Kind
        /// The text has escapes to resolve.
        var hasEscapes: Bool
        /// The text has U+0000.
        var hasNull: Bool
    }

    /// One reference for what every position of a decoder carries.
    private final class Storage: Sendable {
        let bytes: [UInt8]
        let nodes: [Node]

        init(bytes: [UInt8], nodes: [Node]) {
            self.bytes = bytes
            self.nodes = nodes
        }
    }

    private let storage: Storage

    /// The text as it came.
    package var bytes: [UInt8] { storage.bytes }
    var nodes: [Node] { storage.nodes }

    /// Parses one JSON value; throws 400 `malformed` with the place of the first fault.
    package init(_ bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Self.largest else { throw .malformed("The JSON text is too long.") }
        var parser = JSONParser(bytes)
        storage = Storage(bytes: bytes, nodes: try parser.parse())
    }

    /// Builds the value; for texts that were checked against the type's schema, or come from our own writer.
    package func decode<Value: Decodable>(_: Value.Type) throws -> Value {
        try Value(from: TapeDecoder(tape: self, node: 0))
    }

    /// The text of an object's member, if it is a string.
    package func text(of member: String) -> String? {
        guard isObject, let key = children(of: 0).first(where: { matches($0, member) }),
            nodes[key + 1].kind == .string
        else { return nil }
        return text(key + 1)
    }

    /// What an object's member was written with, whatever its kind; a string with its quotes.
    package func source(of member: String) -> [UInt8]? {
        guard isObject, let key = children(of: 0).first(where: { matches($0, member) }) else { return nil }
        return Array(source(key + 1))
    }

    /// Whether an object anywhere in the text has a key twice, so that two readers could read two things.
    package var repeatsKeys: Bool {
        nodes.indices.contains { index in
            guard nodes[index].kind == .object else { return false }
            let names = children(of: index).map { text($0) }
            return Set(names).count != names.count
        }
    }

    /// Whether the text is an object.
    package var isObject: Bool { nodes[0].kind == .object }
}

extension JSONTape {
    /// The indices of a container's direct children; of an object keys only.
    func children(of node: Int) -> [Int] {
        var found: [Int] = []
        var index = node + 1
        let end = Int(nodes[node].next)
        let isObject = nodes[node].kind == .object
        while index < end {
            found.append(index)
            index = Int(nodes[isObject ? index + 1 : index].next)
        }
        return found
    }

    /// The text of a string or key node, escapes resolved.
    func text(_ node: Int) -> String {
        let node = nodes[node]
        let range = Int(node.start)..<Int(node.start + node.length)
        guard node.hasEscapes else { return String(decoding: bytes[range], as: UTF8.self) }
        return String(decoding: unescaped(range), as: UTF8.self)
    }

    /// The bytes a number or container was written with.
    func source(_ node: Int) -> ArraySlice<UInt8> {
        let node = nodes[node]
        // A string's quotes belong to its source.
        let quote: UInt32 = node.kind == .string || node.kind == .key ? 1 : 0
        return bytes[Int(node.start - quote)..<Int(node.start + node.length + quote)]
    }

    func matches(_ node: Int, _ name: [UInt8]) -> Bool {
        let found = nodes[node]
        if found.hasEscapes { return text(node).utf8.elementsEqual(name) }
        guard Int(found.length) == name.count else { return false }
        let start = Int(found.start)
        for index in name.indices where bytes[start + index] != name[index] { return false }
        return true
    }

    func matches(_ node: Int, _ name: String) -> Bool {
        let found = nodes[node]
        if found.hasEscapes { return text(node).utf8.elementsEqual(name.utf8) }
        guard Int(found.length) == name.utf8.count else { return false }
        let bytes = bytes
        var index = Int(found.start)
        for byte in name.utf8 {
            if bytes[index] != byte { return false }
            index += 1
        }
        return true
    }

    /// The keys and indices that lead to a value; worked out only when something is wrong.
    func path(to node: Int) -> [any CodingKey] {
        var path: [any CodingKey] = []
        var container = 0
        while container != node {
            let isObject = nodes[container].kind == .object
            let children = children(of: container)
            guard let place = children.lastIndex(where: { $0 <= node }) else { return path }
            path.append(isObject ? TapeKey(stringValue: text(children[place])) : TapeKey(intValue: place))
            container = children[place] + (isObject ? 1 : 0)
        }
        return path
    }

    /// The integer a number node holds; `nil` when it has a fraction or passes `Int64`.
    func integer(_ node: Int) -> Int64? {
        guard nodes[node].kind == .integer else { return nil }
        var value: Int64 = 0
        var isNegative = false
        for byte in source(node) {
            if byte == UInt8(ascii: "-") {
                isNegative = true
                continue
            }
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - UInt8(ascii: "0"))
            let (sum, carried) =
                isNegative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
            if overflowed || carried { return nil }
            value = sum
        }
        return value
    }

    /// The number a node holds; `nil` when it passes the range of `Double`.
    func number(_ node: Int) -> Double? {
        guard nodes[node].kind == .integer || nodes[node].kind == .number,
            let value = Double(String(decoding: source(node), as: UTF8.self)), value.isFinite
        else { return nil }
        return value
    }

    /// Resolves escapes that the parser has found correct.
    private func unescaped(_ range: Range<Int>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "\\") else {
                output.append(byte)
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = codeUnit(at: index + 2)
                index += 4
                if scalar >> 10 == 0x36 {
                    scalar = 0x10000 + (scalar & 0x3FF) << 10 + codeUnit(at: index + 4) & 0x3FF
                    index += 6
                }
                if let scalar = Unicode.Scalar(scalar) { output.append(contentsOf: String(Character(scalar)).utf8) }
            case let other: output.append(other)
            }
            index += 2
        }
        return output
    }

    private func codeUnit(at index: Int) -> UInt32 {
        (index..<index + 4).reduce(0) { $0 << 4 | UInt32(bytes[$1].hexValue ?? 0) }
    }
}
