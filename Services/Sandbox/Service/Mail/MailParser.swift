import Contracts
import Core

/// Reads as much of a message (RFC 5322, 2045, 2047) as an inbox shows: headers, plain text, HTML.
struct MailParser {
    struct Part {
        var headers: [(name: String, value: String)]
        var body: ArraySlice<UInt8>

        subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
    }

    static let deepest = 8

    let headers: [(name: String, value: String)]
    private(set) var text: String?
    private(set) var html: String?
    private(set) var files: [ReceivedFile] = []

    init(_ bytes: [UInt8]) {
        let whole = Self.split(bytes[...])
        headers = whole.headers.map { ($0.name, EncodedWords.decode($0.value)) }
        collect(whole, depth: 0)
    }

    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }

    private mutating func collect(_ part: Part, depth: Int) {
        let type = part["content-type"] ?? "text/plain"
        let kind = type.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        if kind.hasPrefix("multipart/"), depth < Self.deepest, let boundary = Self.parameter("boundary", of: type) {
            for piece in Self.pieces(part.body, boundary) { collect(Self.split(piece), depth: depth + 1) }
        } else if let disposition = part["content-disposition"],
            !disposition.hasPrefix("inline;") || part["content-id"] != nil
        {
            files.append(
                ReceivedFile(
                    name: Self.filename(of: disposition),
                    type: kind,
                    contentID: part["content-id"]?.filter { $0 != "<" && $0 != ">" },
                    bytes: Self.bytes(part)
                )
            )
        } else if kind == "text/html", html == nil {
            html = Self.decoded(part)
        } else if kind == "text/plain", text == nil {
            text = Self.decoded(part)
        }
    }

    private static func decoded(_ part: Part) -> String {
        String(decoding: bytes(part), as: UTF8.self).replacing("\r\n", with: "\n")
    }

    /// RFC 2231: percent-encoded where it is not plain.
    private static func filename(of disposition: String) -> String {
        guard let extended = parameter("filename*", of: disposition) else {
            return parameter("filename", of: disposition) ?? ""
        }
        let value = extended.split(separator: "'", omittingEmptySubsequences: false).last ?? ""
        return PercentCoding.decode(value, plusIsSpace: false) ?? ""
    }

    private static func bytes(_ part: Part) -> [UInt8] {
        let encoding = (part["content-transfer-encoding"] ?? "").lowercased().filter { !$0.isWhitespace }
        return switch encoding {
        case "base64": Base64Text.decode(String(decoding: part.body, as: UTF8.self)) ?? []
        case "quoted-printable": EncodedWords.unquote(part.body, isHeader: false)
        default: Array(part.body)
        }
    }

    /// Headers, unfolded, and what stands behind the empty line.
    private static func split(_ bytes: ArraySlice<UInt8>) -> Part {
        var headers: [(name: String, value: String)] = []
        var rest = bytes
        while let line = takeLine(&rest), !line.isEmpty {
            let text = String(decoding: line, as: UTF8.self)
            if let first = text.first, first == " " || first == "\t", let last = headers.indices.last {
                headers[last].value += " " + text.drop { $0 == " " || $0 == "\t" }
            } else if let colon = text.firstIndex(of: ":") {
                headers.append((String(text[..<colon]), String(text[text.index(after: colon)...].drop { $0 == " " })))
            }
        }
        return Part(headers: headers, body: rest)
    }

    private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if rest.isEmpty { return nil }
        let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
        var line = rest[rest.startIndex..<end]
        rest = rest[min(end + 1, rest.endIndex)...]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        return line
    }

    private static func pieces(_ body: ArraySlice<UInt8>, _ boundary: String) -> [ArraySlice<UInt8>] {
        let mark = Array("--\(boundary)".utf8)
        var rest = body
        var start: Int?
        var found: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            let lineStart = rest.startIndex
            guard let line = takeLine(&rest) else { break }
            guard line.starts(with: mark) else { continue }
            if let start { found.append(trimmed(body[start..<lineStart])) }
            if line.dropFirst(mark.count).starts(with: Array("--".utf8)) { return found }
            start = rest.startIndex
        }
        return found
    }

    /// Without the line break that belongs to the boundary.
    private static func trimmed(_ piece: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var piece = piece
        if piece.last == UInt8(ascii: "\n") { piece = piece.dropLast() }
        if piece.last == UInt8(ascii: "\r") { piece = piece.dropLast() }
        return piece
    }

    private static func parameter(_ name: String, of value: String) -> String? {
        for part in value.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].filter({ !$0.isWhitespace }).lowercased() == name else { continue }
            return String(pair[1].drop { $0 == " " }).filter { $0 != "\"" }
        }
        return nil
    }
}

/// `=?UTF-8?B?…?=` and quoted-printable (RFC 2047, RFC 2045 §6.7); other character sets are shown as they stand.
enum EncodedWords {
    static func decode(_ value: String) -> String {
        guard value.contains("=?") else { return value }
        var out = ""
        var wasEncoded = false
        for word in value.split(separator: " ", omittingEmptySubsequences: false) {
            let parts = word.split(separator: "?", omittingEmptySubsequences: false)
            let isWord = parts.count == 5 && parts[0] == "=" && parts[4] == "="
            guard isWord, let text = text(of: parts) else {
                out += (out.isEmpty ? "" : " ") + word
                wasEncoded = false
                continue
            }
            // Blanks between two encoded words are not part of the text.
            out += (out.isEmpty || wasEncoded ? "" : " ") + text
            wasEncoded = true
        }
        return out
    }

    private static func text(of parts: [Substring]) -> String? {
        guard ["utf-8", "us-ascii"].contains(parts[1].lowercased()) else { return nil }
        switch parts[2].lowercased() {
        case "b": return Base64Text.decode(parts[3]).map { String(decoding: $0, as: UTF8.self) }
        case "q": return String(decoding: unquote(Array(parts[3].utf8)[...], isHeader: true), as: UTF8.self)
        default: return nil
        }
    }

    static func unquote(_ bytes: ArraySlice<UInt8>, isHeader: Bool) -> [UInt8] {
        var out: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "=") else {
                out.append(isHeader && byte == UInt8(ascii: "_") ? UInt8(ascii: " ") : byte)
                continue
            }
            if index + 1 < bytes.endIndex, let high = bytes[index].hexValue, let low = bytes[index + 1].hexValue {
                out.append(high << 4 | low)
                index += 2
            } else {
                // A soft line break.
                if index < bytes.endIndex, bytes[index] == UInt8(ascii: "\r") { index += 1 }
                if index < bytes.endIndex, bytes[index] == UInt8(ascii: "\n") { index += 1 }
            }
        }
        return out
    }
}
