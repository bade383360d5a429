package import Contracts
package import Core

/// The role that a grant names: a built-in one, or one that the clinic made for itself.
///
/// On the wire the built-in role's name or the other's id.
package enum RoleReference: Hashable, Sendable {
    case builtIn(Role)
    case custom(RoleID)

    /// Reads the wire form; `nil` for anything else.
    ///
    /// Whether a clinic has a role of that id is not known here.
    package init?(_ text: String) {
        if let role = Role(rawValue: text) {
            self = .builtIn(role)
        } else if let id = RoleID(text) {
            self = .custom(id)
        } else {
            return nil
        }
    }

    /// The wire form; what principals and audit entries name the role by.
    package var text: String {
        switch self {
        case .builtIn(let role): role.rawValue
        case .custom(let id): id.description
        }
    }

    /// Held for the installation rather than in one clinic.
    package var isSystem: Bool {
        if case .builtIn(let role) = self { role.isSystem } else { false }
    }

    /// The id of a role that a clinic made.
    package var custom: RoleID? {
        if case .custom(let id) = self { id } else { nil }
    }
}

extension RoleReference: Documented {
    package static var schema: Schema {
        .string(
            format: "role",
            length: 1...64,
            example: Role.receptionist.rawValue,
            complaint: "is not a role",
            parses: { RoleReference($0) != nil }
        )
    }
    package static var placeholder: RoleReference { .builtIn(.patient) }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let role = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a role")
        }
        self = role
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
