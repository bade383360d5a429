package import Core

extension Schema {
    /// Most faults told of one request.
    package static let mostFaults = Problem.mostErrors
    /// Most characters, as Unicode scalars, of a key that no schema names; a longer one is a fault of its object, and not
    /// repeated.
    package static let longestKey = 200
    /// What the fault of an object with such a key says.
    package static let longKeyComplaint = "has a key longer than \(longestKey) characters"
    /// Most bytes of a fault's pointer; what is wrong deeper is told of the last place that such a pointer leads to.
    package static let longestPointer = 1_000

    /// Everything that is wrong with a value, at once; empty when it is valid.
    ///
    /// Pointers are JSON pointers (RFC 6901).
    package func violations(in tape: JSONTape) -> [Problem.Fault] {
        var check = SchemaCheck(tape: tape)
        check.value(0, self)
        return check.faults
    }
}

/// One walk over a tape with a schema.
///
/// Places are kept as node indices; a pointer is spelled only for a fault.
private struct SchemaCheck {
    private enum Step {
        case key(Int)
        case index(Int)
    }

    let tape: JSONTape
    private(set) var faults: [Problem.Fault] = []
    private var path: [Step] = []

    init(tape: JSONTape) { self.tape = tape }

    mutating func value(_ node: Int, _ schema: Schema) {
        guard faults.count < Schema.mostFaults else { return }
        let found = tape.nodes[node].kind
        if found == .null {
            switch schema.kind {
            case .any, .unread: return
            default: if !schema.isNullable { fault("must not be null") }
            }
            return
        }
        switch schema.kind {
        case .boolean: if found != .yes && found != .no { fault("must be true or false") }
        case .integer(let bounds): integer(node, bounds)
        case .number: if tape.number(node) == nil { fault("must be a number") }
        case .string(let rule): string(node, rule)
        case .array(let element, let count): array(node, element, count)
        case .map(let element, let count): map(node, element, count)
        case .object(let rule): object(node, rule)
        case .either(let schemas): either(node, schemas)
        case .any: anything(node)
        case .unread: return
        }
    }

    private mutating func integer(_ node: Int, _ bounds: ClosedRange<Int64>) {
        guard let value = tape.integer(node) else { return fault("must be a whole number") }
        guard bounds.contains(value) else {
            return fault("must be between \(bounds.lowerBound) and \(bounds.upperBound)")
        }
    }

    private mutating func string(_ node: Int, _ rule: StringRule) {
        let found = tape.nodes[node]
        guard found.kind == .string else { return fault("must be a text") }
        guard !found.hasNull else { return fault("must not contain U+0000") }
        if !fits(node, rule.length) {
            fault(Self.complaint(rule.length, "characters"))
        } else if let choices = rule.choices {
            if !choices.contains(where: { tape.matches(node, $0) }) {
                fault("must be one of \(choices.joined(separator: ", "))")
            }
        } else if let parses = rule.parses, !parses(tape.text(node)) {
            fault(rule.complaint)
        }
    }

    /// Whether a text has so many scalars.
    ///
    /// Bytes bound them from above, so most texts need no counting.
    private func fits(_ node: Int, _ bounds: ClosedRange<Int>) -> Bool {
        let bytes = Int(tape.nodes[node].length)
        if bytes <= bounds.upperBound, bounds.lowerBound <= min(bytes, 1) { return true }
        return bounds.contains(tape.text(node).unicodeScalars.count)
    }

    private mutating func array(_ node: Int, _ element: Schema, _ count: ClosedRange<Int>) {
        guard tape.nodes[node].kind == .array else { return fault("must be a list") }
        var index = node + 1
        var position = 0
        let end = Int(tape.nodes[node].next)
        while index < end {
            path.append(.index(position))
            value(index, element)
            path.removeLast()
            index = Int(tape.nodes[index].next)
            position += 1
        }
        if !count.contains(position) { fault(Self.complaint(count, "items")) }
    }

    private mutating func map(_ node: Int, _ element: Schema, _ count: ClosedRange<Int>) {
        guard tape.nodes[node].kind == .object else { return fault("must be an object") }
        let keys = tape.children(of: node)
        for key in readable(keys) {
            path.append(.key(key))
            value(key + 1, element)
            path.removeLast()
        }
        if !count.contains(keys.count) { fault(Self.complaint(count, "members")) }
    }

    private mutating func object(_ node: Int, _ rule: ObjectRule) {
        guard tape.nodes[node].kind == .object else { return fault("must be an object") }
        var seen: UInt64 = 0
        var expected = 0
        var key = node + 1
        let end = Int(tape.nodes[node].next)
        while key < end, faults.count < Schema.mostFaults {
            if isLong(key) {
                fault(Schema.longKeyComplaint)
            } else {
                path.append(.key(key))
                if let index = property(key, rule, expected) {
                    let bit: UInt64 = 1 << UInt64(index)
                    if seen & bit != 0 { fault("appears twice") }
                    seen |= bit
                    expected = index + 1
                    value(key + 1, rule.properties[index].schema)
                } else {
                    fault("is not a known key")
                }
                path.removeLast()
            }
            key = Int(tape.nodes[key + 1].next)
        }
        for (index, property) in rule.properties.enumerated()
        where property.isRequired && seen & 1 << UInt64(index) == 0 {
            fault("is required", below: property.name)
        }
    }

    /// Members mostly stand in the order they are declared, so the next one is compared first.
    private func property(_ key: Int, _ rule: ObjectRule, _ expected: Int) -> Int? {
        if expected < rule.properties.count, tape.matches(key, rule.properties[expected].bytes) { return expected }
        return rule.properties.firstIndex { tape.matches(key, $0.bytes) }
    }

    private mutating func either(_ node: Int, _ schemas: [Schema]) {
        let before = faults
        var first: [Problem.Fault]?
        for schema in schemas {
            value(node, schema)
            if faults.count == before.count { return }
            if first == nil { first = faults }
            faults = before
        }
        faults = first ?? before
    }

    /// A value of any shape: no U+0000, no key twice, no number past what can be counted with.
    private mutating func anything(_ node: Int) {
        guard faults.count < Schema.mostFaults else { return }
        switch tape.nodes[node].kind {
        case .string: if tape.nodes[node].hasNull { fault("must not contain U+0000") }
        case .integer, .number: if tape.number(node) == nil { fault("is too large a number") }
        case .array:
            for (position, element) in tape.children(of: node).enumerated() {
                path.append(.index(position))
                anything(element)
                path.removeLast()
            }
        case .object:
            for key in readable(tape.children(of: node)) {
                path.append(.key(key))
                anything(key + 1)
                path.removeLast()
            }
        case .null, .yes, .no, .key: break
        }
    }

    /// Of the keys of an object whose names are free, those whose values are looked into: all but the long ones.
    private mutating func readable(_ keys: [Int]) -> [Int] {
        var readable: [Int] = []
        var names: Set<[UInt8]> = []
        for key in keys {
            guard faults.count < Schema.mostFaults else { break }
            guard !isLong(key) else {
                fault(Schema.longKeyComplaint)
                continue
            }
            readable.append(key)
            path.append(.key(key))
            if tape.nodes[key].hasNull { fault("must not contain U+0000") }
            if !names.insert(Array(tape.text(key).utf8)).inserted { fault("appears twice") }
            path.removeLast()
        }
        return readable
    }

    /// Bytes bound the scalars from above, so most keys need no counting.
    private func isLong(_ key: Int) -> Bool {
        Int(tape.nodes[key].length) > Schema.longestKey
            && tape.text(key).unicodeScalars.count > Schema.longestKey
    }

    private mutating func fault(_ detail: String, below member: String? = nil) {
        guard faults.count < Schema.mostFaults else { return }
        var steps = path.map { step -> String in
            switch step {
            case .index(let position): "/\(position)"
            case .key(let node): JSONPointer.step(tape.text(node))
            }
        }
        if let member { steps.append(JSONPointer.step(member)) }
        var pointer = ""
        for step in steps {
            guard pointer.utf8.count + step.utf8.count <= Schema.longestPointer else { break }
            pointer += step
        }
        faults.append(Problem.Fault(pointer: pointer, detail))
    }

    private static func complaint(_ bounds: ClosedRange<Int>, _ things: String) -> String {
        bounds.upperBound == Int.max
            ? "must have at least \(bounds.lowerBound) \(things)"
            : "must have \(bounds.lowerBound) to \(bounds.upperBound) \(things)"
    }
}
