/// What the page of an e-mail may have: text, pictures and links, and nothing that acts.
enum HTMLRules {
    /// Elements that run, load, ask or change where links lead, and those whose content some read as tags and others do not.
    static let refusedElements: Set<String> = [
        "script", "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "form", "base", "svg", "math",
        "template", "textarea", "noscript", "noembed", "noframes", "xmp", "plaintext",
    ]
    /// Elements whose content is text: there are no tags in it but the one that ends it.
    static let textElements: Set<String> = ["title", "style"]
    /// Attributes that lead somewhere.
    static let addressAttributes: Set<String> = [
        "href", "src", "action", "background", "cite", "codebase", "data", "dynsrc", "formaction", "longdesc", "lowsrc",
        "manifest", "ping", "poster", "srcset", "xlink:href",
    ]
    /// How an address may begin that does not lead to where the page itself is.
    static let schemes = ["cid", "geo", "http", "https", "mailto", "sms", "tel", "webcal"]
    /// What `http-equiv` may say; the others would lead the reader elsewhere or set something.
    static let equivalents: Set<String> = ["content-language", "content-type", "x-ua-compatible"]

    /// Whether the attribute is run when something happens.
    static func isEvent(_ attribute: String) -> Bool { attribute.hasPrefix("on") }

    /// Whether what is in an attribute counts for more than its text, so that its beginning is looked at.
    static func isLookedAt(_ attribute: String) -> Bool {
        addressAttributes.contains(attribute) || attribute == "http-equiv"
    }

    /// What is wrong with the beginning of an attribute's value; `nil` when nothing is.
    static func fault(inBeginning bytes: [UInt8], of attribute: String) -> String? {
        let text = plain(bytes)
        if attribute == "http-equiv" {
            return equivalents.contains(text)
                ? nil : "http-equiv=\"\(text.prefix(40))\" is not allowed: a mail only shows"
        }
        // By scalars: what combines with the colon must not hide it.
        let scheme = text.unicodeScalars.prefix { !isEnd($0) }
        let isScheme = !scheme.isEmpty && text.unicodeScalars[scheme.endIndex...].first == ":"
        guard isScheme, !schemes.contains(String(scheme)) else { return nil }
        let allowed = schemes.map { $0 + ":" }.joined(separator: ", ")
        return "\(attribute) leads to \(String(scheme.prefix(40))):, which is not among \(allowed)"
    }

    /// Whether what follows such a beginning of an address can no longer change how it is opened.
    static func isSettled(_ bytes: [UInt8]) -> Bool { plain(bytes).unicodeScalars.contains(where: isEnd) }

    /// Whether no name of a scheme goes on with it.
    private static func isEnd(_ scalar: Unicode.Scalar) -> Bool { [":", "/", "?", "#"].contains(scalar) }

    /// An address as it is opened: entities read, blanks and line breaks passed over, in small letters.
    private static func plain(_ bytes: [UInt8]) -> String {
        var plain = String.UnicodeScalarView()
        var rest = Substring(decoding: bytes, as: UTF8.self).unicodeScalars
        while let scalar = rest.first {
            if scalar == "&", let (read, after) = entity(rest.dropFirst()) {
                if read.value > 0x20 { plain.append(read) }
                rest = after
            } else {
                if scalar.value > 0x20 { plain.append(scalar) }
                rest = rest.dropFirst()
            }
        }
        return String(plain).lowercased()
    }

    /// What an entity stands for, and what follows it; browsers need no `;` behind a number.
    private static func entity(
        _ text: Substring.UnicodeScalarView
    ) -> (Unicode.Scalar, Substring.UnicodeScalarView)? {
        guard text.first == "#" else {
            return named.first { text.starts(with: $0.name.unicodeScalars) }
                .map { ($0.scalar, text.dropFirst($0.name.unicodeScalars.count)) }
        }
        var digits = text.dropFirst()
        let isHex = digits.first == "x" || digits.first == "X"
        if isHex { digits = digits.dropFirst() }
        let number = digits.prefix { $0.properties.isASCIIHexDigit && (isHex || $0.properties.numericType == .decimal) }
        guard !number.isEmpty else { return nil }
        let after = digits[number.endIndex...]
        let scalar = UInt32(String(number), radix: isHex ? 16 : 10).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
        return (scalar, after.first == ";" ? after.dropFirst() : after)
    }

    /// Those by which an address could be begun otherwise than it looks.
    private static let named: [(name: String, scalar: Unicode.Scalar)] = [
        ("Tab;", "\t"), ("NewLine;", "\n"), ("colon;", ":"), ("sol;", "/"), ("quest;", "?"), ("num;", "#"),
    ]
}
