/// A header whose value is a list (RFC 9110 §5.6.1).
package enum FieldList {
    /// What stands between its commas, without the spaces and tabs around it; nothing between two is no element.
    package static func elements(_ field: String) -> [Substring] {
        field.split(separator: ",").compactMap { piece in
            let element = piece.drop(while: isBlank)
            return element.lastIndex { !isBlank($0) }.map { element[...$0] }
        }
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
}
