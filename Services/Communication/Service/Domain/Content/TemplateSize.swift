/// How long a text of a template can become, told by its form and its values before it is filled in.
///
/// What stands in the section of a list is repeated for each of its texts, in sections within it once more for each:
/// what that comes to is known before anything is made of it.
struct TemplateSize: Sendable {
    /// Bytes that each passing of a tag counts for beside what it writes, so that turns which write nothing end, too.
    static let ofTag = 16
    /// Where counting ends; no product of two such numbers is too large for an `Int`.
    private static let most = 1 << 30

    private struct Section: Sendable {
        let name: String
        let isInverted: Bool
    }

    /// What lies between two tags, and the tag that ends it.
    private struct Piece: Sendable {
        /// The sections it stands in, outermost first.
        let sections: [Section]
        /// Bytes that stand as they are, and what the tag counts for.
        let bytes: Int
        /// What the tag writes; `nil` where it begins or ends a section, and for comments.
        let value: String?
    }

    private let pieces: [Piece]

    /// - Parameter text: one in which `TemplateSyntax` finds no fault; what it does not allow is not looked for.
    init(_ text: String) {
        let bytes = Array(text.utf8)
        var pieces: [Piece] = []
        var open: [Section] = []
        var position = 0
        while let start = TemplateSyntax.find(UInt8(ascii: "{"), in: bytes, from: position),
            let end = TemplateSyntax.find(UInt8(ascii: "}"), in: bytes, from: start + 2)
        {
            let tag = String(decoding: bytes[start + 2..<end], as: UTF8.self)
            let name = String(tag.dropFirst().filter { $0 != " " })
            let isValue = tag.first.map { !"#^/!".contains($0) } ?? false
            let value = isValue ? tag.filter { $0 != " " } : nil
            pieces.append(Piece(sections: open, bytes: start - position + Self.ofTag, value: value))
            switch tag.first {
            case "#": open.append(Section(name: name, isInverted: false))
            case "^": open.append(Section(name: name, isInverted: true))
            case "/": if !open.isEmpty { open.removeLast() }
            default: break
            }
            position = end + 2
        }
        pieces.append(Piece(sections: open, bytes: bytes.count - position, value: nil))
        self.pieces = pieces
    }

    /// Bytes that the text has at most with these values, its tags counted too.
    ///
    /// - Parameters:
    ///   - words: what the template is filled in with, by the variables' names.
    ///   - isEscaped: whether values are escaped as HTML.
    func most(with words: [String: Any], isEscaped: Bool) -> Int {
        var sum = 0
        for piece in pieces {
            let times = piece.sections.reduce(1) { Self.product($0, Self.turns(of: $1, with: words)) }
            sum += Self.product(times, piece.bytes)
            if piece.value == ".", let list = piece.sections.last {
                let outer = piece.sections.dropLast().reduce(1) { Self.product($0, Self.turns(of: $1, with: words)) }
                sum += Self.product(outer, Self.bytes(of: words[list.name], isEscaped: isEscaped))
            } else if let value = piece.value {
                sum += Self.product(times, Self.bytes(of: words[value], isEscaped: isEscaped))
            }
            guard sum < Self.most else { return Self.most }
        }
        return sum
    }

    /// How often at most a section is passed.
    private static func turns(of section: Section, with words: [String: Any]) -> Int {
        if section.isInverted { return 1 }
        return switch words[section.name] {
        case let texts as [String]: texts.count
        case let flag as Bool: flag ? 1 : 0
        case let value: value == nil ? 0 : 1
        }
    }

    /// Bytes that a value has in all.
    private static func bytes(of value: Any?, isEscaped: Bool) -> Int {
        let texts = value as? [String] ?? (value as? String).map { [$0] } ?? []
        return texts.reduce(0) { $0 + (isEscaped ? bytesEscaped($1) : $1.utf8.count) }
    }

    private static func bytesEscaped(_ text: String) -> Int {
        text.utf8.reduce(0) { sum, byte in
            switch byte {
            case UInt8(ascii: "\""): sum + 6
            case UInt8(ascii: "&"), UInt8(ascii: "'"): sum + 5
            case UInt8(ascii: "<"), UInt8(ascii: ">"): sum + 4
            default: sum + 1
            }
        }
    }

    private static func product(_ one: Int, _ other: Int) -> Int { min(one, most) * min(other, most) }
}
