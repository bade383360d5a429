import Core
import Testing

@Suite struct TrimmingTests {
    @Test(
        arguments: [
            ("", ""), ("  ", ""), ("a", "a"), (" a b  ", "a b"), ("\ta ", "\ta"),
            (" \u{301}a\u{301} ", "\u{301}a\u{301}"),
        ] as [(String, String)]
    )
    func whatIsBlankAroundATextIsTakenAway(_ text: String, _ trimmed: String) {
        let found = text[...].trimming { $0 == " " }
        #expect(found.unicodeScalars.elementsEqual(trimmed.unicodeScalars))
    }
}
