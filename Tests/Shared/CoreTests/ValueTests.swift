import Core
import Testing

@Suite struct ValueTests {
    @Test func anIDSurvivesItsForms() throws {
        let id = PatientID(at: Instant(seconds: 1_795_249_800))
        #expect(PatientID(id.description) == id)
        #expect(PatientID(id.description.uppercased()) == id)
        #expect(PatientID.wire(id.description) == id)
        #expect(PatientID.wire("01936d3e-7b1a-7c3d-9f00-00000000000A") == nil, "one form on the wire")
        #expect(PatientID(bytes: id.bytes) == id)
        #expect(id.description.utf8.count == 36)
        #expect(Array(id.description)[14] == "7", "the version of a UUIDv7")
        #expect("89ab".contains(Array(id.description)[19]), "the variant of RFC 9562")
        #expect(PatientID(at: Instant(seconds: 1)) < PatientID(at: Instant(seconds: 2)), "ordered by time")
    }

    @Test(arguments: [
        "", "0190", "01936d3e7b1a7c3d9f00000000000001", "01936d3e-7b1a-7c3d-9f00-00000000000g",
        " 01936d3e-7b1a-7c3d-9f00-000000000001",
    ])
    func nonsenseIsNoID(_ text: String) { #expect(UserID(text) == nil) }

    @Test(arguments: [
        "a@b.example", "first.last+tag@sub.clinic.example", "用户@例え.jp", "o'brien@x.ie", "a@localhost",
        "a@xn--r8jz45g.jp",
    ])
    func addresses(_ text: String) { #expect(EmailAddress(text)?.address == text) }

    @Test(arguments: [
        "", "a", "@b.example", "a@", "a@b", "a b@c.example", "a@b..example", ".a@b.example", "a.@b.example",
        "a@-b.example", "a@b-.example", "a..b@c.example", "a@b.example.", "a@\u{301}b.example", "a@b.\u{301}c.example",
        "a@\(String(repeating: "b", count: 64)).example", "a@b.ex\u{200B}ample", "a\u{200B}b@c.example",
        "a@b.example\r\nBcc: c@d.example", "a@b@c.example", "<a@b.example>", "a\u{0}@b.example",
    ])
    func noAddresses(_ text: String) { #expect(EmailAddress(text) == nil) }

    /// Names in quotes (RFC 5321 §4.1.2), with no more of them than they need.
    @Test(arguments: [
        (#""a b"@c.example"#, #""a b"@c.example"#), (#""a@b"@c.example"#, #""a@b"@c.example"#),
        (#""A. Rao, (x) <y>;:[z]"@c.example"#, #""A. Rao, (x) <y>;:[z]"@c.example"#),
        (#""a\"b\\c"@d.example"#, #""a\"b\\c"@d.example"#), (#"".a..b."@c.example"#, #"".a..b."@c.example"#),
        (#""用 户"@例え.jp"#, #""用 户"@例え.jp"#), (#"""@c.example"#, #"""@c.example"#),
        (#"" "@c.example"#, #"" "@c.example"#),
        // The same mailbox as without them.
        (#""a"@c.example"#, "a@c.example"), (#""a.b"@c.example"#, "a.b@c.example"),
        (#""a\b"@c.example"#, "ab@c.example"),
        (#""\a\ b"@c.example"#, #""a b"@c.example"#), (#""用户"@c.example"#, "用户@c.example"),
    ])
    func namesInQuotes(_ text: String, _ kept: String) throws {
        let address = try #require(EmailAddress(text))
        #expect(address.address == kept)
        #expect(address == EmailAddress(kept.uppercased()) && address.isQuoted == kept.hasPrefix("\""))
        #expect("\(address.localPart)@\(address.domainPart)" == kept && !address.domain.contains("@"))
    }

    @Test(arguments: [
        #""a"#, #""a@c.example"#, #"a"@c.example"#, #"a"b"c@d.example"#, #""a"b"@c.example"#, #""a\"@c.example"#,
        #""a".b@c.example"#, #"a."b c"@d.example"#, "\"a\tb\"@c.example", "\"a\r\nb\"@c.example",
        "\"a\u{7F}\"@c.example",
        "\"a\u{85}\"@c.example", "\"a\u{200B}b\"@c.example", "\"a\\\nb\"@c.example", "\"a\\ü\"@c.example",
        #""a b"@[192.0.2.1]"#, "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", #""a b"@"#, #""a b" @c.example"#,
    ])
    func noNamesInQuotes(_ text: String) { #expect(EmailAddress(text) == nil) }

    /// As they travel: a pair counts as two, quotes that are not needed do not count.
    @Test func lengthsAreThoseOnTheWire() {
        let label = "\(String(repeating: "b", count: 60))."
        let domain = "\(label)\(label)\(label)cd"
        func isTaken(_ name: String, at domain: String = "c.example") -> Bool {
            EmailAddress("\(name)@\(domain)") != nil
        }
        #expect(isTaken(String(repeating: "a", count: 64)) && !isTaken(String(repeating: "a", count: 65)))
        #expect(isTaken("\"\(String(repeating: "a", count: 64))\""))
        #expect(
            isTaken("\"\(String(repeating: " ", count: 62))\"") && !isTaken("\"\(String(repeating: " ", count: 63))\"")
        )
        #expect(isTaken("\"\(String(repeating: #"\""#, count: 31))\""))
        #expect(!isTaken("\"\(String(repeating: #"\""#, count: 32))\""))
        #expect(isTaken(String(repeating: "ü", count: 32)) && !isTaken(String(repeating: "ü", count: 33)))
        #expect(isTaken(String(repeating: "a", count: 64), at: "\(domain)ee.f"))
        #expect(!isTaken(String(repeating: "a", count: 64), at: "\(domain)eee.f"))
        // Bytes of letters say nothing of how long a label becomes in ASCII.
        #expect(isTaken("a", at: "\(String(repeating: "क", count: 30)).example"))
        #expect(!isTaken("a", at: "\(String(repeating: "क", count: 64)).example"))
        #expect(!isTaken("a", at: "b\(String(repeating: "\u{301}", count: 1_000)).example"))
    }

    @Test(arguments: [
        (#"to "A. Rao"@b.example, now"#, "to x@b.example, now"), (#"<"a\"b"@c.example>"#, "<x@c.example>"),
        (#"5" wide: "a b"@c.example"#, #"5" wide: x@c.example"#), (#""a" and "b"@c"#, #""a" and x@c"#),
        (#"no "words" here"#, #"no "words" here"#), (#"a@b.example"#, "a@b.example"), (#""@b"#, #""@b"#),
        (#"a\"b"@c "d"@e"#, #"a\"b"@c x@e"#), (#""a\\"@b"#, "x@b"),
        (#""@a"@b"#, "x@b"), (#""a" "b" "c"@d"@e"#, #""a" "bx@e"#),
    ])
    func namesInQuotesArePlainWords(_ text: String, _ plain: String) { #expect(QuotedNames.plain(text) == plain) }

    /// Each of these opens nothing: a reader that looks back for where one opens does not come to an end.
    @Test func quotesWithoutNamesAreReadInOnePass() {
        let text = String(repeating: "a", count: 20_000) + String(repeating: #"\"@"#, count: 60_000)
        #expect(QuotedNames.plain(text) == text)
    }

    @Test func addressesAreFoundWithoutCase() { #expect(EmailAddress("A@B.Example") == EmailAddress("a@b.example")) }

    @Test(arguments: [
        ("+919876543210", true), ("+4930123456", true), ("919876543210", false), ("+0123456789", false),
        ("+1234567", false), ("+12345678901234567", false),
    ])
    func numbers(_ text: String, _ isValid: Bool) { #expect((PhoneNumber(text) != nil) == isValid) }

    @Test(arguments: [("INR", 2), ("JPY", 0), ("KWD", 3), ("EUR", 2)]) func currencies(_ code: String, _ exponent: Int)
    {
        #expect(Currency(code)?.exponent == exponent)
    }

    @Test(arguments: ["", "inr", "XXX", "EURO"]) func noCurrencies(_ code: String) { #expect(Currency(code) == nil) }

    @Test func utcIsATimeZone() { #expect(TimeZoneName("UTC") == .utc) }

    @Test func aRedactedValueShowsNothing() {
        let secret = Secret("hunter2")
        #expect(!"\(secret) \(String(reflecting: secret)) \(["k": secret])".contains("hunter2"))
        #expect(secret.unredacted == "hunter2")
    }

    @Test func traceparents() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(TraceContext(traceparent: text)?.traceparent == text)
        #expect(TraceContext(traceparent: text)?.child().traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    }

    @Test(arguments: [
        "", "00-0-0-0", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
    ])
    func noTraceparents(_ text: String) { #expect(TraceContext(traceparent: text) == nil) }
}
