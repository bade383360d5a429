import Synchronization

/// Ring keys that entries named and this process lacks: while there is one, it is not ready.
final class MissingKeys: Sendable {
    private let ids = Mutex<Set<String>>([])

    var isEmpty: Bool { ids.withLock { $0.isEmpty } }

    /// Notes a missing key; `true` the first time.
    func isMissing(_ id: String) -> Bool { ids.withLock { $0.insert(id).inserted } }

    func found(_ id: String) { ids.withLock { _ = $0.remove(id) } }
}
