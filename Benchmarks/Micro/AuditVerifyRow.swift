import AuditLog
import Core
import FoundationEssentials

/// A bundle of 500,000 entries, verified offline from a file.
enum AuditVerifyRow {
    static let entries = 500_000

    static func measure() async throws -> [String: Double] {
        let path = FileManager.default.temporaryDirectory.appending(path: "bench-\(RequestID()).tar").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let key = try write(to: path)
        let took = try await seconds {
            let report = try BundleVerifier(keys: [key]).verify(path: path)
            guard report.isVerified else { throw BundleError("the bundle did not verify") }
        }
        return ["per second": Double(entries) / took]
    }

    private static func line(_ seq: Int) -> String {
        """
        {"action":"appointments:read","actor":{"id":"01936d3e-7b1a-7c3d-9f00-000000000001","roles":["RECEPTIONIST"],\
        "type":"user"},"at":"2026-11-21T08:30:00.123Z","clinicId":"01936d3e-7b1a-7c3d-9f00-000000000002",\
        "id":"01936d3e-7b1a-7c3d-9f00-000000000003","outcome":"succeeded","seq":\(seq)}
        """
    }

    private static func write(to path: String) throws -> VerifierKey {
        guard let signer = NoteSigner(name: "bench/clinic", seed: Array(repeating: 7, count: 32)) else {
            throw BundleError("no signer")
        }
        var body: [UInt8] = []
        var hashes: [TreeHash] = []
        var tree = MerkleTree()
        for seq in 0..<entries {
            let text = Array(line(seq).utf8)
            let hash = TreeHash.leaf(text)
            hashes.append(hash)
            tree.add(hash)
            body += text + [10]
        }
        let box = Box()
        var writer = BundleWriter { box.bytes += $0 }
        try writer.add(BundleLayout.keys, try BundleLayout.keysJSON([signer.verifierKey]))
        let note = try Checkpoint(origin: "bench/clinic", size: Int64(entries), root: tree.root).signed(by: signer)
        try writer.add(BundleLayout.checkpoint, Array(note.utf8))
        for tile in Tile.tiles(level: 0, size: Int64(entries)) {
            try writer.add(tile.path, tile.positions.flatMap { hashes[Int($0.index)].bytes })
        }
        try writer.add(BundleLayout.entries, body)
        try writer.finish()
        try Data(box.bytes).write(to: URL(filePath: path))
        return signer.verifierKey
    }

    private final class Box { var bytes: [UInt8] = [] }
}
