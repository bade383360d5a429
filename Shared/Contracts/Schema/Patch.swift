/// A member of a merge patch (RFC 7396) that can be cleared.
package enum Patch<Value: Codable & Sendable>: Sendable {
    case absent
    case clear
    case set(Value)

    /// The value after the patch.
    package func applied(to present: Value?) -> Value? {
        switch self {
        case .absent: present
        case .clear: nil
        case .set(let value): value
        }
    }
}

extension Patch: Equatable where Value: Equatable {}

extension Patch: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = container.decodeNil() ? .clear : .set(try container.decode(Value.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if case .set(let value) = self { try container.encode(value) } else { try container.encodeNil() }
    }
}

// Synthesised code picks these overloads, so that an absent key is told apart from `null`.
extension KeyedDecodingContainer {
    package func decode<Value>(_: Patch<Value>.Type, forKey key: Key) throws -> Patch<Value> {
        try decodeIfPresent(PresentPatch<Value>.self, forKey: key)?.patch ?? (contains(key) ? .clear : .absent)
    }
}

extension KeyedEncodingContainer {
    package mutating func encode<Value>(_ patch: Patch<Value>, forKey key: Key) throws {
        switch patch {
        case .absent: break
        case .clear: try encodeNil(forKey: key)
        case .set(let value): try encode(value, forKey: key)
        }
    }
}

/// A `Patch` member whose key is there; lets a schema recorder see that the member is a patch.
struct PresentPatch<Value: Codable & Sendable>: Decodable {
    let patch: Patch<Value>

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        patch = container.decodeNil() ? .clear : .set(try container.decode(Value.self))
    }
}
