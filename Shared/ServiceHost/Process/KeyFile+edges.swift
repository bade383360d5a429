package import Bus
package import Vault

extension KeyFile {
    /// The bus edges this process stands at.
    ///
    /// Throws when the file is no process's view.
    package func edgeKeys() throws(KeyFileError) -> EdgeKeys {
        guard let edges, let currentEdgeKey else { throw KeyFileError("the key file has no bus edges") }
        return EdgeKeys(edges: edges.mapValues { $0.mapValues(\.bytes) }, currentID: currentEdgeKey)
    }
}
