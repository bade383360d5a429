extension JSONTape {
    /// The text without the space around its tokens and with the members of every object sorted by name; numbers and texts
    /// stay as they were written.
    ///
    /// What two writers of the same value differ in, and nothing else, is taken away: two texts whose numbers read
    /// differently stay two.
    package var plain: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        write(0, to: &output)
        return output
    }

    private func write(_ node: Int, to output: inout [UInt8]) {
        switch nodes[node].kind {
        case .object: writeMembers(of: node, to: &output)
        case .array:
            output.append(UInt8(ascii: "["))
            for (place, element) in children(of: node).enumerated() {
                if place > 0 { output.append(UInt8(ascii: ",")) }
                write(element, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .null, .yes, .no, .integer, .number, .string, .key: output += source(node)
        }
    }

    /// A name is compared as it reads, so that one written with escapes stands where it stands without.
    private func writeMembers(of node: Int, to output: inout [UInt8]) {
        let keys = children(of: node)
        let isSorted = zip(keys, keys.dropFirst()).allSatisfy { !precedes($1, $0) }
        output.append(UInt8(ascii: "{"))
        for (place, key) in (isSorted ? keys : keys.sorted(by: precedes)).enumerated() {
            if place > 0 { output.append(UInt8(ascii: ",")) }
            output += source(key)
            output.append(UInt8(ascii: ":"))
            write(key + 1, to: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    private func precedes(_ one: Int, _ other: Int) -> Bool {
        if nodes[one].hasEscapes || nodes[other].hasEscapes {
            return text(one).utf8.lexicographicallyPrecedes(text(other).utf8)
        }
        return name(one).lexicographicallyPrecedes(name(other))
    }

    /// A key without escapes, its quotes left out.
    private func name(_ key: Int) -> ArraySlice<UInt8> { source(key).dropFirst().dropLast() }
}
