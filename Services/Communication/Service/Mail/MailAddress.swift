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
            guard let address = EmailAddress(route[...].trimmingBlanks) else { return nil }
            let name = EncodedWords.decode(piece.words[...].trimmingBlanks)
            return MailAddress(name: name.isEmpty ? nil : name, address: address)
        }
        return EmailAddress(piece.written[...].trimmingBlanks).map { MailAddress(name: nil, address: $0) }
    }

    /// What stands between two commas.
    private struct Piece {
        /// Outside of angle brackets, as it is read.
        var words = ""
        /// The same as it is written: an address keeps its quotes.
        var written = ""
        /// Between angle brackets, as it is written.
        var route: String?
        /// Between angle brackets that are not closed yet.
        var open: String?

        /// Takes a character in its place, with what was written for it.
        mutating func take(_ character: Character, as written: String) {
            if open != nil {
                open?.append(written)
            } else {
                words.append(character)
                self.written.append(written)
            }
        }

        /// Takes a quotation mark, which says nothing by itself.
        mutating func takeQuote() {
            if open != nil { open?.append("\"") } else { written.append("\"") }
        }

        /// Forgets what came before a colon: the name of a group, or a way that nobody takes any more.
        mutating func takeColon() {
            if open != nil {
                open = ""
            } else {
                (words, written) = ("", "")
            }
        }
    }

    private static func pieces(_ header: String) -> [Piece] {
        var (pieces, piece) = ([Piece](), Piece())
        var (isQuoted, isEscaped, comments) = (false, false, 0)
        for character in header {
            if isEscaped {
                isEscaped = false
                if comments == 0 { piece.take(character, as: "\\\(character)") }
                continue
            }
            switch character {
            case "\\" where isQuoted || comments > 0: isEscaped = true
            case "\"" where comments == 0:
                isQuoted.toggle()
                piece.takeQuote()
            case _ where isQuoted: piece.take(character, as: String(character))
            case "(": comments += 1
            case ")" where comments > 0: comments -= 1
            case _ where comments > 0: break
            case "<": piece.open = ""
            case ">" where piece.open != nil: (piece.route, piece.open) = (piece.open, nil)
            case ":": piece.takeColon()
            case _ where piece.open == nil && ",;".contains(character):
                pieces.append(piece)
                piece = Piece()
            default: piece.take(character, as: String(character))
            }
        }
        return pieces + [piece]
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
