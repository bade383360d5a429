import Core

/// The name of a service's schema: a lower-case SQL identifier that needs no quotes.
package struct SchemaName: Hashable, Sendable, CustomStringConvertible {
    /// PostgreSQL keeps 63 bytes of an identifier; the roles `polyclinic_<schema>_installation` must fit too.
    package static let longest = 35

    package let name: String

    /// `nil` unless it is `[a-z][a-z0-9_]*` of at most `longest` characters.
    package init?(_ name: String) {
        let isWord = name.utf8.allSatisfy {
            $0.isSmallLetter || $0.isDigit || $0 == UInt8(ascii: "_")
        }
        guard let first = name.utf8.first, first.isSmallLetter, isWord, name.utf8.count <= Self.longest
        else { return nil }
        self.name = name
    }

    package var description: String { name }
    /// The role a service logs in as.
    package var serviceRole: String { "polyclinic_\(name)" }
    /// The role behind a door.
    package func role(of door: Door) -> String { "polyclinic_\(name)_\(door.rawValue)" }
}

/// The ways a transaction may cross clinics: each a role with its own policies and a small pool of its own.
package enum Door: String, Hashable, Sendable, CaseIterable {
    /// Outbox, inbox, jobs, dead letters.
    case relay
    /// Pending audit entries.
    case sequencer
    /// Tables of keyed hash → clinic and nothing else.
    case lookup
    /// Tables of the installation itself, and what its administrators may see of all clinics.
    case installation
}
