import CommunicationAPI
import Contracts
import Core
import Outbound

/// Further header lines of an e-mail: those that are the sender's to write, and no others.
enum HeaderRules {
    /// In bytes.
    static let longestName = 76
    /// In bytes.
    static let longestValue = 998
    /// A line as it is sent, its letters encoded, without its end (RFC 5322 §2.1.1); in bytes.
    static let longestLine = 998
    /// The sender's to write, in lower case; beside them what begins with `x-`.
    private static let known: Set<String> = [
        "comments", "importance", "in-reply-to", "keywords", "organization", "precedence", "priority", "references",
        "sensitivity",
    ]
    /// Those that name other e-mails.
    private static let naming: Set<String> = ["in-reply-to", "references"]
    /// How names begin that mail servers and mail programs write of an e-mail on its way, and believe.
    private static let others = [
        "x-abuse", "x-arc", "x-authent", "x-bounce", "x-complaints", "x-delivered", "x-dkim", "x-envelope",
        "x-feedback",
        "x-forwarded", "x-gm-", "x-google", "x-list", "x-microsoft", "x-ms-", "x-msmail", "x-original", "x-proofpoint",
        "x-received", "x-report", "x-return", "x-sender", "x-spam", "x-unsubscribe", "x-virus", "x-yahoo",
    ]

    /// All that is wrong with them.
    ///
    /// - Parameter claimed: how names begin, in lower case, that providers take for orders to themselves.
    static func faults(_ headers: [String: String], claimed: [String]) -> [Problem.Fault] {
        var seen: Set<String> = []
        return headers.sorted { $0.key < $1.key }.compactMap { name, value in
            // What is no name is not said again.
            guard isName(name) else {
                return Problem.Fault(
                    pointer: "/headers",
                    "has a name that is none: 1 to \(longestName) visible ASCII characters without a colon"
                )
            }
            let place = "/headers" + JSONPointer.step(name)
            let plain = name.lowercased()
            guard seen.insert(plain).inserted else { return Problem.Fault(pointer: place, "is there twice") }
            let isClaimed = (others + claimed).contains { plain.hasPrefix($0) }
            guard known.contains(plain) || plain.hasPrefix("x-") && plain.utf8.count > 2 && !isClaimed else {
                return Problem.Fault(pointer: place, "is not a header of the sender's to write")
            }
            return fault(of: value, name).map { Problem.Fault(pointer: place, $0) }
        }
    }

    private static func fault(of value: String, _ name: String) -> String? {
        guard (1...longestValue).contains(value.utf8.count) else { return "must have 1 to \(longestValue) bytes" }
        guard let line = try? MIMEMessage.line(of: value, name) else {
            return "must be one line without control characters"
        }
        if value.first?.isWhitespace == true || value.last?.isWhitespace == true {
            return "must not begin or end with a space"
        }
        if naming.contains(name.lowercased()), !value.split(separator: " ").allSatisfy(isMessageName) {
            return "must be the names of e-mails in angle brackets, with a space between them"
        }
        guard name.utf8.count + 2 + line.utf8.count <= longestLine else {
            return "is too long: with its name, and its letters as e-mail writes them, at most \(longestLine) bytes"
        }
        return nil
    }

    /// RFC 5322 §3.6.8 `ftext`.
    private static func isName(_ text: String) -> Bool {
        (1...longestName).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
    }

    private static func isMessageName(_ text: Substring) -> Bool {
        text.hasPrefix("<") && text.hasSuffix(">") && text.utf8.count > 2 && !text.contains("=?")
            && text.dropFirst().dropLast().utf8.allSatisfy {
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
            }
    }
}
