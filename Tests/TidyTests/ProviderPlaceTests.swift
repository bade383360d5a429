import Foundation
import Testing

/// What is particular to a provider stands in its own files, so that adding one is a file and a line in the list of all.
@Suite struct ProviderPlaceTests {
    private static let folder = "Services/Communication/Service/Providers"
    private static let list = "MessageProviders.swift"
    /// Wherever a provider could be named besides.
    private static let elsewhere = [
        "Services/Communication/Service", "Services/Communication/API", "Services/Gateway", "Shared",
    ]
    /// Lines that have a provider's name and do not mean it, and why.
    private static let otherMeanings = [
        "CommunicationConfiguration.swift": "an example for readers of the interface",
        "SMTPEndpoint.swift": "the scheme of a mail server's address",
        "SMTPTransfer.swift": "the scheme of a mail server's address",
        "TwilioContents.swift": "a member of Twilio's answers",
    ]
    private static let sandbox = "Services/Sandbox/Service"

    private struct Provider {
        let type: String
        let name: String
        let file: String

        /// What the names of its own files begin with, in whatever capitals.
        var stem: String { name.replacing("_", with: "") }
        func owns(_ file: SourceFile, in folder: String) -> Bool {
            file.path.hasPrefix(folder + "/") && file.name.lowercased().hasPrefix(stem)
        }
    }

    private static func providers() -> [Provider] {
        SourceTree.swift(below: [folder]).compactMap { file in
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

    /// The types that a file declares for others to use.
    private static func types(in file: SourceFile) -> [String] {
        file.lines.filter { $0.first?.isLetter == true }.compactMap { line in
            let words = line.split(whereSeparator: { !$0.isLetter && !$0.isNumber }).map(String.init)
            guard let first = words.first, ["struct", "enum", "final", "protocol"].contains(first) else { return nil }
            return words.drop { ["final", "struct", "enum", "class", "protocol"].contains($0) }.first
        }
    }

    @Test func aProviderIsAFileAndALine() throws {
        let providers = Self.providers()
        #expect(providers.count > 10)
        let list = try #require(SourceTree.swift(below: [Self.folder]).first { $0.name == Self.list })
        for provider in providers {
            #expect(provider.file == "\(provider.type).swift")
            #expect(provider.file.lowercased().hasPrefix(provider.stem))
            #expect(list.lines.count { $0.contains("\(provider.type).self") } == 1, "\(provider.type)")
        }
    }

    /// Neither its name nor a type of its own stands outside its own files, but for the one line in the list.
    @Test func nobodyElseNamesOne() {
        let providers = Self.providers()
        let files = SourceTree.swift(below: Self.elsewhere).filter { $0.name != Self.list }
        for provider in providers {
            let own = files.filter { provider.owns($0, in: Self.folder) }
            let types = Set(own.flatMap(Self.types))
            #expect(types.contains(provider.type))
            for file in files where !provider.owns(file, in: Self.folder) {
                for (number, line) in file.lines.enumerated() {
                    let words = Set(line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
                    let isNamed = line.contains("\"\(provider.name)\"") && Self.otherMeanings[file.name] == nil
                    guard isNamed || !words.isDisjoint(with: types) else { continue }
                    Issue.record(
                        "\(file.path):\(number + 1) names \(provider.name); let the provider say what is particular to it"
                    )
                }
            }
        }
    }

    /// Who plays one is a file and a line too; a mail server has a folder of its own.
    @Test func theSandboxNamesEachOnce() throws {
        let files = SourceTree.swift(below: [Self.sandbox])
        let list = try #require(files.first { $0.name == "SandboxService.swift" })
        for provider in Self.providers() {
            let own = files.filter {
                provider.owns($0, in: "\(Self.sandbox)/Providers") || provider.owns($0, in: "\(Self.sandbox)/Mail")
            }
            let types = Set(own.flatMap(Self.types))
            #expect(
                own.contains { $0.lines.contains { $0.contains("name = \"\(provider.name)\"") } },
                "\(provider.name)"
            )
            let lines = list.lines.filter { line in types.contains { line.hasPrefix("            \($0)(") } }
            #expect(lines.count == 1 || provider.name == "smtp", "\(provider.name): \(lines)")
        }
    }
}
