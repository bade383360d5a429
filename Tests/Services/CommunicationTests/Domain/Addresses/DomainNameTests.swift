import CommunicationAPI
import Core
import Testing

@testable import Communication

/// Domains as they travel, by the names that IANA tried each script with and the examples of UTS #46.
@Suite struct DomainNameTests {
    @Test(arguments: [
        ("München.example", "xn--mnchen-3ya.example"), ("mu\u{308}nchen.de", "xn--mnchen-3ya.de"),
        ("Bücher.EXAMPLE", "xn--bcher-kva.example"), ("öbb.at", "xn--bb-eka.at"), ("ȡog.de", "xn--og-09a.de"),
        // Not transitional: a letter that was once taken for two is one.
        ("Faß.de", "xn--fa-hia.de"), ("βόλος.com", "xn--nxasmm1c.com"),
        ("उदाहरण.परीक्षा", "xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"), ("उदाहरण.भारत", "xn--p1b6ci4b4b3a.xn--h2brj9c"),
        ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"), ("דוגמה.טעם", "xn--6dbbec0c.xn--debko"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"), ("例子.测试", "xn--fsqu00a.xn--0zwm56d"),
        ("실례.테스트", "xn--9n2bp8q.xn--9t4b11yi5a"), ("ตัวอย่าง.ไทย", "xn--72c1a1bt4awk9o.xn--o3cw4h"),
        ("உதாரணம்.பரிட்சை", "xn--zkc6cc5bi7f6e.xn--hlcj6aya9esc7a"),
        ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"), ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
        // Wide letters and stops are those of ASCII to a domain.
        ("ｇｍａｉｌ.com", "gmail.com"), ("日本語。ＪＰ", "xn--wgv71a119e.jp"),
        // What is ASCII stays as it is.
        ("Clinic.EXAMPLE", "Clinic.EXAMPLE"), ("XN--MNCHEN-3YA.de", "XN--MNCHEN-3YA.de"), ("localhost", "localhost"),
    ]) func eachLabelTravelsInASCII(name: String, form: String) { #expect(DomainName.travelling(name) == form) }

    @Test(arguments: [
        // A mark without its letter, letters of two directions in a label, and signs that no domain has.
        "\u{300}a.de", "àא.de", "ü\u{80}.de", "ü%41.de", "ü/x.de",
        // Hyphens where A-labels have theirs, and at the ends.
        "aa--ü.de", "xn--ü.de", "-ü.de", "ü-.de",
        // Longer than a label may be.
        "\(String(repeating: "ü", count: 59)).de",
    ]) func whatHasNoSuchFormDoesNotTravel(name: String) {
        #expect(DomainName.travelling(name).flatMap { EmailAddress("a@\($0)") } == nil)
    }

    @Test(arguments: [
        ("XN--MNCHEN-3YA.Example", "münchen.example"), ("MÜNCHEN.example", "münchen.example"),
        ("xn--e1afmkfd.xn--80akhbyknj4f", "пример.испытание"), ("xn--fa-hia.de", "faß.de"),
        ("ｇmail.com", "gmail.com"), ("Clinic.example", "clinic.example"),
        // What is written badly stays as it is, and takes nothing else with it.
        ("xn--a-!.xn--mnchen-3ya.de", "xn--a-!.münchen.de"),
    ]) func peopleReadLetters(name: String, letters: String) {
        #expect(Array(DomainName.readable(name).utf8) == Array(letters.utf8))
    }

    /// As Python's codec writes them.
    @Test(
        arguments: [
            ("xn--pple-43d", "\u{430}pple"), ("xn--bcher-kva", "bücher"), ("XN--80a1acny", "почта"),
            ("xn--ab-s73as50l", "ab例え"), ("xn--maana-pta", "mañana"), ("apple", nil), ("xn--", nil), ("xn--abc-", nil),
            ("xn--\u{E4}", nil), ("xn--a-!", nil), ("xn--\u{E4}-ls8h", nil), ("xn--99999999999999999999", nil),
            ("xn--zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", nil),
        ] as [(String, String?)]
    ) func labelsAreReadAsTheyAreShown(label: String, text: String?) {
        #expect(DomainName.letters(of: label) == text)
    }

    @Test(
        arguments: [
            ("Arzt@München.example", "Arzt@xn--mnchen-3ya.example"), ("用户@example.org", "用户@example.org"),
            ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"), ("Asha@Example.org", "Asha@Example.org"),
            ("a@aa--ü.example", nil), (#""a b"@München.example"#, #""a b"@xn--mnchen-3ya.example"#),
            (#""a@b"@bücher.example"#, #""a@b"@xn--bcher-kva.example"#),
            // More bytes than a label has, and in ASCII no more than one may have.
            (
                "a@अन्तर्राष्ट्रीयचिकित्सालय.भारत",
                "a@xn--l1b6aotydx2ddeab4a7dva2giobp9xcdbi.xn--h2brj9c"
            ),
            ("a@\(String(repeating: "ü", count: 57)).example", "a@xn--td\(String(repeating: "a", count: 57)).example"),
            ("a@\(String(repeating: "ü", count: 58)).example", nil),
            // Its domain fits where it is written and no longer where it travels.
            ("\(String(repeating: "l", count: 64))@\(String(repeating: "öäü.", count: 25))example", nil),
        ] as [(String, String?)]
    ) func anAddressIsHandedOverWithItsDomainInASCII(text: String, form: String?) throws {
        #expect(try #require(EmailAddress(text)).mailed?.address == form)
    }
}
