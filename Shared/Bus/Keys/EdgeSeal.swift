import Core
import Crypto
import FoundationEssentials

/// Seals a part of an event that only the two processes at an edge may read: not PostgreSQL, not Redis, and none of the
/// topic's other consumers.
///
/// The result is `format 1 ‖ ring key id behind its length ‖ nonce 12 ‖ ciphertext ‖ tag 16`. What it belongs to is
/// authenticated and not stored, so it opens nowhere else.
package struct EdgeSeal: Sendable {
    private static let format: UInt8 = 1

    private let edge: Edge
    private let keys: EdgeKeys

    package init(_ edge: Edge, keys: EdgeKeys) {
        self.edge = edge
        self.keys = keys
    }

    /// Seals under the ring key that is current.
    package func seal(_ content: [UInt8], for place: [[UInt8]]) throws(EdgeSealError) -> [UInt8] {
        let key = try key(keys.currentID)
        guard
            let box = try? AES.GCM.seal(content, using: key, authenticating: associatedData(place)),
            let combined = box.combined
        else { throw .forged }
        var out = ByteWriter(capacity: content.count + 64)
        out.byte(Self.format)
        out.text(keys.currentID)
        return out.bytes + combined
    }

    /// Opens what was sealed for the same place.
    package func open(_ sealed: [UInt8], for place: [[UInt8]]) throws(EdgeSealError) -> [UInt8] {
        var reader = ByteReader(sealed)
        guard let format = try? reader.byte(), format == Self.format, let id = try? reader.text() else { throw .forged }
        var header = ByteWriter()
        header.byte(format)
        header.text(id)
        let key = try key(id)
        guard
            let box = try? AES.GCM.SealedBox(combined: sealed.dropFirst(header.bytes.count)),
            let content = try? AES.GCM.open(box, using: key, authenticating: associatedData(place))
        else { throw .forged }
        return Array(content)
    }

    /// The id of the ring key that something is sealed under; `nil` for what was not sealed here.
    package static func keyID(of sealed: [UInt8]) -> String? {
        var reader = ByteReader(sealed)
        guard let format = try? reader.byte(), format == Self.format else { return nil }
        return try? reader.text()
    }

    private func key(_ id: String) throws(EdgeSealError) -> SymmetricKey {
        switch keys.find(id, edge.name) {
        case .key(let key): return key
        case .unknownID: throw .unknownKey(id)
        case .foreignEdge: throw .foreignEdge
        }
    }

    private func associatedData(_ place: [[UInt8]]) -> [UInt8] {
        var out = ByteWriter()
        out.text(edge.name)
        out.number(place.count)
        for part in place { out.block(part) }
        return out.bytes
    }
}

/// Why something cannot be sealed for an edge or opened at it.
package enum EdgeSealError: Error, Hashable, Sendable {
    /// Its ring key has not reached this process; it will.
    case unknownKey(String)
    /// This process does not stand at the edge.
    case foreignEdge
    /// Not sealed by who it says, changed, or meant for another place.
    case forged
}

extension EdgeSealError: TransientFailure {
    package var isTransient: Bool {
        if case .unknownKey = self { true } else { false }
    }

    package var logDescription: String {
        switch self {
        case .unknownKey(let id): "unknown_key \(id)"
        case .foreignEdge: "foreign_edge"
        case .forged: "forged"
        }
    }
}
