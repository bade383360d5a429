/// The named schemas of a document.
package struct SchemaComponents: Sendable {
    package private(set) var schemas: [String: JSONValue] = [:]

    package init() {}

    /// Adds a schema and gives the name it stands under: the type's, with its module where another type has that name.
    mutating func add(_ schema: JSONValue, name: String, qualifiedName: String) -> String {
        var candidates = [name, qualifiedName].makeIterator()
        var candidate = candidates.next() ?? name
        var number = 2
        while let other = schemas[candidate], other != schema {
            if let next = candidates.next() {
                candidate = next
            } else {
                candidate = "\(qualifiedName)\(number)"
                number += 1
            }
        }
        schemas[candidate] = schema
        return candidate
    }
}

extension Schema {
    /// The schema in JSON Schema 2020-12, as OpenAPI 3.1 takes it; objects become components.
    package func json(_ components: inout SchemaComponents) -> JSONValue {
        var plain = kindJSON(&components)
        if isNullable { plain = .object(["anyOf": [plain, ["type": "null"]]]) }
        guard case .object(var members) = plain else { return plain }
        if let text { members["description"] = .string(text) }
        if let example, let value = Self.value(example) { members["examples"] = [value] }
        if isSecret { members["writeOnly"] = true }
        return .object(members)
    }

    private static func value(_ json: String) -> JSONValue? {
        try? JSONTape(Array(json.utf8)).decode(JSONValue.self)
    }

    private func kindJSON(_ components: inout SchemaComponents) -> JSONValue {
        switch kind {
        case .boolean: return ["type": "boolean"]
        case .number: return ["type": "number"]
        case .any, .unread: return [:]
        case .integer(let bounds):
            var members: [String: JSONValue] = ["type": "integer"]
            if bounds.lowerBound != .min { members["minimum"] = .integer(bounds.lowerBound) }
            if bounds.upperBound != .max { members["maximum"] = .integer(bounds.upperBound) }
            if bounds == .min ... .max { members["format"] = "int64" }
            return .object(members)
        case .string(let rule): return rule.json
        case .array(let element, let count):
            return .object(
                ["type": "array", "items": element.json(&components)].merging(Self.bounds(count, "Items")) { $1 }
            )
        case .map(let element, let count):
            return .object(
                ["type": "object", "additionalProperties": element.json(&components)]
                    .merging(Self.bounds(count, "Properties")) { $1 }
            )
        case .either(let schemas): return ["anyOf": .array(schemas.map { $0.json(&components) })]
        case .object(let rule):
            let name = components.add(rule.json(&components), name: rule.name, qualifiedName: rule.qualifiedName)
            return ["$ref": .string("#/components/schemas/\(name)")]
        }
    }

    fileprivate static func bounds(_ bounds: ClosedRange<Int>, _ things: String) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        if bounds.lowerBound > 0 { members["min\(things)"] = .integer(Int64(bounds.lowerBound)) }
        if bounds.upperBound < Int.max { members["max\(things)"] = .integer(Int64(bounds.upperBound)) }
        return members
    }
}

extension StringRule {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["type": "string"]
        if let format { members["format"] = .string(format) }
        if let pattern { members["pattern"] = .string(pattern) }
        if let choices { members["enum"] = .array(choices.map { .string($0) }) }
        return .object(members.merging(Schema.bounds(length, "Length")) { $1 })
    }
}

extension ObjectRule {
    /// The object with all its members; unknown ones are refused.
    func json(_ components: inout SchemaComponents) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for property in properties { members[property.name] = property.schema.json(&components) }
        var object: [String: JSONValue] = [
            "type": "object", "properties": .object(members), "additionalProperties": false,
        ]
        let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { object["required"] = .array(required) }
        return .object(object)
    }
}
