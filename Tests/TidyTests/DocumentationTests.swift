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

    @Test func everyMigrationHasItsOwnNumber() {
        let migrations = SourceTree.files(below: ["Shared", "Services"]).filter { $0.folder.hasSuffix("/Migrations") }
        for (folder, files) in Dictionary(grouping: migrations, by: \.folder) {
            let numbers = files.compactMap { Int($0.name.prefix(4)) }
            #expect(numbers.count == files.count, "\(folder) has a migration without a number")
            #expect(Set(numbers).count == numbers.count, "\(folder) has two migrations of one number")
        }
    }
}
