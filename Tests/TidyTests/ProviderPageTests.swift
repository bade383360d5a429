import Testing

/// `docs/providers.md` tells whoever sets up a provider of each credential that it takes.
@Suite struct ProviderPageTests {
    private static let page = "docs/providers.md"
    private static let services = ["Communication", "Billing", "Appointments"]
    /// How the name of a credential stands where a provider declares it, or a constant for it.
    private static let declarations = [
        ".text(\"", ".optional(\"", ".secret(\"", ".secrets(\"", ".email(\"", ".init(\"", "let key = \"",
        "let signingKey = \"",
    ]

    private static func files() -> [SourceFile] {
        SourceTree.swift(below: services.map { "Services/\($0)/Service/Providers" })
    }

    /// What stands in quotes behind a mark.
    private static func quoted(_ mark: String, in line: String) -> [String] {
        line.split(separator: mark, omittingEmptySubsequences: false).dropFirst().map {
            String($0.prefix { $0 != "\"" })
        }
    }

    @Test func everyProviderAndCredentialIsExplained() throws {
        let page = try #require(SourceTree.files(below: ["docs"]).first { $0.path == Self.page })
        var words: Set<String> = []
        for line in page.lines {
            for word in line.split(separator: "`") { words.insert(String(word.filter { $0 != "?" })) }
        }
        var names: Set<String> = []
        for file in Self.files() {
            for line in file.lines where line.hasPrefix("    static let name = ") || line.hasPrefix("    let name = ") {
                names.formUnion(Self.quoted("let name = \"", in: line))
            }
        }
        #expect(names.count > 10)
        for name in names { #expect(words.contains(name), "\(Self.page) has no provider \(name)") }
        let declaring = Self.files().filter { file in
            file.lines.contains { $0.contains("let keys") || $0.contains("let key = ") || $0.contains("var shape:") }
        }
        var count = 0
        for file in declaring {
            for mark in Self.declarations {
                for name in file.lines.flatMap({ Self.quoted(mark, in: $0) }) {
                    count += 1
                    #expect(words.contains(name), "\(Self.page) does not explain \(name) of \(file.path)")
                }
            }
        }
        #expect(count > 40)
    }
}
