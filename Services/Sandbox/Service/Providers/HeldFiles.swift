import Contracts
import Core
import Crypto
import Synchronization

/// Files that somebody has sent to an account, as a provider holds them: named by one address, lying at another.
final class HeldFiles: Sendable {
    private static let most = 1_000

    struct File: Sendable {
        let type: String
        let bytes: [UInt8]

        var sha256: String { Array(SHA256.hash(data: bytes)).hex }
    }

    private let files = Mutex<[String: File]>([:])

    func find(_ id: String) -> File? { files.withLock { $0[id] } }

    /// `PUT held/{id}` puts a file there; `GET lying/{id}` gives it, and refuses who shows credentials where `isSigned`.
    func answer(_ request: SandboxRequest, _ parts: [String], isSigned: Bool) -> SandboxReply? {
        guard parts.count == 2 else { return nil }
        switch (request.method, parts[0]) {
        case ("PUT", "held"):
            let type = request.headers["content-type"] ?? "application/octet-stream"
            files.withLock { if $0.count < Self.most { $0[parts[1]] = File(type: type, bytes: request.body) } }
            return SandboxReply(204)
        case ("GET", "lying"):
            let shows = request.headers["authorization"] != nil
            guard shows != isSigned else { return .problem(400, "Only one auth mechanism allowed.") }
            guard let file = find(parts[1]) else { return .problem(404, "There is no such file.") }
            return SandboxReply(200, headers: [("Content-Type", file.type)], body: file.bytes)
        default: return nil
        }
    }

    /// Where a file lies.
    func address(_ id: String, _ request: SandboxRequest, under provider: String) -> String {
        "http://\(request.headers["host"] ?? "localhost")/\(provider)/lying/\(id)"
    }
}
