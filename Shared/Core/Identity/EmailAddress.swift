/// An address RFC 5321 lets through, internationalised ones (RFC 6531) too.
///
/// Compared without case. At the name of a domain alone: `a@[192.0.2.1]` would name a machine past whatever its owner says of mail,
/// which only a domain has a place for.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    /// Of all of it and of the name before the `@`, in bytes as they travel; letters of a domain count one each, for how long
    /// they become in ASCII (IDNA) is not known here.
    package static let longest = 254
    package static let longestLocalPart = 64
    /// Of one label; as letters that people read they are never more than the bytes that they travel as.
    private static let longestLabel = 63
    /// In bytes: a letter has no more of them than this.
    private static let longestText = longest * 4

    /// What is wrong with a text that is none.
    package static let complaint = "is not an e-mail address at the name of a domain (one in brackets is not taken)"

    /// As it was written, but with no more quotes and backslashes than it needs: `"a.b"@c.example` is `a.b@c.example`.
    package let address: String

    /// `nil` unless there is a plausible name, in quotes perhaps, before an `@` and a domain of labels behind it.
    package init?(_ text: some StringProtocol) {
        let text = Substring(text)
        guard text.utf8.count <= Self.longestText, let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else {
            return nil
        }
        let (written, domain) = (text[..<at], text[text.utf8.index(after: at)...])
        guard let local = Self.quotedLeast(written), local.utf8.count <= Self.longestLocalPart,
            local.utf8.count + 1 + domain.unicodeScalars.count <= Self.longest, Self.isDomain(domain)
        else { return nil }
        address = "\(local)@\(domain)"
    }

    /// The form used to find an address again.
    package var normalized: String { address.lowercased() }
    /// The name before the `@`, with the quotes that it needs.
    package var localPart: Substring { address[..<at] }
    /// The domain as it was written.
    package var domainPart: Substring { address[address.utf8.index(after: at)...] }
    /// In small letters.
    package var domain: String { domainPart.lowercased() }
    /// Whether the name before the `@` cannot do without quotes, as `"a b"`.
    package var isQuoted: Bool { address.utf8.first == UInt8(ascii: "\"") }
    package var description: String { address }

    /// Of the `@` before the domain: a name in quotes may have others.
    private var at: String.Index { address.utf8.lastIndex(of: UInt8(ascii: "@")) ?? address.endIndex }

    package static func == (left: Self, right: Self) -> Bool { left.normalized == right.normalized }
    package func hash(into hasher: inout Hasher) { hasher.combine(normalized) }

    /// The letters, digits and marks of ASCII that a name may have, by their codes.
    private static let plain: [Bool] = (0..<128).map { code in
        let byte = UInt8(code)
        return byte.isLetterOrDigit || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
    }

    /// The name as it is kept; `nil` for none.
    private static func quotedLeast(_ text: Substring) -> Substring? {
        guard text.utf8.first == UInt8(ascii: "\"") else { return isDotAtom(text) ? text : nil }
        guard let name = unquoted(text) else { return nil }
        // The same mailbox with and without quotes (RFC 5321 §4.1.2).
        if isDotAtom(name[...]) { return name[...] }
        let escaped = name.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }
        return "\"\(escaped.joined())\""
    }

    /// What stands in a name's quotes (`Quoted-string` of RFC 5321 §4.1.2), without the backslashes of pairs; `nil` where they do
    /// not hold all of it, or hold what no name has.
    private static func unquoted(_ text: Substring) -> String? {
        var name = String.UnicodeScalarView()
        var (isEscaped, isOver) = (false, false)
        for scalar in text.unicodeScalars.dropFirst() {
            guard !isOver, scalar.isASCII ? (0x20...0x7E).contains(scalar.value) : !isEscaped && isShown(scalar) else {
                return nil
            }
            switch scalar {
            case "\"" where !isEscaped: isOver = true
            case "\\" where !isEscaped: isEscaped = true
            default:
                isEscaped = false
                name.append(scalar)
            }
        }
        return isOver ? String(name) : nil
    }

    private static func isDotAtom(_ text: Substring) -> Bool {
        // As if a dot stood before: neither the first nor the last is one, and no two are neighbours.
        var last: Unicode.Scalar = "."
        for scalar in text.unicodeScalars {
            guard scalar.isASCII ? plain[Int(scalar.value)] : isShown(scalar), scalar != "." || last != "." else {
                return false
            }
            last = scalar
        }
        return last != "."
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control
            && scalar.properties.generalCategory != .format
    }

    private static func isDomain(_ text: Substring) -> Bool {
        guard text != "localhost" else { return true }
        let labels = text.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && labels.allSatisfy(isLabel)
    }

    private static func isLabel(_ label: Substring.UnicodeScalarView) -> Bool {
        guard let first = label.first, first != "-", label.last != "-", !isMark(first) else { return false }
        let hasLettersOnly = label.allSatisfy { scalar in
            guard !scalar.isASCII else { return scalar == "-" || UInt8(ascii: scalar).isLetterOrDigit }
            return scalar.properties.isAlphabetic || scalar.properties.numericType != nil || isMark(scalar)
        }
        // With its marks a letter is one: composed, it travels as one.
        return hasLettersOnly && Substring(label).count <= longestLabel
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else { return false }
        let category = scalar.properties.generalCategory
        return category == .nonspacingMark || category == .spacingMark
    }
}

extension EmailAddress: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: Self.complaint)
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(address)
    }
}
