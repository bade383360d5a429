extension Schema {
    /// The schema of a type, found by running its `init(from:)` on a decoder that takes notes.
    ///
    /// Throws `SchemaError`, with the way to it, for types that cannot be described so: those that decode a single value or
    /// a list by hand, and recursive ones. They conform to `Documented`.
    package static func of<Value: Decodable>(_ type: Value.Type) throws -> Schema {
        try SchemaRecorder().describe(type, at: String(describing: type)).schema
    }
}

/// Finds schemas, and with each a value to go on with.
final class SchemaRecorder {
    /// Types being described; meeting one again means that it contains itself.
    private var underWay: Set<ObjectIdentifier> = []

    func describe<Value: Decodable>(_ type: Value.Type, at path: String) throws -> (schema: Schema, value: Value) {
        if let documented = type as? any Documented.Type {
            return try pair(documented.schema, documented.placeholder, path)
        }
        if let scalar = Self.scalar(type) { return try pair(scalar.schema, scalar.value, path) }
        if let wrapper = type as? any Wrapper.Type {
            let (schema, value) = try wrapper.describe(with: self, at: path)
            return try pair(schema, value, path)
        }
        if let cases = type as? any CaseIterable.Type, let (names, first) = Self.choices(cases) {
            return try pair(.choice(names), first, path)
        }
        return try describeObject(type, at: path)
    }

    private func pair<Value>(_ schema: Schema, _ value: Any, _ path: String) throws -> (schema: Schema, value: Value) {
        guard let value = value as? Value else { throw SchemaError("\(path): its placeholder is of another type") }
        return (schema, value)
    }

    private func describeObject<Value: Decodable>(
        _ type: Value.Type,
        at path: String
    ) throws -> (schema: Schema, value: Value) {
        guard underWay.insert(ObjectIdentifier(type)).inserted else {
            throw SchemaError("\(path): contains itself; make the type Documented")
        }
        defer { underWay.remove(ObjectIdentifier(type)) }
        let notes = MemberNotes(path: path)
        let value = try Value(from: RecordingDecoder(recorder: self, notes: notes))
        if let wire = type as? any Wire.Type { try notes.apply(wire.limits) }
        let rule = ObjectRule(Self.name(of: type), qualifiedName: Self.qualifiedName(of: type), notes.members)
        return (Schema(.object(rule)), value)
    }

    /// `Page<Doctor>` is named `DoctorPage`.
    static func name(of type: Any.Type) -> String { flattened(String(describing: type)) }

    private static func qualifiedName(of type: Any.Type) -> String {
        flattened(String(reflecting: type).replacing(".", with: ""))
    }

    private static func flattened(_ name: String) -> String {
        guard let open = name.firstIndex(of: "<") else { return name }
        let inner = name[name.index(after: open)...].dropLast()
        return inner.split(separator: ",").map { flattened(String($0.drop { $0 == " " })) }.joined() + name[..<open]
    }

    private static func scalar(_ type: Any.Type) -> (schema: Schema, value: Any)? {
        switch type {
        case is Bool.Type: (Schema(.boolean), false)
        case is String.Type: (Schema(.string(StringRule())), "")
        case is Double.Type: (Schema(.number), 0.0)
        case let integer as any FixedWidthInteger.Type: whole(integer)
        default: nil
        }
    }

    private static func whole<Number: FixedWidthInteger>(_: Number.Type) -> (schema: Schema, value: Any) {
        let bounds = Int64(clamping: Number.min)...Int64(clamping: Number.max)
        return (Schema(.integer(bounds)), Number.zero)
    }

    private static func choices<Choice: CaseIterable>(_: Choice.Type) -> (names: [String], first: Any)? {
        let names = Choice.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
        guard let first = Choice.allCases.first, names.count == Choice.allCases.count else { return nil }
        return (names, first)
    }
}

/// Members met so far, in the order the type asked for them.
final class MemberNotes {
    let path: String
    private(set) var members: [ObjectRule.Property] = []

    init(path: String) { self.path = path }

    func note(_ key: some CodingKey, _ schema: Schema, isRequired: Bool, isPatch: Bool = false) {
        guard !members.contains(where: { $0.name == key.stringValue }) else { return }
        members.append(ObjectRule.Property(key.stringValue, schema, isRequired: isRequired, isPatch: isPatch))
    }

    func apply(_ limits: [Limit]) throws {
        for limit in limits {
            guard let index = members.firstIndex(where: { $0.name == limit.key }) else {
                throw SchemaError("\(path): has a limit for \(limit.key), which is no member")
            }
            guard members[index].schema.apply(limit.rule) else {
                throw SchemaError("\(path): the limit for \(limit.key) does not fit its type")
            }
        }
    }
}

extension Schema {
    /// Narrows the schema; `false` when the rule is for another kind.
    fileprivate mutating func apply(_ rule: Limit.Rule) -> Bool {
        switch (rule, kind) {
        case (.length(let bounds), .string(var text)):
            text.length = bounds
            kind = .string(text)
        case (.elementLength(let bounds), .array(var element, let count)):
            guard element.apply(.length(bounds)) else { return false }
            kind = .array(of: element, count: count)
        case (.count(let bounds), .array(let element, _)): kind = .array(of: element, count: bounds)
        case (.count(let bounds), .map(let element, _)): kind = .map(of: element, count: bounds)
        case (.range(let bounds), .integer): kind = .integer(bounds)
        case (.example(let json), _): example = json
        case (.describe(let words), _): text = words
        case (.secret, _): isSecret = true
        default: return false
        }
        return true
    }
}

/// Types that hold others; what `describe` cannot see through by itself.
private protocol Wrapper {
    static func describe(with recorder: SchemaRecorder, at path: String) throws -> (Schema, Any)
}

extension Optional: Wrapper where Wrapped: Decodable {
    fileprivate static func describe(with recorder: SchemaRecorder, at path: String) throws -> (Schema, Any) {
        (try recorder.describe(Wrapped.self, at: path).schema.nullable, Self.none as Any)
    }
}

extension Array: Wrapper where Element: Decodable {
    fileprivate static func describe(with recorder: SchemaRecorder, at path: String) throws -> (Schema, Any) {
        (Schema(.array(of: try recorder.describe(Element.self, at: path + "[]").schema, count: 0...Int.max)), Self())
    }
}

extension Dictionary: Wrapper where Key == String, Value: Decodable {
    fileprivate static func describe(with recorder: SchemaRecorder, at path: String) throws -> (Schema, Any) {
        (Schema(.map(of: try recorder.describe(Value.self, at: path + "{}").schema, count: 0...Int.max)), Self())
    }
}

/// What a member that is a `Patch` asks for.
private protocol PatchMember {
    static func described(with recorder: SchemaRecorder, at path: String) throws -> Schema
}

extension PresentPatch: PatchMember {
    fileprivate static func described(with recorder: SchemaRecorder, at path: String) throws -> Schema {
        try recorder.describe(Value.self, at: path).schema.nullable
    }
}

/// A decoder without input that notes what is asked of it.
private struct RecordingDecoder: Decoder {
    let recorder: SchemaRecorder
    let notes: MemberNotes
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RecordingContainer<Key>(recorder: recorder, notes: notes))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw SchemaError("\(notes.path): decodes a list by hand; make the type Documented")
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw SchemaError("\(notes.path): decodes a single value; make the type Documented")
    }
}

private struct RecordingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let recorder: SchemaRecorder
    let notes: MemberNotes
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { false }
    func decodeNil(forKey key: Key) throws -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let (schema, value) = try recorder.describe(type, at: "\(notes.path).\(key.stringValue)")
        notes.note(key, schema, isRequired: true)
        return value
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        let path = "\(notes.path).\(key.stringValue)"
        if let patch = type as? any PatchMember.Type {
            notes.note(key, try patch.described(with: recorder, at: path), isRequired: false, isPatch: true)
        } else {
            notes.note(key, try recorder.describe(type, at: path).schema.nullable, isRequired: false)
        }
        return nil
    }

    // Synthesised code calls these, not the generic one.
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try optional(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try optional(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try optional(type, key) }

    private func optional<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        let schema = try recorder.describe(type, at: "\(notes.path).\(key.stringValue)").schema
        notes.note(key, schema.nullable, isRequired: false)
        return nil
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy _: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw byHand(key) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw byHand(key) }
    func superDecoder() throws -> any Decoder { RecordingDecoder(recorder: recorder, notes: notes) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw byHand(key) }

    private func byHand(_ key: Key) -> SchemaError {
        SchemaError("\(notes.path).\(key.stringValue): is nested by hand; make the type Documented")
    }
}
