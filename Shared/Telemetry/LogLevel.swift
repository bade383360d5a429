package import Logging
import Synchronization

/// The level of all loggers of this process that have none of their own; may be changed while it runs.
package final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    package init(_ level: Logger.Level = .info) { self.level = Mutex(level) }

    package var current: Logger.Level { level.withLock { $0 } }
    package func change(to next: Logger.Level) { level.withLock { $0 = next } }
}
