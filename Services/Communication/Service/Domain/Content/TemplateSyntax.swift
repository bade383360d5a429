import CommunicationAPI
import Core

/// Which of Mustache a template may use, so that it neither reaches out nor leaves a blank.
///
/// Allowed are `{{name}}`, `{{#name}}…{{/name}}`, `{{^name}}…{{/name}}`, `{{.}}` for the texts of a list, and comments.
/// Unescaped values, partials, blocks, other delimiters, pragmas, functions and paths are refused by their form, before the
/// text is parsed.
struct TemplateSyntax {
    static let deepestSection = 3
    static let mostTags = 300
    /// Bytes between the braces of a tag that is no comment: a variable's name, and blanks around it.
    static let longestTag = 200

    /// What part of a message a text is for.
    enum Part {
        /// One line that everybody may see.
        case subject
        case text
        case html
    }

    private struct Section {
        let name: String
        let isInverted: Bool
        let isList: Bool
        let line: Int
        /// Where it began in the page, in HTML.
        let beginning: HTMLContexts.Beginning
    }

    private let variables: [String: TemplateVariable]
    private let part: Part
    private var open: [Section] = []
    /// The page so far, in HTML.
    private var page = HTMLContexts()
    private var faults: [String] = []

    private init(variables: [String: TemplateVariable], part: Part) {
        self.variables = variables
        self.part = part
    }

    /// What is wrong with a text, each with its line; nothing when it may be used.
    static func faults(in text: String, part: Part, variables: [TemplateVariable]) -> [String] {
        let names = Dictionary(variables.map { ($0.name, $0) }) { first, _ in first }
        var check = TemplateSyntax(variables: names, part: part)
        check.scan(Array(text.utf8))
        // The library reads characters: with a mark that combines with it a brace would be none to it.
        let braces = text.utf8.count { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }
        if text.count(where: { $0 == "{" || $0 == "}" }) != braces {
            check.faults.append("has a brace that combines with the character beside it")
        }
        return check.faults
    }

    /// Whether the text can name a variable.
    static func isName(_ name: some StringProtocol) -> Bool {
        guard let first = name.utf8.first, first.isSmallLetter else { return false }
        return name.utf8.count <= TemplateVariable.longestName
            && name.utf8.allSatisfy(\.isLetterOrDigit)
    }

    /// Bytes, not characters: what combines with a brace must not hide it.
    private mutating func scan(_ bytes: [UInt8]) {
        var (position, line, tags) = (0, 1, 0)
        while let start = Self.find(UInt8(ascii: "{"), in: bytes, from: position) {
            if part == .html { page.read(bytes[position..<start], line: line) }
            line += Self.lines(in: bytes[position..<start])
            guard let end = Self.find(UInt8(ascii: "}"), in: bytes, from: start + 2) else {
                return faults.append("line \(line): {{ without }}")
            }
            tags += 1
            guard tags <= Self.mostTags else { return faults.append("has more than \(Self.mostTags) tags") }
            let tag = String(decoding: bytes[start + 2..<end], as: UTF8.self)
            if tag.utf8.count <= Self.longestTag || tag.first == "!" {
                take(tag, line: line)
            } else {
                faults.append("line \(line): has a tag of more than \(Self.longestTag) bytes")
            }
            line += Self.lines(in: bytes[start..<end])
            position = end + 2
        }
        for section in open { faults.append("line \(section.line): {{#\(section.name)}} is not closed") }
        guard part == .html else { return }
        page.read(bytes[position...], line: line)
        page.finish()
        faults += page.faults
    }

    private mutating func take(_ tag: String, line: Int) {
        let rest = String(tag.dropFirst())
        switch tag.first {
        case "!": break
        case "#": enter(Self.trimmed(rest), inverted: false, line)
        case "^": enter(Self.trimmed(rest), inverted: true, line)
        case "/": leave(Self.trimmed(rest), line)
        case "{", "&": fault(line, tag, "is not allowed: values are always escaped")
        case ">", "<", "$", "=", "%", "*":
            fault(line, tag, "is not allowed: partials, blocks, delimiters and pragmas are off")
        default: use(Self.trimmed(tag), line)
        }
    }

    private mutating func enter(_ name: String, inverted: Bool, _ line: Int) {
        let variable = variables[name]
        if variable == nil { fault(line, (inverted ? "^" : "#") + name, "is not among the variables") }
        let isList = variable?.type == .list
        if isList, !inverted, open.contains(where: { $0.name == name && !$0.isInverted }) {
            fault(line, "#" + name, "stands within itself: that would say each text as often as there are texts")
        }
        let (beginning, refusal) = page.enter()
        if let refusal { fault(line, (inverted ? "^" : "#") + name, refusal) }
        open.append(Section(name: name, isInverted: inverted, isList: isList, line: line, beginning: beginning))
        if open.count == Self.deepestSection + 1 {
            faults.append("line \(line): sections stand more than \(Self.deepestSection) deep")
        }
    }

    private mutating func leave(_ name: String, _ line: Int) {
        guard let section = open.last, section.name == name else {
            return fault(line, "/" + name, "closes no section")
        }
        open.removeLast()
        if let refusal = page.leave(section.beginning) { fault(line, "/" + name, refusal) }
    }

    private mutating func use(_ name: String, _ line: Int) {
        if name == "." {
            let isInList = open.last.map { $0.isList && !$0.isInverted } ?? false
            if !isInList { fault(line, name, "stands for the texts of a list, within its section") }
            if let refusal = page.value(isLink: false) { fault(line, name, refusal) }
            return
        }
        guard let variable = variables[name] else {
            let detail =
                Self.isName(name) ? "is not among the variables" : "is no variable: functions and paths are off"
            return fault(line, name, detail)
        }
        if variable.type == .flag || variable.type == .list {
            return fault(line, name, "is a \(variable.type.rawValue): it stands as a section {{#\(name)}}…{{/\(name)}}")
        }
        if part == .subject, variable.confidential == true {
            fault(line, name, "is confidential: it must not stand in a subject or title")
        }
        if part == .subject, variable.type == .paragraph { fault(line, name, "may have several lines") }
        let sections = open.filter { $0.name == name }
        if sections.contains(where: \.isInverted) { fault(line, name, "has no value here") }
        if variable.optional == true, !sections.contains(where: { !$0.isInverted }) {
            fault(line, name, "is optional: it stands within {{#\(name)}}…{{/\(name)}}")
        }
        if let refusal = page.value(isLink: variable.type == .link) { fault(line, name, refusal) }
    }

    private mutating func fault(_ line: Int, _ tag: String, _ detail: String) {
        faults.append("line \(line): {{\(tag.prefix(40))}} \(detail)")
    }

    /// Where two such braces stand.
    static func find(_ brace: UInt8, in bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == brace, bytes[index + 1] == brace { return index }
            index += 1
        }
        return nil
    }

    private static func lines(in bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
    }

    private static func trimmed(_ text: String) -> String {
        String(text[...].trimming { $0 == " " })
    }
}
