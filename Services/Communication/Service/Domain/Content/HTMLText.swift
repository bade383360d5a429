/// E-mails have both parts: here each is made of the other.
enum HTMLText {
    /// The text as a plain page: paragraphs, lines, and addresses that can be opened.
    static func page(_ text: String, locale: String) -> String {
        let paragraphs = text.split(separator: "\n\n").map { paragraph in
            let lines = paragraph.split(separator: "\n", omittingEmptySubsequences: false).map(linked)
            return "<p>\(lines.joined(separator: "<br>"))</p>"
        }
        return "<!doctype html><html lang=\"\(escaped(locale))\"><body>\(paragraphs.joined())</body></html>"
    }

    static func escaped(_ text: some StringProtocol) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// What a page says, for those who read no HTML.
    static func plain(_ html: String) -> String {
        var writer = PlainWriter()
        var rest = Substring(html)
        while let open = rest.firstIndex(of: "<") {
            writer.write(rest[..<open])
            rest = rest[open...]
            guard let tag = HTMLTag.first(of: rest) else {
                writer.write("<")
                rest = rest.dropFirst()
                continue
            }
            rest = rest[tag.end...]
            if let name = tag.hidesContent {
                rest = Self.after("</\(name)", in: rest)
            } else {
                writer.tag(tag)
            }
        }
        writer.write(rest)
        return writer.text
    }

    /// What follows the tag that begins so; nothing when there is none.
    private static func after(_ tag: String, in rest: Substring) -> Substring {
        var rest = rest
        while let open = rest.firstIndex(of: "<") {
            rest = rest[open...]
            if rest.prefix(tag.count).lowercased() == tag {
                guard let close = rest.firstIndex(of: ">") else { return "" }
                return rest[rest.index(after: close)...]
            }
            rest = rest.dropFirst()
        }
        return ""
    }

    private static func linked(_ line: Substring) -> String {
        line.split(separator: " ", omittingEmptySubsequences: false).map { word in
            guard word.hasPrefix("https://") || word.hasPrefix("http://") else { return escaped(word) }
            let end = word.lastIndex { !".,;:!?)".contains($0) } ?? word.startIndex
            let (link, after) = (escaped(word[...end]), escaped(word[word.index(after: end)...]))
            return "<a href=\"\(link)\">\(link)</a>\(after)"
        }.joined(separator: " ")
    }
}

/// A tag or comment of a page.
struct HTMLTag {
    /// Small letters; empty for comments and declarations.
    let name: String
    let isClosing: Bool
    /// Where the tag leads, of an `a`.
    let href: String?
    /// Behind the tag.
    let end: Substring.Index

    /// The tag at the beginning of a text; `nil` where `<` begins none.
    static func first(of text: Substring) -> HTMLTag? {
        if text.hasPrefix("<!--") {
            let end = text.firstRange(of: "-->")?.upperBound ?? text.endIndex
            return HTMLTag(name: "", isClosing: false, href: nil, end: end)
        }
        let body = text.dropFirst()
        guard let first = body.first, first.isLetter || first == "/" || first == "!" || first == "?" else { return nil }
        let inside = body[..<end(of: body)]
        let name = inside.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }.lowercased()
        return HTMLTag(
            name: name,
            isClosing: first == "/",
            href: name == "a" && first != "/" ? href(in: inside) : nil,
            end: inside.endIndex < body.endIndex ? body.index(after: inside.endIndex) : inside.endIndex
        )
    }

    /// The place of the `>` that ends a tag; one in quotes does not.
    private static func end(of tag: Substring) -> Substring.Index {
        var quote: Character?
        return tag.firstIndex { character in
            if let open = quote {
                if character == open { quote = nil }
                return false
            }
            if character == "\"" || character == "'" { quote = character }
            return character == ">"
        } ?? tag.endIndex
    }

    private static func href(in tag: Substring) -> String? {
        guard let range = tag.firstRange(of: "href=") else { return nil }
        let rest = tag[range.upperBound...]
        guard let quote = rest.first else { return nil }
        if quote == "\"" || quote == "'" { return String(rest.dropFirst().prefix { $0 != quote }) }
        return String(rest.prefix { !$0.isWhitespace })
    }

    /// The name of an element whose content is not for reading.
    var hidesContent: String? {
        !isClosing && ["style", "script", "head", "title", "template"].contains(name) ? name : nil
    }
}

/// Writes what a page says: white space as one blank, blocks as lines and paragraphs.
private struct PlainWriter {
    private static let paragraphs: Set<String> = [
        "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "section", "article",
    ]
    private static let lines: Set<String> = ["div", "tr", "li", "br", "header", "footer", "hr"]

    private(set) var text = ""
    /// Line breaks before what comes next.
    private var breaks = 0
    private var needsSpace = false
    private var link: (href: String, start: String.Index)?

    mutating func write(_ raw: Substring) {
        for character in HTMLEntities.decoded(raw) {
            if character.isWhitespace || character == "\u{A0}" {
                needsSpace = true
            } else {
                put(character)
            }
        }
    }

    mutating func tag(_ tag: HTMLTag) {
        if Self.paragraphs.contains(tag.name) { breaks = max(breaks, 2) }
        if tag.name == "br" { breaks = min(breaks + 1, 2) }
        if Self.lines.contains(tag.name) { breaks = max(breaks, 1) }
        if tag.name == "td" || tag.name == "th" { needsSpace = true }
        if tag.name == "li", !tag.isClosing {
            put("-")
            needsSpace = true
        }
        guard tag.name == "a" else { return }
        if let href = tag.href { link = (HTMLEntities.decoded(Substring(href)), text.endIndex) }
        if tag.isClosing { endLink() }
    }

    /// Says where a link leads, unless its own text does.
    private mutating func endLink() {
        guard let link else { return }
        self.link = nil
        let shown = text[link.start...].drop { $0.isWhitespace }
        guard link.href.hasPrefix("http"), shown != link.href else { return }
        let isEmpty = shown.isEmpty
        needsSpace = needsSpace || !isEmpty
        for character in isEmpty ? link.href : "(\(link.href))" { put(character) }
    }

    private mutating func put(_ character: Character) {
        if text.isEmpty {
            (breaks, needsSpace) = (0, false)
        } else if breaks > 0 {
            text += String(repeating: "\n", count: breaks)
        } else if needsSpace {
            text += " "
        }
        (breaks, needsSpace) = (0, false)
        text.append(character)
    }
}

/// The entities that texts are written with.
private enum HTMLEntities {
    private static let named: [Substring: String] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "ndash": "–", "mdash": "—",
        "hellip": "…", "euro": "€", "pound": "£", "copy": "©", "reg": "®", "bull": "•", "middot": "·", "lsquo": "‘",
        "rsquo": "’", "ldquo": "“", "rdquo": "”", "laquo": "«", "raquo": "»", "auml": "ä", "ouml": "ö", "uuml": "ü",
        "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "ccedil": "ç", "shy": "",
    ]
    private static let longest = 10

    static func decoded(_ text: Substring) -> String {
        var decoded = ""
        var rest = text
        while let start = rest.firstIndex(of: "&") {
            decoded += rest[..<start]
            let after = rest[rest.index(after: start)...]
            let name = after.prefix(Self.longest).prefix { $0 != ";" }
            let end = name.endIndex
            if end < after.endIndex, after[end] == ";", let character = character(name) {
                decoded += character
                rest = after[after.index(after: end)...]
            } else {
                decoded += "&"
                rest = after
            }
        }
        return decoded + rest
    }

    private static func character(_ name: Substring) -> String? {
        guard name.first == "#" else { return named[name] }
        let digits = name.dropFirst()
        let isHex = digits.first == "x" || digits.first == "X"
        let value = isHex ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return value.flatMap(Unicode.Scalar.init).map { String(Character($0)) }
    }
}
