import CCurl
import Core

/// Reads a mail server's side of the conversation; rules only.
package enum SMTPReply {
    /// The verdict of a finished transfer from its result number, the last reply code and the lines the server sent.
    ///
    /// - Parameter hasBegun: the message's text was on its way.
    static func result(
        curl: Int,
        reply: Int,
        hasBegun: Bool = false,
        lines: [String],
        step: SMTPResult.Step = .beginning
    ) -> SMTPResult {
        let line = lines.last { $0.hasPrefix("\(reply)") } ?? ""
        return SMTPResult(
            verdict: verdict(curl: curl, reply: reply, hasBegun: hasBegun),
            step: step,
            curlCode: curl,
            replyCode: reply,
            enhanced: enhanced(line),
            line: line
        )
    }

    static func verdict(curl: Int, reply: Int, hasBegun: Bool = false) -> SMTPResult.Verdict {
        if curl == 0 { return .accepted }
        // The text was under way or gone. Whatever came then but a refusal, half a reply included, says nothing of it.
        if hasBegun { return (400...599).contains(reply) ? .refused : .unknown }
        if reply == 354 { return .unknown }
        if let kind = beforeConversation[curl] { return .notSent(kind) }
        if curl == 67 { return .notAuthenticated }
        if (400...599).contains(reply) { return .refused }
        if curl == 28 { return .notSent(.deadline) }
        return .notSent(.connect)
    }

    /// What a command asks about; `nil` for what is none that says so, such as the lines of a password.
    static func step(_ command: some StringProtocol) -> SMTPResult.Step? {
        switch command.prefix(4).uppercased() {
        case "MAIL": .sender
        case "RCPT": .recipient
        case "DATA": .text
        default: nil
        }
    }

    /// Whether we say who we are, and the server answers with what it offers; a line of a password has no blank.
    static func isIntroduction(_ command: some StringProtocol) -> Bool {
        ["EHLO ", "HELO "].contains(command.prefix(5).uppercased())
    }

    /// Whether we ask for encryption.
    static func isSTARTTLS(_ command: some StringProtocol) -> Bool { command.prefix(8).uppercased() == "STARTTLS" }

    /// Whether a line of an introduction offers to take addresses in all letters (RFC 6531); read as libcurl reads it, which
    /// announces such addresses only then.
    ///
    /// It does not announce those that stand in the header alone, as Reply-To; a server that offers it passes them on.
    static func offersSMTPUTF8(_ line: some StringProtocol) -> Bool { line.dropFirst(4).hasPrefix("SMTPUTF8") }

    /// Whether it was the connection's end alone that kept a message from being taken: servers end those that they have had
    /// for a while, or for so many messages.
    static func isOverdue(_ result: SMTPResult) -> Bool {
        switch result.verdict {
        case .refused: result.replyCode == 421 && result.step < .text
        case .notSent(.connect): true
        default: false
        }
    }

    /// `5.1.1` out of `550 5.1.1 no such user`.
    package static func enhanced(_ line: some StringProtocol) -> String? {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "-" || $0 == "\t" })
        guard words.count > 1 else { return nil }
        let parts = words[1].split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, ["2", "4", "5"].contains(parts[0]),
            parts.dropFirst().allSatisfy({
                (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isDigit)
            })
        else { return nil }
        return String(words[1])
    }

    /// Result numbers that can only come before a word was said: names, connections, certificates.
    private static let beforeConversation: [Int: OutboundFailure.NotSent] = [
        3: .policy, 5: .dns, 6: .dns, 7: .connect, 35: .tls, 51: .tls, 53: .tls, 54: .tls, 58: .tls, 59: .tls, 60: .tls,
        64: .tls, 66: .tls, 77: .tls, 80: .tls, 82: .tls, 83: .tls, 90: .tls, 91: .tls, 98: .tls,
    ]
}
