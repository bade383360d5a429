/// `=?utf-8?q?…?=` in headers (RFC 2047): texts that are not ASCII.
enum EncodedWords {
    /// Words of one value that are read; what follows stays as it stands.
    static let most = 200

    static func decode(_ value: String) -> String {
        guard value.contains("=?") else { return value }
        var text = ""
        // Words beside each other may split a character between them: their bytes are read together.
        var pending: (charset: String, bytes: [UInt8])?
        var rest = Substring(value)
        var count = 0
        func flush() {
            if let word = pending { text += MailCharset.decode(word.bytes[...], word.charset) }
            pending = nil
        }
        while let mark = rest.firstRange(of: "=?"), count < most {
            let before = rest[..<mark.lowerBound]
            guard let word = word(at: rest[mark.lowerBound...]) else {
                flush()
                text += rest[..<mark.upperBound]
                rest = rest[mark.upperBound...]
                continue
            }
            count += 1
            // Blanks between two words are no part of the text.
            if pending == nil || !before.allSatisfy(\.isWhitespace) {
                flush()
                text += before
            }
            if let last = pending, last.charset == word.charset {
                pending?.bytes += word.bytes
            } else {
                flush()
                pending = (word.charset, word.bytes)
            }
            rest = rest[word.end...]
        }
        flush()
        return text + rest
    }

    private static func word(at text: Substring) -> (charset: String, bytes: [UInt8], end: String.Index)? {
        // Charset, perhaps with a language (RFC 2231 §5), encoding and text, none of which has a question mark.
        let parts = text.dropFirst(2).split(separator: "?", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[3].hasPrefix("="), !parts[0].isEmpty,
            !parts[2].contains(where: { $0 == " " || $0 == "\t" })
        else { return nil }
        let charset = String(parts[0].prefix { $0 != "*" }).lowercased()
        let end = parts[3].index(after: parts[3].startIndex)
        switch parts[1].lowercased() {
        case "b": return (charset, TransferEncoding.base64(parts[2].utf8), end)
        case "q": return (charset, TransferEncoding.quotedWord(parts[2].utf8), end)
        default: return nil
        }
    }
}
