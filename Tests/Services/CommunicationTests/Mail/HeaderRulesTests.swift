import Core
import Outbound
import Testing

@testable import Communication

/// Which header lines a sender may write.
@Suite struct HeaderRulesTests {
    private func faults(_ headers: [String: String]) -> [Problem.Fault] {
        HeaderRules.faults(headers, claimed: MessageProviders.builtIn.claimedHeaders)
    }

    @Test(arguments: [
        ("In-Reply-To", "<a@b.example>"), ("references", "<a@b.example> <c@d.example>"), ("Importance", "high"),
        ("Precedence", "bulk"), ("Organization", "Klinik Süd"), ("Keywords", "visit, knee"), ("X-Priority", "1"),
        ("X-Entity-Ref-ID", "visit-17"), ("x-praxis", "नमस्ते 😀"), ("X-Auto-Response-Suppress", "All"),
        ("X-a", String(repeating: "x", count: 993)),
    ]) func sendersWriteThese(name: String, value: String) {
        #expect(faults([name: value]) == [])
    }

    @Test(arguments: [
        "From", "to", "CC", "Bcc", "Reply-To", "Sender", "Subject", "Date", "Message-ID", "Return-Path", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding", "Received", "DKIM-Signature", "ARC-Seal", "Authentication-Results",
        "Received-SPF", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Auto-Submitted",
        "Disposition-Notification-To", "Return-Receipt-To", "Errors-To", "Resent-To", "Resent-From", "Delivered-To",
        "Apparently-To", "Unknown", "X-", "X-SES-CONFIGURATION-SET", "x-ses-source-arn", "X-SMTPAPI", "X-SG-EID",
        "X-Resend-Tag", "X-ZM-Id", "X-Amzn-Trace-Id", "X-Original-To", "X-Envelope-From", "X-Spam-Status",
        "X-MS-Exchange-Organization-SCL", "X-Google-DKIM-Signature", "X-Unsubscribe-Web", "X-Sender",
    ]) func theseAreOthers(name: String) {
        #expect(faults([name: "x"]).map(\.pointer) == ["/headers/\(name)"])
    }

    @Test(arguments: [
        "", "X-Ü", "X A", "X:A", "X-A\r\nBcc", "X-A\u{0}", "X-\u{7F}", "X-" + String(repeating: "a", count: 75),
    ]) func theseAreNoNames(name: String) {
        #expect(faults([name: "x"]).map(\.pointer) == ["/headers"])
    }

    @Test(arguments: [
        "", " ", " a", "a ", "a\r\nBcc: b", "a\nb", "a\rb", "a\u{0}b", "a\tb", "a\u{7F}", "a\u{85}b", "a\u{2028}b",
        "a\u{2029}b",
        String(repeating: "x", count: 999), String(repeating: "ü", count: 400), String(repeating: "x", count: 995),
    ]) func theseAreNoValues(value: String) {
        #expect(faults(["X-A": value]).map(\.pointer) == ["/headers/X-A"])
    }

    @Test(arguments: [
        "a@b.example", "<a@b.example", "<>", "<a b@c.example>", "<ü@b.example>", "<a@b.example>,<c@d.example>",
    ])
    func theseNameNoEmail(value: String) {
        #expect(faults(["In-Reply-To": value]).map(\.pointer) == ["/headers/In-Reply-To"])
        #expect(faults(["References": value]).map(\.pointer) == ["/headers/References"])
    }

    @Test func allAreToldAtOnce() {
        let found = faults(["X-A": "1", "x-a": "2", "Bcc": "b@c.example", "X-B/~": "a\n", "X-C": "c"])
        #expect(found.map(\.pointer) == ["/headers/Bcc", "/headers/X-B~1~0", "/headers/x-a"])
    }

    /// A value that reads like an encoded word is not decoded to something else.
    @Test func whatLooksEncodedIsEncoded() throws {
        let text = "=?utf-8?q?a=0D=0ABcc:_b?="
        #expect(faults(["X-A": text]) == [])
        #expect(try MIMEMessage.line(of: text, "X-A") == "=?utf-8?B?PT91dGYtOD9xP2E9MEQ9MEFCY2M6X2I/PQ==?=")
    }
}
