import CommunicationAPI
import Core
import Testing

@testable import Communication

@Suite struct AddressRulesTests {
    @Test(arguments: [
        ("a@apple.example", false), ("a@почта.рф", false), ("a@почта.com", false), ("a@ab例え.jp", false),
        ("a@bücher.example", false), ("a@παράδειγμα.gr", false),
        // Cyrillic and Greek letters that are there to be mistaken.
        ("a@\u{430}pple.example", true), ("a@clini\u{441}.example", true), ("a@g\u{3BF}ogle.example", true),
        ("a@good.\u{435}xample", true),
        // The same as they travel.
        ("a@xn--pple-43d.example", true), ("a@XN--PPLE-43D.example", true), ("a@xn--ggle-0nda.example", true),
        ("a@xn--google-example.com", false), ("a@xn--bcher-kva.example", false), ("a@xn--80a1acny.xn--p1ai", false),
    ]) func aDomainThatMixesAlphabetsIsATrick(text: String, isDeceptive: Bool) throws {
        #expect(AddressRules.isDeceptive(try #require(EmailAddress(text))) == isDeceptive)
    }

    @Test(arguments: [
        ("A.Rao@Example.com", "a.rao@example.com"), ("a@m\u{FC}nchen.de", "a@m\u{FC}nchen.de"),
        ("a@mu\u{308}nchen.de", "a@m\u{FC}nchen.de"), ("a@M\u{DC}NCHEN.de", "a@m\u{FC}nchen.de"),
        ("a@xn--mnchen-3ya.de", "a@m\u{FC}nchen.de"), ("A@XN--MNCHEN-3YA.DE", "a@m\u{FC}nchen.de"),
        ("jose\u{301}@b.example", "jos\u{E9}@b.example"), ("xn--a@b.example", "xn--a@b.example"),
        // Whatever is one domain to mail is one address.
        (#""A B"@XN--MNCHEN-3YA.de"#, "\"a b\"@m\u{FC}nchen.de"), (#""A.b"@c.example"#, "a.b@c.example"),
        (#""a@É"@ü.de"#, #""a@é"@ü.de"#),
        ("a@ｇmail.com", "a@gmail.com"), ("a@Faß.de", "a@faß.de"), ("a@xn--fa-hia.de", "a@faß.de"),
        // What no label says stays as it is.
        ("a@aa--ü.example", "a@aa--ü.example"),
        ("a@xn--99999999999999999999.com", "a@xn--99999999999999999999.com"),
    ]) func anAddressIsFoundHoweverItIsSpelled(text: String, sought: String) throws {
        let address = try #require(EmailAddress(text))
        // Bytes: texts that look the same are equal anyhow.
        #expect(Array(address.sought.utf8) == Array(sought.utf8))
        #expect(ChannelAddress(.email, text).map { Array($0.normalized.utf8) } == Array(sought.utf8))
    }

    @Test(arguments: [
        "\(String(repeating: "a", count: 65))@b.example", "a@\(String(repeating: "b", count: 64)).example",
        "a@\(String(repeating: "b.", count: 150))example", "a@b\u{200B}c.example", "a\u{202E}b@c.example",
        "a@b.example\r\nBcc: c@d.example",
    ]) func whatIsTooLongOrHidesSomethingIsNoAddress(text: String) { #expect(EmailAddress(text) == nil) }

    @Test(arguments: ["a@\u{430}pple.example", "a@aa--ü.example"]) func whatReachesNobodyIsRefusedAtItsPlace(
        text: String
    ) {
        let content = MessageContent(subject: "S", text: "T")
        let address = EmailAddress(text)
        var draft = MessageDraft(to: RecipientDraft(email: address), content: content, replyTo: address)
        #expect(AddressRules.faults(draft).map(\.pointer) == ["/to/email", "/replyTo"])
        draft.to.email = EmailAddress("a@apple.example")
        #expect(AddressRules.faults(draft).map(\.pointer) == ["/replyTo"])
        draft.replyTo = nil
        #expect(AddressRules.faults(draft).isEmpty)
    }
}
