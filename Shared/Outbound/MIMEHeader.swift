import Core
import FoundationEssentials

/// Header lines, folded and encoded; refuses what would begin a line of its own.
struct MIMEHeader {
    /// RFC 5322 §2.1.1 wants lines no longer than this.
    static let lineLength = 76
    /// Bytes of text in one encoded word, so that `=?utf-8?B?…?=` keeps to 75 characters.
    private static let encodedWordBytes = 39

    private(set) var lines = ""

    /// A value of our own making.
    mutating func add(_ name: String, _ value: String) { lines += "\(name): \(value)\r\n" }

    /// A value that stands as it is, checked for control characters.
    mutating func add(_ name: String, plain value: String) throws(MIMEError) {
        try Self.check(value, name)
        add(name, value)
    }

    /// Free text, in encoded words unless it is plain ASCII.
    mutating func add(_ name: String, text: String) throws(MIMEError) {
        try Self.check(text, name)
        add(name, Self.isPlain(text) ? Self.folded(text, after: name.utf8.count + 2) : Self.encodedWords(text))
    }

    /// Free text on one line, however long: as it is, or in encoded words where a reader would not have it as it is.
    static func line(_ text: String, _ name: String) throws(MIMEError) -> String {
        try check(text, name)
        return isReadable(text) ? text : encodedWords(text, between: " ")
    }

    /// Free text whose one line is no longer than a line may be; folded where words allow it.
    mutating func add(_ name: String, line text: String) throws(MIMEError) {
        let line = try Self.line(text, name)
        add(name, Self.folded(line, after: name.utf8.count + 2))
    }

    mutating func add(_ name: String, mailbox: MIMEMessage.Mailbox) throws(MIMEError) {
        try Self.check(mailbox.address.address, name)
        guard let display = mailbox.name, !display.isEmpty else { return add(name, "<\(mailbox.address.address)>") }
        try Self.check(display, name)
        let phrase = Self.isPlain(display) ? Self.quoted(display) : Self.encodedWords(display)
        add(name, "\(phrase)\r\n <\(mailbox.address.address)>")
    }

    /// A parameter of a header, in the extended form of RFC 2231 where the value is not plain.
    static func parameter(_ name: String, _ value: String) throws(MIMEError) -> String {
        try check(value, name)
        if isPlain(value) { return "\(name)=\(quoted(value))" }
        let encoded = value.utf8.map { byte in
            let isToken =
                byte.isLetterOrDigit || ".-_".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isToken ? String(UnicodeScalar(byte)) : "%" + (digits.utf8.count < 2 ? "0" : "") + digits
        }
        return "\(name)*=utf-8''\(encoded.joined())"
    }

    private static func check(_ value: String, _ name: String) throws(MIMEError) {
        let isClean = value.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && $0.value != 0x7F && !(0x80...0x9F).contains($0.value) && $0.value != 0x2028
                && $0.value != 0x2029
        }
        guard isClean else { throw .controlCharacter(header: name) }
    }

    /// Plain ASCII that a reader could not take for an encoded word.
    private static func isPlain(_ text: String) -> Bool { isReadable(text) && text.utf8.count <= 900 }

    private static func isReadable(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 < 0x7F } && !text.contains("=?")
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : String($1) } + "\""
    }

    /// Breaks before words so that lines keep to their length where words allow it.
    private static func folded(_ text: String, after used: Int) -> String {
        var result = ""
        var length = used
        for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
            if index > 0 {
                let breaks = length + 1 + word.utf8.count > lineLength && !word.isEmpty
                result += breaks ? "\r\n " : " "
                length = breaks ? 1 : length + 1
            }
            result += word
            length += word.utf8.count
        }
        return result
    }

    /// RFC 2047 encoded words, one per line; a character is never split between two.
    private static func encodedWords(_ text: String, between: String = "\r\n ") -> String {
        var words: [[UInt8]] = [[]]
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if (words.last?.count ?? 0) + bytes.count > encodedWordBytes { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Base64.encode($0))?=" }.joined(separator: between)
    }
}

/// Base64 of header words and files.
enum Base64 {
    /// In lines of 76 characters (RFC 2045 §6.8 wants none longer), each but the last with a line break behind it.
    static func lines(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString(
            options: [.lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed]
        )
    }

    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
