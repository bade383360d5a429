import FoundationEssentials

/// Files under Tests/Golden that hold what was agreed: a change by accident fails, one on purpose shows in the diff.
package enum Golden {
    private static let folder: [Substring] = Array(#filePath.split(separator: "/").dropLast(2)) + ["Golden"]

    /// Compares with `Tests/Golden/<name>`; with `UPDATE_GOLDEN=1` writes it instead.
    ///
    /// Throws an error that names the first line that differs.
    package static func check(_ text: String, _ name: String) throws {
        let path = "/" + (folder + [Substring(name)]).joined(separator: "/")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(
                atPath: String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: URL(filePath: path))
            return
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TestKitError("Tests/Golden/\(name) is missing; UPDATE_GOLDEN=1 writes it")
        }
        let agreed = String(decoding: data, as: UTF8.self)
        guard agreed != text else { return }
        let (old, new) = (agreed.split(separator: "\n"), text.split(separator: "\n"))
        let line = zip(old, new).prefix { $0 == $1 }.count
        throw TestKitError(
            "Tests/Golden/\(name) differs at line \(line + 1): agreed «\(line < old.count ? old[line] : "end")», "
                + "found «\(line < new.count ? new[line] : "end")»; UPDATE_GOLDEN=1 writes it"
        )
    }
}
