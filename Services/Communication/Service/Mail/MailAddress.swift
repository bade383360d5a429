import Core

/// Somebody in a header of addresses (RFC 5322 §3.4), with the name they give themselves.
struct MailAddress: Sendable, Equatable {
    let name: String?
    let address: EmailAddress

    /// The first of a header's addresses; `nil` where there is none.
    static func first(of header: String) -> MailAddress? {
        // Names are read after the structure: an encoded word may hold an angle bracket.
        for piece in pieces(header) {
            if let found = one(piece) { return found }
        }
        return nil
    }

    private static func one(_ piece: Piece) -> MailAddress? {
        if let route = piece.route {
            // What stands before a colon inside the brackets is a way that nobody takes any more.
            let text = route.split(separator: ":").last.map { $0.trimmingBlanks } ?? ""
            guard let address = EmailAddress(text) else { return nil }
            let name = EncodedWords.decode(piece.words.trimmingBlanks)
            return MailAddress(name: name.isEmpty ? nil : name, address: address)
        }
        return EmailAddress(piece.words.trimmingBlanks).map { MailAddress(name: nil, address: $0) }
    }

    /// What stands between two commas.
    private struct Piece {
        var text = ""
        /// Between angle brackets.
        var route: Substring?
        var words: Substring { text[...] }
    }

    private static func pieces(_ header: String) -> [Piece] {
        var pieces = [Piece()]
        var route = ""
        var (isQuoted, isEscaped, isInside, comments) = (false, false, false, 0)
        for character in header {
            if isEscaped {
                isEscaped = false
                if comments == 0 { pieces[pieces.count - 1].text.append(character) }
                continue
            }
            switch character {
            case "\\" where isQuoted || comments > 0: isEscaped = true
            case "\"" where comments == 0: isQuoted.toggle()
            case _ where isQuoted: pieces[pieces.count - 1].text.append(character)
            case "(": comments += 1
            case ")" where comments > 0: comments -= 1
            case _ where comments > 0: break
            case "<":
                isInside = true
                route = ""
            case ">" where isInside:
                isInside = false
                pieces[pieces.count - 1].route = route[...]
            case _ where isInside: route.append(character)
            case ",", ";": pieces.append(Piece())
            // The name of a group is nobody's.
            case ":": pieces[pieces.count - 1].text = ""
            default: pieces[pieces.count - 1].text.append(character)
            }
        }
        return pieces
    }
}

extension EncodedWords {
    static func decode(_ value: Substring) -> String { decode(String(value)) }
}

/// Names of messages between angle brackets, as `Message-ID`, `In-Reply-To` and `References` have them.
enum MailNames {
    /// Names of one header that are read.
    static let most = 50

    static func read(_ header: String) -> [String] {
        var names: [String] = []
        var rest = Substring(header)
        while names.count < most, let open = rest.firstIndex(of: "<") {
            rest = rest[rest.index(after: open)...]
            guard let close = rest.firstIndex(of: ">") else { break }
            let name = rest[..<close].trimmingBlanks
            if !name.isEmpty { names.append(String(name)) }
            rest = rest[rest.index(after: close)...]
        }
        return names
    }

    /// What stands before the `@`: the part that whoever made the name has chosen.
    static func local(_ name: String) -> String? {
        ProviderVerdict.token(name.split(separator: "@", omittingEmptySubsequences: false).first.map(String.init))
    }
}
