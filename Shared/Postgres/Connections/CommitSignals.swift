import Core
import Synchronization

/// What a commit leaves to be done by others of this process: rows of a table that somebody works off.
package struct CommitNews: Hashable, Sendable {
    private let name: String

    /// - Parameter name: the table's.
    package init(_ name: String) { self.name = name }
}

/// Who is woken by which commits of a database.
final class CommitSignals: Sendable {
    private let signals = Mutex<[CommitNews: WakeSignal]>([:])

    subscript(news: CommitNews) -> WakeSignal {
        signals.withLock { signals in
            if let signal = signals[news] { return signal }
            let signal = WakeSignal()
            signals[news] = signal
            return signal
        }
    }
}
