import Foundation
import Testing

/// The project's own files, as the style tests read them.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// From the root of the project.
    let path: String
    let lines: [String]

    var testDescription: String { path }
    var name: String { String(path.split(separator: "/").last ?? "") }
    var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }
    var isTest: Bool { path.hasPrefix("Tests/") }
}

enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All Swift files below the given top folders.
    static func swift(below folders: [String] = ["Shared", "Services", "Tests", "Benchmarks"]) -> [SourceFile] {
        files(below: folders).filter { $0.path.hasSuffix(".swift") }
    }

    static func files(below folders: [String]) -> [SourceFile] {
        folders.flatMap { folder -> [SourceFile] in
            let top = root.appendingPathComponent(folder)
            guard let paths = FileManager.default.enumerator(atPath: top.path)?.allObjects as? [String] else {
                return []
            }
            return paths.sorted().compactMap { path in
                guard !path.contains(".build"),
                    let text = try? String(contentsOf: top.appendingPathComponent(path), encoding: .utf8)
                else { return nil }
                return SourceFile(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
            }
        }
    }
}
