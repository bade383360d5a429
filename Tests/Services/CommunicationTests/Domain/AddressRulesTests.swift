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
    ]) func aDomainThatMixesAlphabetsIsATrick(text: String, isDeceptive: Bool) throws {
        #expect(AddressRules.isDeceptive(try #require(EmailAddress(text))) == isDeceptive)
    }

    @Test(arguments: [
        "\(String(repeating: "a", count: 65))@b.example", "a@\(String(repeating: "b", count: 64)).example",
        "a@\(String(repeating: "b.", count: 150))example", "a@b\u{200B}c.example", "a\u{202E}b@c.example",
        "a@b.example\r\nBcc: c@d.example",
    ]) func whatIsTooLongOrHidesSomethingIsNoAddress(text: String) { #expect(EmailAddress(text) == nil) }

    @Test func whoIsMeantToBeMistakenIsRefusedAtItsPlace() {
        let content = MessageContent(subject: "S", text: "T")
        let address = EmailAddress("a@\u{430}pple.example")
        var draft = MessageDraft(to: RecipientDraft(email: address), content: content)
        #expect(throws: Problem.self) { try AddressRules.check(draft) }
        draft.to.email = EmailAddress("a@apple.example")
        #expect(throws: Never.self) { try AddressRules.check(draft) }
        draft.replyTo = address
        #expect(throws: Problem.self) { try AddressRules.check(draft) }
    }
}
