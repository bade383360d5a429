import Foundation
import Testing

/// What is particular to a provider stands in its own files, so that adding one is a file and a line in the list of all.
@Suite struct ProviderPlaceTests {
    private static let service = "Services/Communication/Service/"
    private static let folder = service + "Providers"
    private static let list = "MessageProviders.swift"

    /// Files beside theirs that name one, and why.
    private static let others = [
        "RenderedContent.swift": "Twilio's templates have names of their own",
        "HandshakeHandlers.swift": "Meta alone asks before it tells",
        "MailIntake.swift": "what is handed to a mail server comes back by mail",
    ]

    private struct Provider {
        let type: String
        let name: String
        let file: String
    }

    private static func providers() -> [Provider] {
        SourceTree.swift(below: [folder]).filter { $0.folder == folder }.compactMap { file in
            guard let name = file.lines.first(where: { $0.hasPrefix("    static let name = \"") }),
                let type = file.lines.first(where: { $0.hasPrefix("struct ") && $0.contains("Provider: ") })
            else { return nil }
            return Provider(
                type: String(type.dropFirst("struct ".count).prefix { $0 != ":" }),
                name: String(name.split(separator: "\"")[1]),
                file: file.name
            )
        }
    }

    @Test func aProviderIsAFileAndALine() throws {
        let providers = Self.providers()
        #expect(providers.count > 10)
        let list = try #require(SourceTree.swift(below: [Self.folder]).first { $0.name == Self.list })
        for provider in providers {
            #expect(provider.file == "\(provider.type).swift")
            #expect(list.lines.count { $0.contains("\(provider.type).self") } == 1, "\(provider.type)")
        }
    }

    @Test func nobodyElseNamesOne() {
        let providers = Self.providers()
        let words = providers.map(\.type) + Set(providers.map { "\"\($0.name)\"" })
        for file in SourceTree.swift(below: [Self.service]) where file.folder != Self.folder {
            guard Self.others[file.name] == nil else { continue }
            for (number, line) in file.lines.enumerated() {
                for word in words where line.contains(word) {
                    Issue.record(
                        "\(file.path):\(number + 1) names \(word); let the provider say what is particular to it"
                    )
                }
            }
        }
    }
}
