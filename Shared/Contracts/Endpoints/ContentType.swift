import Core

/// A `Content-Type`, taken apart.
package enum ContentType {
    /// The type and its parameters, in lower case and without the space around them.
    package static func parts(of header: String?) -> [String] {
        (header ?? "").split(separator: ";").map { part in
            String(part.lowercased()[...].trimming { $0 == " " || $0 == "\t" })
        }
    }

    /// The type without its parameters; empty where none is said.
    package static func type(of header: String?) -> String { parts(of: header).first ?? "" }
}
