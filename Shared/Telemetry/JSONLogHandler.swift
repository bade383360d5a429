import Core
package import Logging

/// Writes each log event as one line of JSON.
///
/// Keys that are not `LogKey`s are named under `dropped` and their values left out; whatever looks like an e-mail address,
/// a phone number or a URL's credentials is blotted out of messages and values.
package struct JSONLogHandler: LogHandler {
    /// Longer texts are cut.
    package static let longestText = 4_096

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let service: String
    private let label: String
    private let level: LogLevel
    private var ownLevel: Logger.Level?
    private let write: @Sendable ([UInt8]) -> Void

    package init(service: String, label: String, level: LogLevel, write: @escaping @Sendable ([UInt8]) -> Void) {
        self.service = service
        self.label = label
        self.level = level
        self.write = write
    }

    package var logLevel: Logger.Level {
        get { ownLevel ?? level.current }
        set { ownLevel = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = JSONLine()
        line.add("time", Instant.now().rfc3339)
        line.add("level", event.level.rawValue)
        line.add("service", service)
        if label != service { line.add("logger", label) }
        line.add("message", Self.clean(event.message.description))
        if let error = event.error { line.add(LogKey.errorType.rawValue, String(reflecting: type(of: error))) }
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        var dropped: [String] = []
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            if LogKey(rawValue: key) != nil {
                line.add(key, Self.clean(value.description))
            } else {
                dropped.append(key)
            }
        }
        if !dropped.isEmpty { line.add("dropped", dropped.joined(separator: ",")) }
        write(line.finished())
    }

    private static func clean(_ text: String) -> String {
        PersonalDataFilter.blot(text.utf8.count > longestText ? String(text.prefix(longestText)) + "…" : text)
    }
}
