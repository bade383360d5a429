import Core

/// In which languages a text is looked for, one after the other.
enum LocaleChain {
    /// What the built-in templates all have.
    static let last = "en"

    /// `de-AT`, `de`, then the clinic's, then English; each once.
    ///
    /// Of a tag that says more, such as `de-CH-1996`, the language, script and region count; what is no language tag is passed
    /// over.
    static func locales(wanted: [String?], clinic: String?) -> [String] {
        (wanted + [clinic, last]).compactMap { $0.flatMap(understood) }.flatMap(shortening)
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The tag as BCP 47 writes it, `zh-Hant-TW` for `ZH_hant_tw`; `nil` unless it is a language with at most a script and a
    /// region.
    static func canonical(_ tag: String) -> String? {
        let parts = tag.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "_" }
        guard let language = parts.first, (2...3).contains(language.utf8.count), isLetters(language) else { return nil }
        var tag = language.lowercased()
        var rest = parts.dropFirst()
        if let script = rest.first, script.utf8.count == 4, isLetters(script) {
            tag += "-" + script.prefix(1).uppercased() + script.dropFirst().lowercased()
            rest = rest.dropFirst()
        }
        if let region = rest.first {
            let isNumber = region.utf8.count == 3 && region.utf8.allSatisfy(\.isDigit)
            guard isNumber || region.utf8.count == 2 && isLetters(region) else { return nil }
            tag += "-" + region.uppercased()
            rest = rest.dropFirst()
        }
        return rest.isEmpty ? tag : nil
    }

    /// Whether the text has the form of a language tag (RFC 5646): subtags of letters and digits, the first of letters.
    static func isTag(_ text: String) -> Bool {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "_" }
        guard let language = parts.first, (2...8).contains(language.utf8.count), isLetters(language) else {
            return false
        }
        return parts.dropFirst().allSatisfy { part in
            (1...8).contains(part.utf8.count) && part.utf8.allSatisfy(\.isLetterOrDigit)
        }
    }

    /// As much of the beginning of a tag as has a canonical form; `nil` for what is no tag.
    private static func understood(_ tag: String) -> String? {
        guard isTag(tag) else { return nil }
        let parts = tag.split { $0 == "-" || $0 == "_" }
        return (0..<parts.count).lazy.compactMap { canonical(parts.dropLast($0).joined(separator: "-")) }.first
    }

    private static func shortening(_ tag: String) -> [String] {
        let parts = tag.split(separator: "-")
        return (0..<parts.count).map { parts.dropLast($0).joined(separator: "-") }
    }

    private static func isLetters(_ text: Substring) -> Bool {
        text.utf8.allSatisfy(\.isLetter)
    }
}
