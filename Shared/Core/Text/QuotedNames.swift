/// Names in quotes before an `@`, as e-mail addresses have them, where they stand in a text of people or machines.
package enum QuotedNames {
    /// What stands in a name's place.
    private static let standIn = "x"

    /// The text with each of them in one plain word, so that it is no more than other addresses are: `x@b.example` of
    /// `"A. Rao"@b.example`.
    ///
    /// In one pass: the text may be a stranger's, made to be looked through again and again.
    package static func plain(_ text: String) -> String {
        guard text.contains("\"@") else { return text }
        var result: [Character] = []
        // Where quotes open or close, those that are escaped left out.
        var quotes: [Int] = []
        var isEscaped = false
        for character in text {
            if character == "@", result.last == "\"" {
                // The last one closes the name, unless it is escaped; where none is before it, it may open another name later.
                let closing = quotes.last == result.count - 1 ? 1 : 0
                if let start = quotes.dropLast(closing).last {
                    quotes.removeLast(closing + 1)
                    result.removeSubrange(start...)
                    result += standIn
                }
            }
            if character == "\"", !isEscaped { quotes.append(result.count) }
            isEscaped = character == "\\" && !isEscaped
            result.append(character)
        }
        return String(result)
    }
}
