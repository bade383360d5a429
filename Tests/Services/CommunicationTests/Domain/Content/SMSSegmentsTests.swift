import CommunicationAPI
import Testing

@testable import Communication

@Suite struct SMSSegmentsTests {
    private func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    @Test func textsOfTheGSMAlphabetAreCutAt160AndThen153() {
        for (text, characters, segments) in [
            ("", 0, 0), ("a", 1, 1), (many("ä", 160), 160, 1), (many("a", 161), 161, 2), (many("a", 306), 306, 2),
            (many("a", 307), 307, 3), (many("@Δ§\n", 40), 160, 1),
            // Each of these is sent as two.
            (many("€", 80), 80, 1), (many("[", 81), 81, 2), (many("{}", 76) + "~", 153, 3),
            // One that would be cut in two goes to the next message whole.
            (many("a", 152) + "€" + many("a", 152), 305, 3),
        ] {
            let cut = SMSSegments(text)
            #expect(cut.encoding == .gsm7 && cut.characters == characters, "\(text.prefix(5))… \(cut)")
            #expect(cut.segments == segments, "\(text.prefix(5))… \(cut)")
        }
    }

    @Test func textsOfOtherScriptsAreCutAt70AndThen67() {
        for (text, characters, segments) in [
            ("नमस्ते", 6, 1), (many("ж", 70), 70, 1), (many("ж", 71), 71, 2), (many("ж", 134), 134, 2),
            (many("ж", 135), 135, 3), ("’" + many("a", 69), 70, 1), ("’" + many("a", 70), 71, 2),
            // A pair of surrogates is not cut.
            (many("😀", 35), 35, 1), (many("😀", 36), 36, 2), (many("😀", 66), 66, 2), (many("😀", 67), 67, 3),
        ] {
            let cut = SMSSegments(text)
            #expect(cut.encoding == .ucs2 && cut.characters == characters, "\(text.prefix(5))… \(cut)")
            #expect(cut.segments == segments, "\(text.prefix(5))… \(cut)")
        }
    }
}
