import Foundation
import Testing

/// The tables of promises name tests that exist, so that they cannot promise what nothing shows.
@Suite struct PromiseTests {
    /// A row of a table: what is promised, the tests that show it, and where they are.
    private struct Promise {
        let place: String
        let text: String
        let tests: [String]
        let target: String
    }

    private static let heading = ["promise", "shown by", "target"]

    private static var pages: [SourceFile] {
        SourceTree.files(below: ["Services", "Shared"]).filter { $0.name == "README.md" }
    }

    private static func cells(_ line: String) -> [String] {
        line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private static func promises() -> [Promise] {
        pages.flatMap { file in
            file.lines.enumerated().compactMap { number, line -> Promise? in
                let cells = cells(line)
                guard line.hasPrefix("|"), cells.count == 3, cells != heading, !cells[0].hasPrefix("---") else {
                    return nil
                }
                let tests = cells[1].split(separator: " ").map { $0.filter { $0 != "`" } }
                return Promise(place: "\(file.path):\(number + 1)", text: cells[0], tests: tests, target: cells[2])
            }
        }
    }

    @Test func everyPromiseHasTestsThatExist() throws {
        let promises = Self.promises()
        #expect(promises.count > 40)
        #expect(Set(promises.map(\.text)).count == promises.count, "a promise stands there twice")
        let sources = SourceTree.swift(below: ["Tests"])
        for promise in promises {
            #expect(!promise.tests.isEmpty, "\(promise.place) names no test")
            let files = sources.filter { $0.path.contains("/\(promise.target)/") }
            #expect(!files.isEmpty, "\(promise.place): there is no target \(promise.target)")
            for test in promise.tests {
                let parts = test.split(separator: ".")
                try #require(parts.count == 2, "\(promise.place): \(test) is not Suite.test")
                #expect(
                    files.contains { Self.holds($0, suite: parts[0], test: parts[1]) },
                    "\(promise.place): \(promise.target) has no \(test)"
                )
            }
        }
    }

    /// A row of another form would be passed over.
    @Test func everyRowIsAPromise() {
        for page in Self.pages where page.lines.contains(where: { Self.cells($0) == Self.heading }) {
            for (number, line) in page.lines.enumerated() where line.hasPrefix("|") {
                #expect(Self.cells(line).count == Self.heading.count, "\(page.path):\(number + 1)")
            }
        }
    }

    /// Whether a file declares or extends a suite and has a test of that name in it.
    private static func holds(_ file: SourceFile, suite: Substring, test: Substring) -> Bool {
        let declares = file.lines.contains { line in
            ["struct \(suite) ", "struct \(suite):", "extension \(suite) "].contains { line.contains($0) }
        }
        guard declares, let place = file.lines.firstIndex(where: { $0.contains("func \(test)(") }) else { return false }
        // The attribute may stand on lines of its own, with its arguments, but behind whatever function comes before.
        let before = file.lines[..<place].lastIndex { BannedTextTests.code($0).contains("func ") } ?? -1
        return file.lines[(before + 1)...place].contains { $0.contains("@Test") }
    }
}
