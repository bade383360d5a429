/// A part of an e-mail, or the whole of it (RFC 5322, 2045): its header fields, and what stands behind the empty line.
///
/// Nothing that strangers write is refused here: what makes no sense is text, as mail programs have it.
struct MailEntity: Sendable {
    /// Fields that are read of one part; the rest is passed over.
    static let mostFields = 500
    /// The longest value that is read, in bytes.
    static let longestValue = 16 * 1_024

    /// In their order, names in lower case, values unfolded.
    private(set) var fields: [(name: String, value: [UInt8])] = []
    private(set) var body: ArraySlice<UInt8> = []
    /// What it is unless it says so.
    private let usualType: String

    /// - Parameter usualType: `message/rfc822` inside a digest.
    init(_ bytes: ArraySlice<UInt8>, usualType: String = "text/plain") {
        self.usualType = usualType
        var rest = MailLines(bytes)
        var isFirst = true
        while let line = rest.next() {
            if line.content.isEmpty { break }
            if isFirst, line.content.starts(with: "From ".utf8) {
                // The line that mail boxes put before each message.
            } else if let first = line.content.first, first == 0x20 || first == 0x09 {
                // Blanks before the first field belong to none.
                if !fields.isEmpty { unfold(line.content) }
            } else if let field = Self.field(line.content) {
                if fields.count < Self.mostFields { fields.append(field) }
            } else {
                // The empty line is missing: this is the text already.
                rest.back(to: line)
                break
            }
            isFirst = false
        }
        body = rest.remaining
    }

    /// What has come with its header apart from it.
    init(header: ArraySlice<UInt8>, body: ArraySlice<UInt8>) {
        self.init(header)
        self.body = body
    }

    private mutating func unfold(_ line: ArraySlice<UInt8>) {
        let last = fields.count - 1
        guard fields[last].value.count + line.count <= Self.longestValue else { return }
        fields[last].value += line
    }

    private static func field(_ line: ArraySlice<UInt8>) -> (name: String, value: [UInt8])? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == 0x20 || $0 == 0x09 }
        return (String(decoding: line[..<colon], as: UTF8.self).lowercased(), Array(value.prefix(longestValue)))
    }

    /// The first value of a field, as it was written.
    subscript(name: String) -> String? {
        fields.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// The first value of a field with its encoded words read (RFC 2047).
    func text(_ name: String) -> String? { self[name].map(EncodedWords.decode) }

    /// What it is, such as `text/plain`, and the parameters.
    var type: MailParameters {
        let type = self["content-type"].map { MailParameters($0) }
        guard let type, type.value.split(separator: "/", omittingEmptySubsequences: false).count == 2 else {
            return MailParameters(usualType)
        }
        return type
    }

    var disposition: MailParameters? { self["content-disposition"].map { MailParameters($0) } }

    /// What the file is called, if it is one with a name.
    var filename: String? {
        let name = disposition?["filename"] ?? type["name"]
        return name.map { EncodedWords.decode($0) }
    }

    /// The body without its transfer encoding (RFC 2045 §6).
    var content: [UInt8] {
        switch (self["content-transfer-encoding"] ?? "").lowercased().filter({ !$0.isWhitespace }) {
        case "base64": TransferEncoding.base64(body)
        case "quoted-printable": TransferEncoding.quotedPrintable(body)
        default: Array(body)
        }
    }

    /// The parts of a multipart body; none where the boundary is missing.
    func parts(most: Int) -> [MailEntity] { countedParts(most: most).read }

    /// The parts of a multipart body that are read, and how many there are beyond them.
    func countedParts(most: Int) -> (read: [MailEntity], further: Int) {
        let type = type
        guard type.value.hasPrefix("multipart/"), let boundary = type["boundary"], !boundary.isEmpty else {
            return ([], 0)
        }
        let usual = type.value == "multipart/digest" ? "message/rfc822" : "text/plain"
        let (pieces, further) = Self.pieces(of: body, boundary, most: most)
        return (pieces.map { MailEntity($0, usualType: usual) }, further)
    }

    private static func pieces(
        of body: ArraySlice<UInt8>,
        _ boundary: String,
        most: Int
    ) -> (read: [ArraySlice<UInt8>], further: Int) {
        let mark = Array("--\(boundary)".utf8)
        var lines = MailLines(body)
        var found: [ArraySlice<UInt8>] = []
        var further = 0
        func take(_ piece: ArraySlice<UInt8>) {
            if found.count < most { found.append(piece) } else { further += 1 }
        }
        var start: Int?
        // The line break before a boundary belongs to the boundary.
        var end = body.startIndex
        while let line = lines.next() {
            var tail = line.content.starts(with: mark) ? line.content.dropFirst(mark.count) : nil
            let closes = tail?.starts(with: "--".utf8) == true
            if closes { tail = tail?.dropFirst(2) }
            guard let tail, tail.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else {
                end = line.content.endIndex
                continue
            }
            if let start { take(body[start..<max(start, end)]) }
            if closes { return (found, further) }
            start = lines.remaining.startIndex
            end = lines.remaining.startIndex
        }
        // Cut off on the way.
        if let start { take(body[start...]) }
        return (found, further)
    }
}

/// The lines of a text, whatever ends them.
struct MailLines {
    struct Line {
        /// Without what ends it.
        let content: ArraySlice<UInt8>
    }

    private(set) var remaining: ArraySlice<UInt8>
    private let whole: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        remaining = bytes
        whole = bytes
    }

    mutating func next() -> Line? {
        guard !remaining.isEmpty else { return nil }
        let end = remaining.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? remaining.endIndex
        let line = Line(content: remaining[remaining.startIndex..<end])
        var next = end
        if next < remaining.endIndex {
            let isPair = remaining[next] == 0x0D && next + 1 < remaining.endIndex && remaining[next + 1] == 0x0A
            next += isPair ? 2 : 1
        }
        remaining = remaining[next...]
        return line
    }

    /// Lets a line be read again.
    mutating func back(to line: Line) { remaining = whole[line.content.startIndex...] }
}
