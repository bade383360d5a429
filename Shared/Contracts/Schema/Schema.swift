/// What a value must look like: one description for checking requests and for the OpenAPI document.
package struct Schema: Sendable {
    package indirect enum Kind: Sendable {
        case boolean
        case integer(ClosedRange<Int64>)
        case number
        case string(StringRule)
        case array(of: Schema, count: ClosedRange<Int>)
        case map(of: Schema, count: ClosedRange<Int>)
        case object(ObjectRule)
        /// One of several: the first whose check passes; the faults of the first are told.
        case either([Schema])
        /// Any JSON.
        case any
        /// JSON that whoever takes it checks by itself.
        case unread
    }

    package var kind: Kind
    package var isNullable = false
    /// Taken, never given back in the clear.
    package var isSecret = false
    package var text: String?
    /// As JSON.
    package var example: String?

    package init(_ kind: Kind, text: String? = nil, example: String? = nil) {
        self.kind = kind
        self.text = text
        self.example = example
    }
}

/// What a text must look like.
package struct StringRule: Sendable {
    /// JSON Schema's or our own `format`.
    package var format: String?
    /// Unicode scalars.
    package var length: ClosedRange<Int>
    /// The only values, where there are few.
    package var choices: [String]?
    package var pattern: String?
    /// The parser of the type behind it; what parses is valid.
    package var parses: (@Sendable (String) -> Bool)?
    /// What a fault says when it does not parse: `is not a UUID`.
    package var complaint: String
    /// Stands for bytes of a raw body.
    package var isRawBody = false

    package init(
        format: String? = nil,
        length: ClosedRange<Int> = 0...Int.max,
        choices: [String]? = nil,
        pattern: String? = nil,
        complaint: String = "is not valid",
        parses: (@Sendable (String) -> Bool)? = nil
    ) {
        self.format = format
        self.length = length
        self.choices = choices
        self.pattern = pattern
        self.parses = parses
        self.complaint = complaint
    }
}

/// The members an object has; any other key is a fault.
package struct ObjectRule: Sendable {
    /// Most members of one object: each has a bit while an object is checked.
    package static let mostProperties = 64

    package struct Property: Sendable {
        package var name: String
        package var schema: Schema
        package var isRequired: Bool
        /// Whether `null` has a meaning of its own in a merge patch.
        package var isPatch: Bool
        /// The name's bytes, compared without making a `String`.
        let bytes: [UInt8]

        package init(_ name: String, _ schema: Schema, isRequired: Bool = true, isPatch: Bool = false) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
            self.isPatch = isPatch
            bytes = Array(name.utf8)
        }
    }

    /// The type's name, for the document's components.
    package var name: String
    /// The same with its module, should two types share a name.
    package var qualifiedName: String
    package var properties: [Property]

    package init(_ name: String, qualifiedName: String? = nil, _ properties: [Property]) {
        precondition(properties.count <= Self.mostProperties, "Cannot describe \(name): more than 64 members")
        self.name = name
        self.qualifiedName = qualifiedName ?? name
        self.properties = properties
    }
}

/// A type whose schema cannot be derived, with the way to it.
package struct SchemaError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension Schema {
    /// The text of a type with a parser of its own.
    package static func string(
        format: String? = nil,
        length: ClosedRange<Int> = 0...Int.max,
        pattern: String? = nil,
        example: String? = nil,
        complaint: String = "is not valid",
        parses: (@Sendable (String) -> Bool)? = nil
    ) -> Schema {
        Schema(
            .string(StringRule(format: format, length: length, pattern: pattern, complaint: complaint, parses: parses)),
            example: example.map(JSONWriter.quoted)
        )
    }

    /// A text that is one of a few.
    package static func choice(_ values: [String]) -> Schema { Schema(.string(StringRule(choices: values))) }

    /// The same with `null` allowed.
    package var nullable: Schema {
        var schema = self
        schema.isNullable = true
        return schema
    }

    /// For RFC 7396: `null` is taken only where it clears something.
    var asMergePatch: Schema {
        guard case .object(var rule) = kind else { return self }
        for index in rule.properties.indices where !rule.properties[index].isPatch && !rule.properties[index].isRequired
        {
            rule.properties[index].schema.isNullable = false
        }
        var schema = self
        schema.kind = .object(rule)
        return schema
    }

    /// The members, of an object.
    package var properties: [ObjectRule.Property] {
        if case .object(let rule) = kind { rule.properties } else { [] }
    }
}
