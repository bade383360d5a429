import Core

/// Turns bytes into a tape's nodes.
///
/// One pass, without recursion.
struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private var nodes: [JSONTape.Node] = []
    /// Indices of the containers that are open.
    private var open: [Int] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        nodes.reserveCapacity(bytes.count / 8 + 8)
    }

    mutating func parse() throws(Problem) -> [JSONTape.Node] {
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw .malformed("The body is not valid UTF-8, at byte \(error.byteOffsets.lowerBound).")
        }
        skipSpace()
        try value()
        while !open.isEmpty { try step() }
        skipSpace()
        guard position == bytes.count else { throw fault("the text goes on behind the value") }
        return nodes
    }

    /// Goes on inside the innermost container: its end, or its next element.
    private mutating func step() throws(Problem) {
        let container = open[open.count - 1]
        let isObject = nodes[container].kind == .object
        let isFirst = nodes.count == container + 1
        skipSpace()
        if peek == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            position += 1
            close(container)
            return
        }
        if !isFirst {
            try expect(UInt8(ascii: ","), isObject ? "a comma or } is expected" : "a comma or ] is expected")
            skipSpace()
        }
        if isObject {
            try expect(UInt8(ascii: "\""), "a key in quotes is expected")
            try string(.key)
            skipSpace()
            try expect(UInt8(ascii: ":"), "a colon is expected")
            skipSpace()
        }
        try value()
    }

    private mutating func close(_ container: Int) {
        open.removeLast()
        nodes[container].next = UInt32(nodes.count)
        nodes[container].length = UInt32(position) - nodes[container].start
    }

    private mutating func value() throws(Problem) {
        switch peek {
        case UInt8(ascii: "{"): try opening(.object)
        case UInt8(ascii: "["): try opening(.array)
        case UInt8(ascii: "\""):
            position += 1
            try string(.string)
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        default: try number()
        }
    }

    private mutating func opening(_ kind: JSONTape.Kind) throws(Problem) {
        guard open.count < JSONTape.deepest else { throw fault("more than \(JSONTape.deepest) levels") }
        open.append(nodes.count)
        append(kind, from: position, length: 0)
        position += 1
    }

    private mutating func word(_ text: StaticString, _ kind: JSONTape.Kind) throws(Problem) {
        let start = position
        for scalar in text.description.utf8 { try expect(scalar, "a value is expected") }
        append(kind, from: start, length: position - start)
    }

    /// Reads from behind the opening quote to behind the closing one.
    private mutating func string(_ kind: JSONTape.Kind) throws(Problem) {
        let start = position
        var hasEscapes = false
        var hasNull = false
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                append(kind, from: start, length: position - start, hasEscapes: hasEscapes, hasNull: hasNull)
                position += 1
                return
            }
            guard byte >= 0x20 else { throw fault("a control character stands in a text") }
            position += 1
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                if try escape() == 0 { hasNull = true }
            }
        }
        throw fault("a text does not end")
    }

    /// Reads from behind a backslash; gives the code unit of `\u`, else 1.
    private mutating func escape() throws(Problem) -> UInt32 {
        guard let character = peek else { throw fault("a text does not end") }
        position += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 1
        case UInt8(ascii: "u"):
            let unit = try codeUnit()
            if unit >> 10 == 0x37 { throw fault("a surrogate stands alone") }
            if unit >> 10 == 0x36 {
                try expect(UInt8(ascii: "\\"), "a surrogate stands alone")
                try expect(UInt8(ascii: "u"), "a surrogate stands alone")
                guard try codeUnit() >> 10 == 0x37 else { throw fault("a surrogate stands alone") }
            }
            return unit
        default:
            throw fault("an unknown escape stands in a text")
        }
    }

    private mutating func codeUnit() throws(Problem) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek?.hexValue else { throw fault("four hexadecimal digits are expected") }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    private mutating func number() throws(Problem) {
        let start = position
        var kind = JSONTape.Kind.integer
        if peek == UInt8(ascii: "-") { position += 1 }
        if peek == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if peek == UInt8(ascii: ".") {
            kind = .number
            position += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            kind = .number
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        append(kind, from: start, length: position - start)
    }

    private mutating func digits() throws(Problem) {
        let start = position
        while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw fault("a value is expected") }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func expect(_ byte: UInt8, _ complaint: StaticString) throws(Problem) {
        guard peek == byte else { throw fault(complaint.description) }
        position += 1
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func append(
        _ kind: JSONTape.Kind,
        from start: Int,
        length: Int,
        hasEscapes: Bool = false,
        hasNull: Bool = false
    ) {
        nodes.append(
            JSONTape.Node(
                start: UInt32(start),
                length: UInt32(length),
                next: UInt32(nodes.count + 1),
                kind: kind,
                hasEscapes: hasEscapes,
                hasNull: hasNull
            )
        )
    }

    private func fault(_ detail: String) -> Problem {
        .malformed("The body is not JSON: \(detail), at byte \(position).")
    }
}
