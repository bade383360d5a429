import Core

/// What mail servers say in words, where their codes leave open whom they refuse.
struct MailServerWords: Sendable {
    /// In small letters, without the addresses that a reply quotes: a name in one of them says nothing.
    private let text: String

    init(_ reply: some StringProtocol) {
        let words = QuotedNames.plain(String(reply)).split(whereSeparator: \.isWhitespace).filter { !$0.contains("@") }
        text = words.joined(separator: " ").lowercased()
    }

    func contain(_ words: String) -> Bool { text.contains(words) }

    func containAny(of words: [String]) -> Bool { words.contains(where: text.contains) }

    /// Whether the sender is what is wrong.
    var areAboutSender: Bool { containAny(of: Self.sender) }

    /// Whether nobody is there; a sender that is not believed is refused in much the same words.
    var sayNobodyIsThere: Bool { containAny(of: Self.dead) && !areAboutSender }

    /// Whether the mailbox is there and closed for good.
    ///
    /// 5.2.1 alone says no more than that it takes nothing, as one does that gets too much at once.
    var sayMailboxIsClosed: Bool { containAny(of: Self.closed) && !areAboutSender }

    /// After how long the server wants to be asked again, as in "try again in 5 minutes"; `nil` where it does not say.
    var pause: Duration? {
        guard containAny(of: ["again", "retry", "wait", "greylisted", "graylisted"]) else { return nil }
        let words = text.split(separator: " ")
        for (index, word) in words.enumerated().dropFirst().dropLast() where ["in", "after", "for"].contains(word) {
            guard let count = Int(words[index + 1]), count > 0, words.count > index + 2 else { continue }
            let unit = words[index + 2]
            if unit.hasPrefix("sec") { return min(.seconds(count), Self.longestPause) }
            if unit.hasPrefix("min") { return min(.seconds(min(count, 1_000) * 60), Self.longestPause) }
        }
        return nil
    }

    /// A pause that is longer is not believed.
    static let longestPause: Duration = .seconds(3_600)

    static let sender = [
        "sender", "mail from", "from address", "from header", "return-path", "return path", "envelope from",
        "sending address",
    ]

    static let closed = ["disabled", "inactive", "deactivated"]

    static let dead = [
        "no such user", "no such mailbox", "no such recipient", "user unknown", "unknown user", "recipient unknown",
        "unknown recipient", "user does not exist", "mailbox does not exist", "recipient does not exist",
        "unrouteable address",
    ]
}
