import Configuration
package import Core
import FoundationEssentials

/// What the operator has set: environment variables, each also as `<KEY>_FILE`, the path of a file that holds the value.
///
/// Every error names the key and never shows the value. A key that is set to nothing counts as not set.
package struct Settings: Sendable {
    /// The largest file a `<KEY>_FILE` may name.
    package static let largestFile = 1 << 20

    private let provider: EnvironmentVariablesProvider

    /// Reads the environment of this process.
    package static func load() -> Settings { Settings(provider: EnvironmentVariablesProvider()) }

    /// Settings given as they stand, for tools and tests.
    package init(_ values: [String: String]) {
        self.init(provider: EnvironmentVariablesProvider(environmentVariables: values))
    }

    private init(provider: EnvironmentVariablesProvider) { self.provider = provider }

    /// The text of a key; `nil` when it is not set.
    package func string(_ key: String) throws(SettingsError) -> String? {
        let direct = raw(key)
        guard let path = raw(key + "_FILE") else { return direct }
        guard direct == nil else { throw SettingsError(key, .givenTwice) }
        return try contents(of: path, for: key)
    }

    /// The text of a key, or the default when it is not set.
    package func string(_ key: String, default fallback: String) throws(SettingsError) -> String {
        try string(key) ?? fallback
    }

    /// The text of a key that must be set.
    package func required(_ key: String) throws(SettingsError) -> String {
        guard let text = try string(key) else { throw SettingsError(key, .missing) }
        return text
    }

    /// A text that never shows itself; `nil` when it is not set.
    package func secret(_ key: String) throws(SettingsError) -> Secret? { try string(key).map { Secret($0) } }

    /// A text that never shows itself and must be set.
    package func requiredSecret(_ key: String) throws(SettingsError) -> Secret { Secret(try required(key)) }

    /// A whole number within the range; `nil` when it is not set.
    package func int(_ key: String, in range: ClosedRange<Int> = 0...Int.max) throws(SettingsError) -> Int? {
        guard let text = try string(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw SettingsError(key, .unreadable("a whole number from \(range.lowerBound) to \(range.upperBound)"))
        }
        return number
    }

    /// A whole number within the range, or the default when it is not set.
    package func int(
        _ key: String,
        default fallback: Int,
        in range: ClosedRange<Int> = 0...Int.max
    ) throws(SettingsError) -> Int { try int(key, in: range) ?? fallback }

    /// A TCP port, 0 for one of the system's choice; `nil` when it is not set.
    package func port(_ key: String) throws(SettingsError) -> Int? { try int(key, in: 0...65_535) }

    /// A switch: `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`; the default when it is not set.
    package func bool(_ key: String, default fallback: Bool = false) throws(SettingsError) -> Bool {
        guard let text = try string(key) else { return fallback }
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw SettingsError(key, .unreadable("on or off"))
        }
    }

    /// A list separated by commas, without empty items; empty when the key is not set.
    package func list(_ key: String) throws(SettingsError) -> [String] {
        (try string(key) ?? "").split(separator: ",").map { Self.trimmed(String($0)) }.filter { !$0.isEmpty }
    }

    private func raw(_ key: String) -> String? {
        // The provider keeps the environment in memory: reading a name cannot fail.
        guard let text = try? provider.environmentValue(forName: key), !text.isEmpty else { return nil }
        return text
    }

    private func contents(of path: String, for key: String) throws(SettingsError) -> String {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch { throw SettingsError(key, .unreadableFile) }
        guard data.count <= Self.largestFile, let text = String(data: data, encoding: .utf8) else {
            throw SettingsError(key, .unreadableFile)
        }
        let value = Self.trimmed(text)
        guard !value.isEmpty else { throw SettingsError(key, .emptyFile) }
        return value
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
