package import Contracts
package import Core

/// A provider's credentials, by key; secret ones among them, so that nothing of it ever prints.
package typealias Credentials = Redacted<[String: JSONValue]>

extension Redacted where Value == [String: JSONValue] {
    /// The text of a key; `nil` if it is absent or no text.
    package func text(_ key: String) -> String? { unredacted[key]?.string }

    /// A key's text or texts: secrets may be lists of two while they rotate.
    package func texts(_ key: String) -> [String] {
        switch unredacted[key] {
        case .string(let text): [text]
        case .array(let values): values.compactMap(\.string)
        default: []
        }
    }
}

/// How secrets look to whoever reads a configuration back.
package enum Mask {
    static let dots = "••••"
    /// Shorter secrets show nothing of themselves.
    static let shortestShown = 12

    /// `••••1234`.
    package static func masked(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text):
            .string(text.unicodeScalars.count >= shortestShown ? dots + text.suffix(4) : dots)
        case .array(let values): .array(values.map(masked))
        default: .string(dots)
        }
    }

    /// Whether a value is one that `masked` gave, and no secret.
    package static func isMasked(_ value: JSONValue) -> Bool {
        switch value {
        case .string(let text): text.hasPrefix(dots)
        case .array(let values): values.contains(where: isMasked)
        default: false
        }
    }
}
