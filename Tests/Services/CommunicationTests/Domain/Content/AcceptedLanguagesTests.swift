import Testing

@testable import Communication

@Suite struct AcceptedLanguagesTests {
    @Test(
        arguments: [
            ("de", ["de"]), ("en;q=0.5, de-AT, hi;q=0.8", ["de-AT", "hi", "en"]), ("de, hi", ["de", "hi"]),
            ("fr;q=0, *, de ; q=0.1", ["de"]), ("de;q=x, hi;Q=1.0", ["hi"]), ("", []), (",;,", []),
        ] as [(String, [String])]
    )
    func theMostWantedComesFirst(header: String, tags: [String]) {
        #expect(AcceptedLanguages.tags(header) == tags)
    }

    @Test func aListWithoutEndIsNotReadToIt() {
        let header = Array(repeating: "de", count: 1_000).joined(separator: ",")
        #expect(AcceptedLanguages.tags(header).count == AcceptedLanguages.most)
    }
}
