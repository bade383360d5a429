import Testing

/// Text that must not stand in the sources, and what to write instead.
@Suite struct BannedTextTests {
    struct Ban: Sendable, CustomTestStringConvertible {
        let text: String
        let instead: String
        var inTestsToo = false
        /// Files, by the end of their path, that may.
        var except: [String] = []
        var testDescription: String { text }
    }

    static let bans: [Ban] = [
        Ban(text: "Task.detached", instead: "structured tasks, or Task {} with its reason", inTestsToo: true),
        Ban(text: "DispatchQueue", instead: "a Service, or a thread of the module's own", inTestsToo: true),
        Ban(text: "fatalError(", instead: "precondition, or an error", inTestsToo: true),
        Ban(text: "try!", instead: "try", inTestsToo: true),
        Ban(text: "Date()", instead: "Instant.now()", inTestsToo: true),
        Ban(text: "UUID()", instead: "TypedID()", inTestsToo: true),
        // Each of these wraps one C handle and says in its comment why it may cross threads.
        Ban(
            text: "@unchecked Sendable",
            instead: "Mutex or Atomic",
            except: ["Outbound/SMTPTransfer.swift", "Postgres/Connections/CancelHandle.swift"]
        ),
        Ban(text: "nonisolated(unsafe)", instead: "Mutex or Atomic"),
        // The optimiser of Swift 6.3 forgets what stands before it: pairs came out with 0 in place of their first part.
        Ban(text: ", .success(try await", instead: "the result first, and the tuple with it then", inTestsToo: true),
        Ban(text: "import XCTest", instead: "import Testing", inTestsToo: true),
        Ban(text: "TODO", instead: "the thing itself", inTestsToo: true),
        Ban(text: "FIXME", instead: "the mended thing", inTestsToo: true),
    ]

    @Test(arguments: bans) func nowhere(_ ban: Ban) {
        for file in SourceTree.swift() where ban.inTestsToo || !file.isTest {
            guard !file.path.hasPrefix("Tests/TidyTests/"), !ban.except.contains(where: file.path.hasSuffix) else {
                continue
            }
            for (number, line) in file.lines.enumerated() where Self.code(line).contains(ban.text) {
                Issue.record("\(file.path):\(number + 1) has \(ban.text); write \(ban.instead)")
            }
        }
    }

    @Test func nothingIsPublic() {
        for file in SourceTree.swift() {
            for (number, line) in file.lines.enumerated()
            where line.trimmingPrefix(while: { $0 == " " }).hasPrefix("public ") {
                Issue.record("\(file.path):\(number + 1) is public; nothing leaves this repository, write package")
            }
        }
    }

    @Test func testsWaitOnSignals() {
        for file in SourceTree.swift(below: ["Tests"])
        where !file.path.hasPrefix("Tests/TidyTests/") && !file.path.hasPrefix("Tests/TestKit/") {
            for (number, line) in file.lines.enumerated() where Self.code(line).contains("Task.sleep") {
                Issue.record("\(file.path):\(number + 1) sleeps; use TestKit's `eventually`")
            }
        }
    }

    @Test func statementsStandInStores() {
        for file in SourceTree.swift(below: ["Services"])
        where file.path.contains("/Service/") && !file.path.hasPrefix("Services/Operator/")
            && !file.path.contains("/Store/")
        {
            for (number, line) in file.lines.enumerated() {
                let code = Self.code(line)
                guard code.contains("tx.rows(") || code.contains("tx.execute(") else { continue }
                Issue.record("\(file.path):\(number + 1) has SQL; give it to a file below Store")
            }
        }
    }

    @Test func standardOutputBelongsToTheCommandLine() {
        for file in SourceTree.swift(below: ["Shared", "Services"]) where !file.path.hasPrefix("Services/Operator/") {
            for (number, line) in file.lines.enumerated() {
                let code = Self.code(line).trimmingPrefix(while: { $0 == " " })
                if code.hasPrefix("print(") { Issue.record("\(file.path):\(number + 1) prints; use the logger") }
            }
        }
    }

    /// The line without its comment; texts in quotes stay.
    static func code(_ line: String) -> Substring {
        var previous: Character = " "
        for index in line.indices {
            if line[index] == "/", previous == "/" || previous == " ", line[index...].hasPrefix("//") {
                return line[..<index]
            }
            previous = line[index]
        }
        return line[...]
    }
}
