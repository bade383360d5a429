package import Core
import Crypto
import FoundationEssentials

/// What `POLYCLINIC_KEYS_FILE` holds: every key of the installation, or what one process may see of it.
///
/// The whole file belongs to the operator. Each process is given `view(for:edges:)`, in which key-encryption and blind
/// index keys are derived for it alone, so that no service can open another's records.
package struct KeyFile: Codable, Sendable, Equatable {
    /// The only layout so far.
    package static let currentVersion = 1

    /// A symmetric key with the id under which records name it.
    package struct Key: Codable, Sendable, Hashable {
        package var id: String
        package var key: KeyMaterial
        /// The one that new records are sealed with; exactly one of a ring is.
        package var current: Bool

        package init(id: String, key: KeyMaterial, current: Bool) {
            self.id = id
            self.key = key
            self.current = current
        }
    }

    /// An Ed25519 key; `key` is its 32-byte seed.
    package struct SigningKey: Codable, Sendable, Hashable {
        package var id: String
        package var key: KeyMaterial

        package init(id: String, key: KeyMaterial) {
            self.id = id
            self.key = key
        }
    }

    /// An ES256 key for access tokens.
    ///
    /// `current` signs; the others are published so that they can become current.
    package struct TokenKey: Codable, Sendable, Hashable {
        package var id: String
        /// The 32-byte private scalar; absent in the view of a process that only verifies.
        package var key: KeyMaterial?
        /// The uncompressed point (65 bytes, X9.63), base64.
        package var publicKey: KeyMaterial
        package var current: Bool
        /// When another key became current in its place; tokens that were signed until then are good until they expire.
        package var supersededAt: Instant?
    }

    package var version: Int
    /// The process this view is for; `nil` for the whole file.
    package var process: KeyHolder?
    package var keyEncryptionKeys: [Key]
    /// The ring edge keys are derived from; empty in a view.
    package var busKeys: [Key]
    /// Key id → edge name → 32 bytes: the edges of the bus this process stands at.
    ///
    /// `nil` in the whole file.
    package var edges: [String: [String: KeyMaterial]]?
    /// The id in `edges` that entries are sealed with now.
    package var currentEdgeKey: String?
    package var auditSigningKey: SigningKey?
    package var jwtSigningKeys: [TokenKey]
    package var blindIndexKey: KeyMaterial?
}

/// A process that is given keys of its own.
package enum KeyHolder: Hashable, Sendable, Codable, CustomStringConvertible {
    case gateway
    case service(ServiceName)

    package static let all: [KeyHolder] = [.gateway] + ServiceName.allCases.map(KeyHolder.service)

    package var description: String {
        switch self {
        case .gateway: "gateway"
        case .service(let name): name.rawValue
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let holder = Self.all.first(where: { $0.description == name }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a process: \(name)")
        }
        self = holder
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension KeyFile {
    /// Reads and checks a key file; the error says what is wrong and never shows a key.
    package init(json: [UInt8]) throws(KeyFileError) {
        do {
            self = try JSONDecoder().decode(KeyFile.self, from: Data(json))
        } catch {
            throw KeyFileError("The key file is not valid JSON of a key file.")
        }
        try check()
    }

    /// The file's text: sorted keys, indented, one newline at the end.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    func check() throws(KeyFileError) {
        guard version == Self.currentVersion else { throw KeyFileError("Unknown key file version \(version).") }
        try Self.check(ring: keyEncryptionKeys, "keyEncryptionKeys", mayBeEmpty: process == .gateway)
        try Self.check(ring: busKeys, "busKeys", mayBeEmpty: process != nil)
        if let edges {
            guard let currentEdgeKey, edges[currentEdgeKey] != nil else {
                throw KeyFileError("currentEdgeKey names none of the edges.")
            }
            guard edges.values.allSatisfy({ $0.values.allSatisfy { $0.bytes.count == KeyMaterial.byteCount } }) else {
                throw KeyFileError("An edge key does not have \(KeyMaterial.byteCount) bytes.")
            }
        }
        if !jwtSigningKeys.isEmpty && jwtSigningKeys.count(where: \.current) != 1 {
            throw KeyFileError("jwtSigningKeys must have exactly one current key.")
        }
        if let blindIndexKey, blindIndexKey.bytes.count != KeyMaterial.byteCount {
            throw KeyFileError("blindIndexKey does not have \(KeyMaterial.byteCount) bytes.")
        }
    }

    private static func check(ring: [Key], _ name: String, mayBeEmpty: Bool) throws(KeyFileError) {
        if ring.isEmpty && mayBeEmpty { return }
        guard ring.count(where: \.current) == 1 else {
            throw KeyFileError("\(name) must have exactly one current key.")
        }
        guard Set(ring.map(\.id)).count == ring.count else { throw KeyFileError("\(name) has an id twice.") }
        guard ring.allSatisfy({ $0.key.bytes.count == KeyMaterial.byteCount }) else {
            throw KeyFileError("A key of \(name) does not have \(KeyMaterial.byteCount) bytes.")
        }
    }
}

/// A key file that cannot be used, or a change of it that is refused.
///
/// The text never shows a key.
package struct KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
