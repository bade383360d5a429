import Core
import Testing

@testable import Sandbox

@Suite struct SMTPSessionTests {
    /// What each line is answered with, up to its first blank; `…` for none.
    private static func talk(_ lines: [String], requiresLogin: Bool = false, offersSMTPUTF8: Bool = true) -> [String] {
        var session = SMTPSession(requiresLogin: requiresLogin, offersSMTPUTF8: offersSMTPUTF8) {
            $0 == "u" && $1 == "p"
        }
        return lines.map { line in
            switch session.take(Array(line.utf8)[...]) {
            case .none: "…"
            case .reply(let text), .close(let text), .begin(let text): String(text.prefix(3))
            case .message(let envelope, let data):
                "\(envelope.from)>\(envelope.to.joined(separator: ",")):\(String(decoding: data, as: UTF8.self))"
            }
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var requiresLogin = false
        let lines: [String]
        let answers: [String]
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "a message",
            lines: ["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "Hi", "..dot", ".", "QUIT"],
            answers: ["250", "250", "250", "354", "…", "…", "a@b.example>c@d.example:Hi\r\n.dot\r\n", "221"]
        ),
        Case(
            name: "two in one conversation",
            lines: ["HELO x", "MAIL FROM:<>", "RCPT TO:<c@d.example>", "DATA", ".", "MAIL FROM:<a@b.example>"],
            answers: ["250", "250", "250", "354", ">c@d.example:", "250"]
        ),
        Case(
            name: "out of order",
            lines: [
                "MAIL FROM:<a@b.example>", "EHLO x", "RCPT TO:<c@d.example>", "DATA", "MAIL FROM:<a@b.example>", "DATA",
                "MAIL FROM:<a@b.example>",
            ],
            answers: ["503", "250", "503", "503", "250", "554", "503"]
        ),
        Case(
            name: "reset",
            lines: ["EHLO x", "MAIL FROM:<a@b.example>", "RSET", "RCPT TO:<c@d.example>", "NOOP"],
            answers: ["250", "250", "250", "503", "250"]
        ),
        Case(
            name: "plain at once",
            requiresLogin: true,
            lines: ["EHLO x", "MAIL FROM:<a@b.example>", "AUTH PLAIN AHUAcA==", "MAIL FROM:<a@b.example>"],
            answers: ["250", "530", "235", "250"]
        ),
        Case(
            name: "plain behind a challenge",
            lines: ["EHLO x", "AUTH PLAIN", "AHUAcA==", "AUTH PLAIN AHUAcA=="],
            answers: ["250", "334", "235", "503"]
        ),
        Case(name: "login", lines: ["EHLO x", "AUTH LOGIN", "dQ==", "cA=="], answers: ["250", "334", "334", "235"]),
        Case(
            name: "wrong password",
            requiresLogin: true,
            lines: ["EHLO x", "AUTH LOGIN", "dQ==", "eA==", "MAIL FROM:<a@b.example>"],
            answers: ["250", "334", "334", "535", "530"]
        ),
        Case(
            name: "broken login",
            lines: ["EHLO x", "AUTH LOGIN", "*", "AUTH PLAIN ???", "AUTH PLAIN dQ==", "AUTH CRAM-MD5"],
            answers: ["250", "334", "501", "501", "501", "504"]
        ),
        Case(
            name: "parameters",
            lines: [
                "EHLO x", "MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8", "RSET",
                "MAIL FROM:<a@b.example> SIZE=99999999", "MAIL FROM:<a@b.example> FOO=1",
            ],
            answers: ["250", "250", "250", "552", "555"]
        ),
        Case(
            name: "addresses",
            lines: [
                "EHLO x", "MAIL FROM:a@b.example", "MAIL FROM:<nobody>", "MAIL FROM:<me@unverified.example>",
                "MAIL FROM:<ü@bücher.example> SMTPUTF8", "RCPT TO:<x y@z>", "RCPT TO:<unknown@z.example>",
                "RCPT TO:<full@z.example>", "RCPT TO:<用户@z.example>",
            ],
            answers: ["250", "501", "501", "553", "250", "501", "550", "552", "250"]
        ),
        Case(
            name: "other letters that nobody announced",
            lines: ["EHLO x", "MAIL FROM:<ü@b.example>", "MAIL FROM:<a@b.example>", "RCPT TO:<用户@z.example>"],
            answers: ["250", "550", "250", "553"]
        ),
        Case(
            name: "unknown",
            lines: ["XYZ", "EHLO", "STARTTLS", "VRFY a", ""],
            answers: ["500", "501", "502", "252", "500"]
        ),
    ]

    @Test func letters() {
        let lines = ["EHLO x", "MAIL FROM:<ü@b.example> SMTPUTF8", "MAIL FROM:<a@b.example>", "RCPT TO:<ü@b.example>"]
        #expect(Self.talk(lines, offersSMTPUTF8: false) == ["250", "555", "250", "553"])
    }

    @Test(arguments: cases) func answers(_ example: Case) {
        #expect(Self.talk(example.lines, requiresLogin: example.requiresLogin) == example.answers)
    }

    @Test func aMessageBeyondTheLimitIsRefusedAtItsEnd() {
        let line = String(repeating: "x", count: 1 << 20)
        let lines =
            ["EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"] + Array(repeating: line, count: 41)
            + ["."]
        #expect(Self.talk(lines).suffix(2) == ["…", "552"])
    }
}
