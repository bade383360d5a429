import Testing

/// What crosses a module says what it is.
@Suite struct DocumentationTests {
    @Test func packageTypesAreDocumented() {
        let kinds = ["struct ", "final class ", "class ", "enum ", "protocol ", "actor "]
        for file in SourceTree.swift(below: ["Shared", "Services"]) {
            for (number, line) in file.lines.enumerated()
            where kinds.contains(where: { line.hasPrefix("package \($0)") }) {
                let before = file.lines[..<number].last { !$0.hasPrefix("@") } ?? ""
                #expect(before.hasPrefix("///"), "\(file.path):\(number + 1) lacks a documentation comment")
            }
        }
    }

    @Test func filesStayReadable() {
        for file in SourceTree.swift(below: ["Shared", "Services"]) {
            #expect(
                file.lines.count <= 700,
                "\(file.path) has \(file.lines.count) lines; look for the name that is missing"
            )
        }
    }

    @Test func migrationsAreNumberedWithoutGaps() {
        let migrations = SourceTree.files(below: ["Shared", "Services"]).filter { $0.folder.hasSuffix("/Migrations") }
        for (folder, files) in Dictionary(grouping: migrations, by: \.folder) {
            for (index, file) in files.map(\.name).sorted().enumerated() {
                #expect(Int(file.prefix(4)) == index + 1, "\(folder)/\(file) is not number \(index + 1)")
            }
        }
    }
}
