import Core
import FoundationEssentials
import Testing

/// Lines of a vector file beside this one, split at `|`; lines that begin with `#` are about the file.
func vectors(_ name: String, file: String = #filePath) throws -> [[String]] {
    let folder = URL(filePath: file).deletingLastPathComponent().appending(path: "Vectors")
    let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
        line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    }
}

func bytes(_ hex: String) throws -> [UInt8] { try #require([UInt8](hex: hex)) }
