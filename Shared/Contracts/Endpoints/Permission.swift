import Core

/// What a caller may do to a kind of resource: `appointments:create`.
///
/// On the wire its name.
package struct Permission: Hashable, Sendable, CustomStringConvertible {
    /// The kind of resource, plural, snake_case.
    package let resource: String
    /// What is done to it: `create`, `read`, `update`, `delete`, or as named.
    package let action: String

    /// Declares a permission; anything but `resource:action` in `a-z_` is a programmer's error.
    package init(_ name: StaticString) {
        guard let parsed = Self(parsing: name.description) else {
            preconditionFailure("Cannot declare the permission \(name): resource:action is expected")
        }
        self = parsed
    }

    /// Reads `resource:action`; `nil` for anything else.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ part in
                !part.isEmpty && part.utf8.allSatisfy { $0.isSmallLetter || $0 == UInt8(ascii: "_") }
            })
        else { return nil }
        resource = String(parts[0])
        action = String(parts[1])
    }

    /// `resource:action`.
    package var name: String { "\(resource):\(action)" }
    package var description: String { name }
}

extension Permission: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let permission = Self(parsing: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a permission")
        }
        self = permission
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

extension Principal {
    /// Whether the caller holds a permission that the operation `asksWithin`, in more than a record of their own.
    package func holds(_ permission: Permission) -> Bool { heldWithin?.contains(permission.name) == true }
}
