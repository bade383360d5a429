import Core

/// Blots e-mail addresses, phone numbers and URL credentials out of text: the second line of defence behind `LogKey`.
package enum PersonalDataFilter {
    /// What stands in the place of what was found.
    package static let blot = "••••"
    /// A `+` with at least so many digits behind it is taken for a phone number.
    static let fewestPhoneDigits = 7

    /// The text without anything that looks like an address or a number of a person.
    package static func blot(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "+") }) else { return text }
        var result = ""
        var word = ""
        for character in QuotedNames.plain(text) {
            if endsWord(character) {
                result += shown(word)
                result.append(character)
                word = ""
            } else {
                word.append(character)
            }
        }
        return result + shown(word)
    }

    private static func endsWord(_ character: Character) -> Bool {
        character.isWhitespace || "\"'<>(){}[],;".contains(character)
    }

    private static func shown(_ word: String) -> String {
        if word.contains("@"), word.count > 1 { return blot }
        guard let plus = word.firstIndex(of: "+") else { return word }
        let digits = word[plus...].dropFirst().prefix { $0.isNumber || $0 == "-" || $0 == "." }.filter(\.isNumber)
        return digits.count >= fewestPhoneDigits ? blot : word
    }
}
