import Testing

/// `polyclinic config` lists the settings that there are.
@Suite struct SettingsTests {
    private static let list = "Services/Operator/Service/Commands/ConfigCommand.swift"
    /// The sandbox and what a private installation gives its processes are for development.
    private static let others = ["Services/Sandbox/", "Services/Operator/Service/Dev/"]
    private static let families = ["POLYCLINIC_", "DATABASE_", "REDIS_", "LOG_"]
    /// Given to tests, and read by them.
    private static let ofTests: Set<String> = ["POLYCLINIC_TEST_SERVERS"]
    /// One for each service, put together where it is read.
    private static let ofServices = "DATABASE_URL_"

    /// The names of settings that stand in quotes.
    private static func keys(in file: SourceFile) -> [String] {
        let quoted = file.lines.flatMap { line -> [String] in
            BannedTextTests.code(line).split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        }
        let keys = quoted.filter { text in
            families.contains { text.hasPrefix($0) } && text.allSatisfy { $0 == "_" || $0.isUppercase }
        }
        // Each may be given as a file.
        return keys.map { $0.hasSuffix("_FILE") ? String($0.dropLast("_FILE".count)) : $0 }
    }

    @Test func everySettingIsListed() throws {
        let sources = SourceTree.swift(below: ["Shared", "Services"])
        let listed = Self.keys(in: try #require(sources.first { $0.path == Self.list }))
        #expect(Set(listed).count == listed.count, "a setting is listed twice")
        let readers = sources.filter { file in
            file.path != Self.list && !Self.others.contains { file.path.hasPrefix($0) }
        }
        let read = readers.flatMap { Self.keys(in: $0) }
        let missing = Set(read).subtracting(listed).subtracting(Self.ofTests)
        #expect(missing.isEmpty, "polyclinic config leaves out \(missing.sorted())")
        let idle = Set(listed).subtracting(read).filter { !$0.hasPrefix(Self.ofServices) }
        #expect(idle.isEmpty, "nobody reads \(idle.sorted())")
    }
}
