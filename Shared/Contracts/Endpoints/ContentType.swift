/// A `Content-Type`, taken apart.
package enum ContentType {
    /// The type and its parameters, in lower case and without the space around them.
    package static func parts(of header: String?) -> [String] {
        (header ?? "").split(separator: ";").map { part in
            let isSpace = { (character: Character) in character == " " || character == "\t" }
            return String(part.lowercased().drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        }
    }

    /// The type without its parameters; empty where none is said.
    package static func type(of header: String?) -> String { parts(of: header).first ?? "" }
}
