import AccessAPI
import AuditLog
import Bus
import Contracts
import Core
import TestKit
import Testing

@testable import Access

/// The log as tools of others read it.
@Suite(.timeLimit(.minutes(5))) struct AuditTileTests {
    let desk: AccessDesk
    private let endpoints = AuditEndpoints()

    init() throws { desk = try AccessDesk() }

    private func signed(_ count: Int) async throws -> (clinic: ClinicID, auditor: AccessDesk.Person, size: Int64) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let auditor = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        try await desk.append((0..<count).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        return (clinic, auditor, try await desk.size(of: clinic))
    }

    private func hashes(_ bytes: [UInt8]) throws -> [TreeHash] {
        try stride(from: 0, to: bytes.count, by: TreeHash.byteCount).map { start in
            try #require(TreeHash(bytes: bytes[start..<start + TreeHash.byteCount]))
        }
    }

    /// Entries of a tile, each behind two bytes of length.
    private func entries(_ bytes: [UInt8]) -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let length = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            entries.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return entries
    }

    @Test func tilesMakeUpTheSignedTree() async throws {
        let (clinic, auditor, size) = try await signed(600)
        var tree = MerkleTree()
        var perfect: [TreeHash] = []
        for tile in Tile.tiles(level: 0, size: size) {
            let path = AuditTilePath(tile: String(tile.path.dropFirst("tile/".count)))
            let reply = try await desk.pull(endpoints.tile, path, as: auditor, in: clinic)
            let leaves = try hashes(reply.bytes)
            #expect(leaves.count == tile.width)
            #expect(reply.first.contentType == "application/octet-stream")
            let headers = Dictionary(reply.first.headers) { first, _ in first }
            let isForGood = headers["Cache-Control"]?.contains("immutable") ?? false
            #expect(isForGood == (tile.width == Tile.fullWidth))
            #expect(headers["Vary"]?.contains("X-Clinic-Id") ?? !isForGood)
            let lines = try await desk.pull(
                endpoints.entryTile,
                AuditTilePath(tile: path.tile.replacing("0/", with: "", maxReplacements: 1)),
                as: auditor,
                in: clinic
            )
            #expect(entries(lines.bytes).map { TreeHash.leaf($0) } == leaves)
            var piece = MerkleTree()
            for leaf in leaves {
                tree.add(leaf)
                piece.add(leaf)
            }
            if tile.width == Tile.fullWidth { perfect.append(piece.root) }
        }
        let note = try await desk.pull(endpoints.checkpoint, EmptyInput(), as: auditor, in: clinic)
        let checkpoint = try AuditLog.Checkpoint(
            note: String(decoding: note.bytes, as: UTF8.self),
            keys: [desk.parts.audit.signer.verifierKey]
        )
        #expect(checkpoint.size == size)
        #expect(checkpoint.root == tree.root)
        let above = try await desk.pull(
            endpoints.tile,
            AuditTilePath(tile: "1/000.p/\(perfect.count)"),
            as: auditor,
            in: clinic
        )
        #expect(try hashes(above.bytes) == perfect)
    }

    @Test func longEntriesComeInSeveralPages() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let auditor = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let long = String(repeating: "x", count: 2_000)
        try await desk.append((0..<300).map { _ in desk.record(in: clinic, userAgent: long) }, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        let reply = try await desk.pull(endpoints.entryTile, AuditTilePath(tile: "000"), as: auditor, in: clinic)
        #expect(reply.pages > 1)
        #expect(entries(reply.bytes).count == Tile.fullWidth)
    }

    @Test func whatIsNotSignedOrNoTileIsNotThere() async throws {
        let (clinic, auditor, size) = try await signed(20)
        try await desk.append((0..<5).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        let beyond = [
            "0/000.p/\(size + 1)", "0/000", "0/001.p/1", "1/000.p/1", "2/000", "63/000.p/1", "0/x999/x999/x999/999",
            "64/000.p/1", "0/-100", "0/x-12/345", "0/000.p/0", "0/000.p/256", "0/0.p/1", "00/000.p/1", "-1/000",
            "0/000.p", "0", "x",
            "0/x000/001.p/1", "0/000.p/1/", "0/x9999/000",
        ]
        for tile in beyond {
            let reply = try await desk.call(endpoints.tile, AuditTilePath(tile: tile), as: auditor, in: clinic)
            #expect(reply.status == 404, "\(tile): \(reply.status)")
        }
        for tile in ["000.p/\(size + 1)", "000", "-100", "0/000.p/1", "000.p/"] {
            let reply = try await desk.call(endpoints.entryTile, AuditTilePath(tile: tile), as: auditor, in: clinic)
            #expect(reply.status == 404, "entries/\(tile): \(reply.status)")
        }
        let path = AuditTilePath(tile: "0/000.p/\(size)")
        #expect(try await desk.call(endpoints.tile, path, as: auditor, in: clinic).status == 200)
        #expect(
            try await desk.call(endpoints.tile, AuditTilePath(tile: "0/000.p/1"), as: auditor, in: clinic).status == 200
        )
        let (_, stranger, _) = try await signed(1)
        #expect(try await desk.call(endpoints.tile, path, as: stranger, in: clinic).status == 404)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: try await desk.superAdmin())
        #expect(try await desk.call(endpoints.tile, path, as: nurse, in: clinic).status == 403)
    }
}
