import Crypto
import FoundationEssentials
import Synchronization

/// The keys of the edges one process stands at, by ring key and edge; it can neither open nor seal anything else.
package final class EdgeKeys: Sendable {
    private let keys: [String: [String: SymmetricKey]]
    /// The ring key that entries are sealed with.
    package let currentID: String

    /// The ids of the ring keys this process holds; reported so that one is promoted only when everybody has it.
    package var keyIDs: [String] { keys.keys.sorted() }

    /// Takes a key file's view: ring key id → edge name → 32 bytes.
    package init(edges: [String: [String: [UInt8]]], currentID: String) {
        keys = edges.mapValues { $0.mapValues { SymmetricKey(data: $0) } }
        self.currentID = currentID
    }

    /// Derives the keys of a process from the whole ring.
    package convenience init(ring: [(id: String, key: [UInt8])], currentID: String, process: String) {
        let edges = ring.map { ($0.id, Self.derive(from: $0.key, for: process)) }
        self.init(edges: Dictionary(edges) { first, _ in first }, currentID: currentID)
    }

    /// The keys that a process is given of one ring key: edge name → 32 bytes (HKDF-SHA256).
    package static func derive(from ringKey: [UInt8], for process: String) -> [String: [UInt8]] {
        let ring = SymmetricKey(data: ringKey)
        return Dictionary(
            Edge.edges(of: process).map { edge in
                let key = HKDF<SHA256>.deriveKey(
                    inputKeyMaterial: ring,
                    info: Array("polyclinic bus edge 1|\(edge.name)".utf8),
                    outputByteCount: 32
                )
                return (edge.name, unsafe key.withUnsafeBytes { unsafe [UInt8]($0) })
            }
        ) { first, _ in first }
    }

    enum Lookup {
        case key(SymmetricKey)
        /// The ring key is not here yet: the entry waits.
        case unknownID
        /// This process does not stand at that edge.
        case foreignEdge
    }

    func find(_ id: String, _ edge: String) -> Lookup {
        guard let ring = keys[id] else { return .unknownID }
        guard let key = ring[edge] else { return .foreignEdge }
        return .key(key)
    }
}
