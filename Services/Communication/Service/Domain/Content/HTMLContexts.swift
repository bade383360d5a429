import Contracts
import Core

/// Where in a page one is when so much of it has been read, as browsers read it: what a value would be there, and what of the
/// page's own text would act.
///
/// Read are the pieces of a template between its tags, in their order, as if each section were said once. That holds for
/// whatever the template becomes, since a section has to end where it began.
struct HTMLContexts {
    fileprivate enum Place: Hashable {
        case text
        /// In an element without tags.
        case content
        /// Behind `<`.
        case opening
        /// Behind `</`.
        case closing
        case tagName
        /// Between the attributes of a tag.
        case tag
        case attributeName
        case behindAttributeName
        /// Behind `=`.
        case valueBeginning
        case value(quote: UInt8?)
        /// Behind `<!`.
        case markup
        /// What is no comment, and is not shown: `<!doctype html>`, `<?xml?>`.
        case declaration
        case comment
    }

    fileprivate struct Mark: Hashable {
        var place = Place.text
        /// In small letters, as the attribute; empty outside of a tag.
        var element = ""
        var isClosing = false
        /// Empty outside of its value.
        var attribute = ""
    }

    /// Where a section begins.
    struct Beginning {
        fileprivate let mark: Mark
        fileprivate let isBeginning: Bool
    }

    /// What in the page's own text would act, each with its line; no more than are told.
    private(set) var faults: [String] = []
    private var mark = Mark()
    /// What has been read of a name, a comment, or the beginning of a value that is looked at.
    private var word: [UInt8] = []
    /// Whether what is read is still the beginning of a value that is looked at.
    private var isBeginning = false
    /// Whether a section was refused in the beginning of the value: one refusal says it, and it need not be read again.
    private var isRefused = false
    private var line = 1
    /// Whether the page is what stands in a comment of another one.
    private var isInComment = false

    private static let unquoted = "stands in an attribute's value without quotation marks"

    private var place: Place { mark.place }

    /// Reads on, from the line given.
    mutating func read(_ bytes: ArraySlice<UInt8>, line: Int) {
        self.line = line
        for byte in bytes {
            take(byte)
            if byte == UInt8(ascii: "\n") { self.line += 1 }
        }
    }

    /// Says so where the page ends within something.
    mutating func finish() {
        if place != .text, place != .opening { fault("the page ends within a tag, a comment, a title or a style") }
    }

    /// A value stands here: why it must not; `nil` when it may, escaped as it is.
    ///
    /// - Parameter isLink: whether it is an address that leads to the web.
    mutating func value(isLink: Bool) -> String? {
        if let refusal { return refusal }
        switch place {
        case .valueBeginning:
            mark.place = .value(quote: nil)
            return Self.unquoted
        case .tag: return "stands where an attribute is named"
        case .content where mark.element == "style": return "stands in a style"
        case .value:
            if HTMLRules.isEvent(mark.attribute) { return "stands in an event handler" }
            if mark.attribute == "style" { return "stands in a style" }
            guard HTMLRules.addressAttributes.contains(mark.attribute) else { return nil }
            guard isLink else { return "is no link: it must not stand in href or src" }
            endBeginning()
            return nil
        default: return nil
        }
    }

    /// A section begins here: where that is, and why it must not; no reason when it may.
    mutating func enter() -> (beginning: Beginning, refusal: String?) {
        let refusal = boundary()
        return (Beginning(mark: mark, isBeginning: isBeginning), refusal)
    }

    /// A section begins or ends here: why it must not; `nil` when it may.
    private mutating func boundary() -> String? {
        if let refusal { return refusal }
        if place == .valueBeginning { return Self.unquoted }
        if isBeginning, !word.isEmpty, !isRefused {
            guard HTMLRules.isSettled(word) else {
                isRefused = true
                return "stands in the beginning of an address"
            }
            endBeginning()
        }
        return nil
    }

    /// A section ends here that began there: why it must not; `nil` when it may.
    mutating func leave(_ begun: Beginning) -> String? {
        if let fault = boundary() { return fault }
        guard mark == begun.mark else {
            return
                "ends elsewhere in the page than it begins: it holds whole elements, whole attributes or a part of a value"
        }
        // It may not have been said at all.
        isBeginning = begun.isBeginning
        return nil
    }

    /// Why nothing that varies may stand here.
    private var refusal: String? {
        switch place {
        case .opening, .closing, .tagName: "stands in the name of a tag"
        case .attributeName, .behindAttributeName: "stands in the name of an attribute"
        case .value(quote: nil): Self.unquoted
        case .value where mark.attribute == "http-equiv": "stands in http-equiv"
        case .markup, .declaration, .comment: "stands in a comment, which nobody is shown: {{! }} leaves a text out"
        case .content where !word.isEmpty: "stands in the name of a tag"
        case .text, .content, .tag, .valueBeginning, .value: nil
        }
    }

    private mutating func fault(_ detail: String) {
        guard faults.count < Schema.mostFaults else { return }
        faults.append("line \(line): \(detail)")
    }
}

extension HTMLContexts {
    private mutating func take(_ byte: UInt8) {
        switch place {
        case .text: if byte == UInt8(ascii: "<") { go(.opening) }
        case .content: takeContent(byte)
        case .opening: takeOpening(byte)
        case .closing:
            if byte.isLetter {
                begin(.tagName, byte, isClosing: true)
            } else {
                go(byte == UInt8(ascii: ">") ? .text : .declaration)
            }
        case .tagName:
            guard isSpace(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">") else { return append(byte) }
            endTagName()
            byte == UInt8(ascii: ">") ? endTag() : go(.tag)
        case .tag, .attributeName, .behindAttributeName: takeAttribute(byte)
        case .valueBeginning: takeValueBeginning(byte)
        case .value(let quote): takeValue(byte, quote)
        case .markup:
            word.append(byte)
            if word == Array("--".utf8) {
                go(.comment)
            } else if word != [UInt8(ascii: "-")] {
                go(byte == UInt8(ascii: ">") ? .text : .declaration)
            }
        case .declaration: if byte == UInt8(ascii: ">") { go(.text) }
        case .comment:
            word.append(byte)
            if byte == UInt8(ascii: ">") { takeEndOfComment() }
        }
    }

    private mutating func takeOpening(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "/"): go(.closing)
        case UInt8(ascii: "!"): go(.markup)
        case UInt8(ascii: "?"): go(.declaration)
        case UInt8(ascii: "<"): break
        default: byte.isLetter ? begin(.tagName, byte) : go(.text)
        }
    }

    /// Nothing but the tag that ends the element is one.
    private mutating func takeContent(_ byte: UInt8) {
        let end = Array("</\(mark.element)".utf8)
        if word == end, isSpace(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">") {
            mark.isClosing = true
            byte == UInt8(ascii: ">") ? endTag() : go(.tag)
            return
        }
        append(byte)
        if !end.starts(with: word) { word = byte == UInt8(ascii: "<") ? [byte] : [] }
    }

    private mutating func takeAttribute(_ byte: UInt8) {
        let isNamed = place != .tag
        switch byte {
        case UInt8(ascii: ">"):
            if place == .attributeName { endAttributeName() }
            endTag()
        case UInt8(ascii: "/"):
            if place == .attributeName { endAttributeName() }
            go(.tag)
        case UInt8(ascii: "=") where isNamed:
            if place == .attributeName { endAttributeName() }
            go(.valueBeginning)
        case _ where isSpace(byte):
            guard place == .attributeName else { return }
            endAttributeName()
            go(.behindAttributeName)
        case _ where place == .attributeName: append(byte)
        default: begin(.attributeName, byte, isClosing: mark.isClosing)
        }
    }

    private mutating func takeValueBeginning(_ byte: UInt8) {
        if isSpace(byte) { return }
        if byte == UInt8(ascii: ">") { return endTag() }
        let isQuote = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
        go(.value(quote: isQuote ? byte : nil))
        isBeginning = HTMLRules.isLookedAt(mark.attribute)
        if !isQuote, isBeginning { word.append(byte) }
    }

    private mutating func takeValue(_ byte: UInt8, _ quote: UInt8?) {
        if let quote, byte == quote {
            endBeginning()
            go(.tag)
        } else if quote == nil, isSpace(byte) || byte == UInt8(ascii: ">") {
            endBeginning()
            byte == UInt8(ascii: ">") ? endTag() : go(.tag)
        } else if isBeginning {
            word.append(byte)
        }
    }

    /// A comment ends with `-->`, with `--!>`, and at once where it begins with `>` or `->`.
    private mutating func takeEndOfComment() {
        let ends = ["-->", "--!>"].map { Array($0.utf8) }
        guard word.count == 1 || word == Array("->".utf8) || ends.contains(where: { word.suffix($0.count) == $0[...] })
        else { return }
        if String(decoding: word.prefix(3), as: UTF8.self).lowercased() == "[if" {
            // Some programs read as a page what stands in it; in which none of them look for another one.
            guard !isInComment else {
                fault("a comment for one program stands within another")
                return go(.text)
            }
            var inside = HTMLContexts()
            inside.isInComment = true
            inside.read(word[...], line: line - word.count { $0 == UInt8(ascii: "\n") })
            faults += inside.faults.prefix(Schema.mostFaults - faults.count)
        }
        go(.text)
    }

    /// What has been read since is no part of what follows.
    private mutating func go(_ place: Place) {
        mark.place = place
        word = []
        isBeginning = false
        isRefused = false
        switch place {
        case .text: mark = Mark()
        case .tag: mark.attribute = ""
        default: break
        }
    }

    private mutating func begin(_ place: Place, _ byte: UInt8, isClosing: Bool = false) {
        go(place)
        mark.isClosing = isClosing
        append(byte)
    }

    private mutating func append(_ byte: UInt8) {
        let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        word.append(isCapital ? byte | 0x20 : byte)
    }

    private mutating func endTagName() {
        mark.element = String(decoding: word, as: UTF8.self)
        if !mark.isClosing, HTMLRules.refusedElements.contains(mark.element) {
            fault("<\(mark.element)> is not allowed: a mail has text, pictures and links")
        }
    }

    private mutating func endAttributeName() {
        mark.attribute = String(decoding: word, as: UTF8.self)
        if HTMLRules.isEvent(mark.attribute) {
            fault("\(mark.attribute.prefix(40))= is not allowed: nothing in a mail is run")
        }
    }

    private mutating func endTag() {
        let element = mark.element
        let hasContent = !mark.isClosing && HTMLRules.textElements.contains(element)
        go(.text)
        guard hasContent else { return }
        go(.content)
        mark.element = element
    }

    /// The beginning of a value that is looked at is known.
    private mutating func endBeginning() {
        guard isBeginning else { return }
        if let detail = HTMLRules.fault(inBeginning: word, of: mark.attribute) { fault(detail) }
        (isBeginning, word) = (false, [])
    }

    private func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(byte) }
}
