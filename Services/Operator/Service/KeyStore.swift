import Bus
import Core
import LocalServers
import Vault

/// The operator's key file and the views beside it.
struct KeyStore {
    let path: String

    init(_ path: String) { self.path = path }

    private var folder: String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }

    func read() throws -> KeyFile {
        guard let text = Files.read(path) else {
            throw OperatorError("there is no key file \(path): polyclinic keys init")
        }
        return try KeyFile(json: Array(text.utf8))
    }

    /// Writes the whole file and, as `<process>.json` beside it, what each process may see of it.
    func write(_ file: KeyFile) throws {
        try Files.makeFolder(folder.isEmpty ? "." : folder)
        try Files.writeSecret(String(decoding: try file.json(), as: UTF8.self), to: path)
        for holder in KeyHolder.all {
            let view = file.view(for: holder) { key, holder in
                EdgeKeys.derive(from: key.key.bytes, for: holder.description).mapValues { KeyMaterial($0) }
            }
            let place = folder.isEmpty ? "\(holder).json" : "\(folder)/\(holder).json"
            try Files.writeSecret(String(decoding: try view.json(), as: UTF8.self), to: place)
        }
    }

    /// Makes a new file where there is none.
    func makeIfMissing() throws { try write(Files.read(path) == nil ? .generate() : read()) }
}
