package import Core

extension JSONWriter {
    /// The value's canonical form (RFC 8785): members sorted, numbers as ECMAScript writes them, no space.
    package static func canonical<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        try canonical(json: encode(value))
    }

    /// The canonical form of a JSON text.
    ///
    /// Throws `malformed` for text that RFC 8785 gives no form to: a key that appears twice, a number beyond `Double`.
    package static func canonical(json: [UInt8]) throws(Problem) -> [UInt8] {
        let tape = try JSONTape(json)
        var canonical = Canonical(tape: tape)
        try canonical.write(0)
        return canonical.output.bytes
    }
}

private struct Canonical {
    let tape: JSONTape
    private(set) var output = JSONOutput()

    init(tape: JSONTape) { self.tape = tape }

    mutating func write(_ node: Int) throws(Problem) {
        switch tape.nodes[node].kind {
        case .null: output.appendNull()
        case .yes: output.append(true)
        case .no: output.append(false)
        case .string, .key: output.append(tape.text(node))
        case .integer, .number:
            guard let value = tape.number(node) else { throw .malformed("A number is out of range.") }
            output.bytes += ECMAScriptNumber.text(value).utf8
        case .array:
            output.bytes.append(UInt8(ascii: "["))
            for (index, element) in tape.children(of: node).enumerated() {
                if index > 0 { output.bytes.append(UInt8(ascii: ",")) }
                try write(element)
            }
            output.bytes.append(UInt8(ascii: "]"))
        case .object: try writeObject(node)
        }
    }

    private mutating func writeObject(_ node: Int) throws(Problem) {
        // RFC 8785 §3.2.3: sorted by UTF-16 code units.
        let members = tape.children(of: node).map { (name: tape.text($0), value: $0 + 1) }
            .sorted { $0.name.utf16.lexicographicallyPrecedes($1.name.utf16) }
        output.bytes.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 {
                // Compared as bytes: Swift's equality would take two normalisation forms for one.
                guard !member.name.utf8.elementsEqual(members[index - 1].name.utf8) else {
                    throw .malformed("A key appears twice.")
                }
                output.bytes.append(UInt8(ascii: ","))
            }
            output.append(member.name)
            output.bytes.append(UInt8(ascii: ":"))
            try write(member.value)
        }
        output.bytes.append(UInt8(ascii: "}"))
    }
}

/// ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20), for radix 10.
enum ECMAScriptNumber {
    static func text(_ value: Double) -> String {
        if value == 0 { return "0" }
        let (digits, exponent) = decimal(value.magnitude)
        let sign = value < 0 ? "-" : ""
        let count = digits.count
        // The value is 0.digits × 10^exponent.
        if count <= exponent, exponent <= 21 { return sign + digits + zeros(exponent - count) }
        if 0 < exponent, exponent <= 21 { return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent) }
        if -6 < exponent, exponent <= 0 { return sign + "0." + zeros(-exponent) + digits }
        let power = exponent - 1
        let suffix = "e" + (power < 0 ? "-" : "+") + String(abs(power))
        return sign + digits.prefix(1) + (count == 1 ? "" : "." + digits.dropFirst()) + suffix
    }

    /// The shortest digits that read back as the value, and where the point stands.
    private static func decimal(_ value: Double) -> (digits: String, exponent: Int) {
        // Swift's description is the shortest form, as `123.0`, `1.5e-07` or `1e+22`.
        let parts = value.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let whole = mantissa[0]
        let fraction = mantissa.count == 2 ? mantissa[1] : ""
        let power = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let digits = whole + fraction
        let leading = digits.prefix { $0 == "0" }.count
        let significant = digits.dropFirst(leading).reversed().drop { $0 == "0" }.reversed()
        return (String(significant), whole.count - leading + power)
    }

    private static func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
}
