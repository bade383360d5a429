/// A value with parameters, as `Content-Type` has them (RFC 2045 §5.1, RFC 2231).
struct MailParameters: Sendable {
    /// Parameters that are read of one field.
    static let most = 50

    /// In lower case.
    let value: String
    private var parameters: [String: String] = [:]

    init(_ text: String) {
        let parts = Self.split(text)
        value = (parts.first ?? "").lowercased().filter { !$0.isWhitespace }
        var pieces: [String: [(place: Int, isEncoded: Bool, text: String)]] = [:]
        for part in parts.dropFirst().prefix(Self.most) {
            guard let equals = part.firstIndex(of: "=") else { continue }
            var name = part[..<equals].lowercased().filter { !$0.isWhitespace }
            let text = Self.unquoted(part[part.index(after: equals)...])
            let isEncoded = name.hasSuffix("*")
            if isEncoded { name.removeLast() }
            if let star = name.lastIndex(of: "*"), let place = Int(name[name.index(after: star)...]) {
                pieces[String(name[..<star]), default: []].append((place, isEncoded, text))
            } else if isEncoded {
                pieces[name, default: []].append((0, true, text))
            } else if parameters[name] == nil {
                parameters[name] = text
            }
        }
        for (name, list) in pieces { parameters[name] = Self.joined(list.sorted { $0.place < $1.place }) }
    }

    subscript(name: String) -> String? { parameters[name] }

    /// The pieces of one value; the first says in which character set those are that are percent-encoded.
    private static func joined(_ pieces: [(place: Int, isEncoded: Bool, text: String)]) -> String {
        var bytes: [UInt8] = []
        var charset = "utf-8"
        for (index, piece) in pieces.enumerated() {
            var text = Substring(piece.text)
            if index == 0, piece.isEncoded {
                let halves = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
                if halves.count == 3 {
                    charset = String(halves[0])
                    text = halves[2]
                }
            }
            bytes += piece.isEncoded ? TransferEncoding.percent(text) : Array(text.utf8)
        }
        return MailCharset.decode(bytes[...], charset)
    }

    /// At semicolons outside quotes.
    private static func split(_ text: String) -> [String] {
        var parts = [""]
        var isQuoted = false
        var isEscaped = false
        for character in text {
            if character == ";", !isQuoted {
                parts.append("")
                continue
            }
            if character == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = character == "\\" && isQuoted && !isEscaped
            parts[parts.count - 1].append(character)
        }
        return parts
    }

    private static func unquoted(_ text: Substring) -> String {
        let trimmed = text.trimmingBlanks
        guard trimmed.hasPrefix("\"") else { return String(trimmed) }
        var result = ""
        var isEscaped = false
        for character in trimmed.dropFirst() {
            if isEscaped {
                result.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                break
            } else {
                result.append(character)
            }
        }
        return result
    }
}

extension Substring {
    /// Without the blanks and line breaks around it.
    var trimmingBlanks: Substring {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
