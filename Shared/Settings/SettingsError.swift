/// A setting that is missing or cannot be used; says which one, never its value.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        case missing
        /// Both the key and its `_FILE` variant are set.
        case givenTwice
        /// The value is not what the text says it must be.
        case unreadable(String)
        case unreadableFile
        case emptyFile
    }

    package let key: String
    package let reason: Reason

    package init(_ key: String, _ reason: Reason) {
        self.key = key
        self.reason = reason
    }

    package var description: String {
        switch reason {
        case .missing: "The setting \(key) (or \(key)_FILE) is missing."
        case .givenTwice: "Set either \(key) or \(key)_FILE, not both."
        case .unreadable(let wanted): "The setting \(key) must be \(wanted)."
        case .unreadableFile: "The file named by \(key)_FILE cannot be read as text."
        case .emptyFile: "The file named by \(key)_FILE is empty."
        }
    }
}
