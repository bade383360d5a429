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
