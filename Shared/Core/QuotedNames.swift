/// Names in quotes before an `@`, as e-mail addresses have them, where they stand in a text of people or machines.
package enum QuotedNames {
    /// What stands in a name's place.
    private static let standIn = "x"

    /// The text with each of them in one plain word, so that it is no more than other addresses are: `x@b.example` of
    /// `"A. Rao"@b.example`.
    package static func plain(_ text: String) -> String {
        guard text.contains("\"@") else { return text }
        var result: [Character] = []
        for character in text {
            if character == "@", let start = start(in: result) {
                result.removeSubrange(start...)
                result += standIn
            }
            result.append(character)
        }
        return String(result)
    }

    /// Where the quotes open that a text ends with.
    private static func start(in text: [Character]) -> Int? {
        guard text.last == "\"" else { return nil }
        return text.indices.dropLast().last { text[$0] == "\"" && !isEscaped($0, in: text) }
    }

    private static func isEscaped(_ place: Int, in text: [Character]) -> Bool {
        !text[..<place].reversed().prefix { $0 == "\\" }.count.isMultiple(of: 2)
    }
}
