import CoreMetrics
import Glibc
package import Logging
import Metrics
package import Settings
import Synchronization

/// Logs and metrics of this process.
package enum Telemetry {
    /// Everything measured in this process; `/metrics` shows it.
    package static let metrics = MetricsRegistry()
    /// The level of the process's loggers.
    package static let level = LogLevel()

    /// Guards against a second set-up: the logging and metrics systems take one per process.
    private static let isSetUp = Mutex(false)

    /// Sends log lines to standard error and measurements to `metrics`; a second call changes the level only.
    ///
    /// - Parameter service: stands on every log line.
    package static func bootstrap(service: String, level: Logger.Level = .info) {
        Self.level.change(to: level)
        let isFirst = isSetUp.withLock { done in
            defer { done = true }
            return !done
        }
        guard isFirst else { return }
        LoggingSystem.bootstrap { label in
            JSONLogHandler(service: service, label: label, level: Self.level, write: writeToStandardError)
        }
        MetricsSystem.bootstrap(metrics)
    }

    /// The same with the level of the setting `LOG_LEVEL` (`trace` … `critical`, default `info`).
    package static func bootstrap(service: String, settings: Settings) throws(SettingsError) {
        bootstrap(service: service, level: try logLevel(settings))
    }

    /// The level that `LOG_LEVEL` names.
    package static func logLevel(_ settings: Settings) throws(SettingsError) -> Logger.Level {
        guard let text = try settings.string("LOG_LEVEL") else { return .info }
        guard let level = Logger.Level(rawValue: text.lowercased()) else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingsError("LOG_LEVEL", .unreadable("one of \(names)"))
        }
        return level
    }

    /// One `write` per line, so that lines of several threads do not mix.
    private static func writeToStandardError(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(written)
        }
    }
}
