import Core
import Testing

@testable import AuditLog

/// A log with entries as the audit trail writes them, and the bundles that can be made of it.
struct SampleLog {
    static let origin = "audit.example/clinic"

    let signer: NoteSigner
    var lines: [[UInt8]]

    init(_ count: Int) throws {
        signer = try #require(NoteSigner(name: Self.origin, seed: [UInt8](repeating: 7, count: 32)))
        lines = (0..<count).map { Self.line(Int64($0)) }
    }

    static func line(_ seq: Int64, _ action: String = "appointments:create") -> [UInt8] {
        Array(
            #"{"action":"\#(action)","actor":{"id":"u\#(seq)","type":"user"},"outcome":"succeeded","seq":\#(seq)}"#.utf8
        )
    }

    func book(_ count: Int? = nil) -> NodeBook {
        NodeBook(leaves: lines.prefix(count ?? lines.count).map { TreeHash.leaf($0) })
    }

    func note(_ size: Int? = nil) throws -> String {
        let book = book(size)
        return try Checkpoint(origin: Self.origin, size: book.tree.size, root: book.tree.root).signed(by: signer)
    }

    /// The bundle of this log; each part may be another than the log's own.
    func bundle(
        entries: [[UInt8]]? = nil,
        hashes: [TreeHash]? = nil,
        note: String? = nil,
        earlier: [Int] = [],
        proofs: [Int64]? = nil
    ) throws -> DataSource {
        var bytes: [UInt8] = []
        let box = Box()
        var writer = BundleWriter { box.bytes += $0 }
        let book = book()
        try writer.add(BundleLayout.keys, try BundleLayout.keysJSON([signer.verifierKey]))
        let checkpoint = try note ?? self.note()
        try writer.add(BundleLayout.checkpoint, Array(checkpoint.utf8))
        for size in earlier {
            try writer.add(BundleLayout.earlierCheckpoint(size: Int64(size)), Array(try self.note(size).utf8))
        }
        let hashes = hashes ?? lines.map { TreeHash.leaf($0) }
        for tile in Tile.tiles(level: 0, size: Int64(lines.count)) {
            try writer.add(tile.path, tile.positions.flatMap { hashes[Int($0.index)].bytes })
        }
        if let proofs {
            try writer.add(BundleLayout.filter, Array("{}".utf8))
            for seq in proofs {
                let plan = try #require(ProofPlan.inclusion(of: seq, in: Int64(lines.count)))
                let proof = LogProof(index: seq, hashes: try plan.hashes(book.node), checkpoint: checkpoint)
                try writer.add(BundleLayout.proof(seq: seq), Array(proof.text.utf8))
            }
        }
        let body: [UInt8] = Array((entries ?? lines).joined(separator: [10])) + ((entries ?? lines).isEmpty ? [] : [10])
        try writer.begin(BundleLayout.entries, size: Int64(body.count))
        for start in stride(from: 0, to: body.count, by: 1_000) {
            try writer.append(Array(body[start..<min(start + 1_000, body.count)]))
        }
        try writer.end()
        try writer.finish()
        bytes = box.bytes
        return DataSource(bytes)
    }

    func report(_ bundle: DataSource, trusted: [String] = []) throws -> VerificationReport {
        try BundleVerifier(keys: [signer.verifierKey], trusted: trusted).verify(bundle)
    }

    private final class Box { var bytes: [UInt8] = [] }
}

@Suite("Bundle verification")
struct BundleVerifierTests {
    @Test(arguments: [0, 1, 2, 255, 256, 257, 700])
    func `an untouched log is proved`(count: Int) throws {
        let log = try SampleLog(count)
        let report = try log.report(try log.bundle(earlier: count > 10 ? [1, 10] : []))
        #expect(report.isVerified, "\(report.faults)")
        #expect(report.entries == Int64(count) && report.size == Int64(count) && report.origin == SampleLog.origin)
        #expect(report.agreeing == (count > 10 ? [1, 10] : []))
        #expect(report.isKeyTrusted)
    }

    /// Whoever signs with a key of his own can claim any size.
    @Test(arguments: [257, 1 << 40, Int64.max])
    func `a size that nobody has entries for is refuted`(size: Int64) throws {
        let log = try SampleLog(3)
        let root = log.book().tree.root
        let note = try Checkpoint(origin: SampleLog.origin, size: size, root: root).signed(by: log.signer)
        let report = try log.report(try log.bundle(note: note))
        #expect(!report.isVerified && report.faults.contains(.missing(seq: 3)), "\(report.faults.prefix(5))")
    }

    @Test func `without keys of his own the auditor is told that the bundle's were used`() throws {
        let log = try SampleLog(3)
        let report = try BundleVerifier().verify(try log.bundle())
        #expect(report.isVerified && !report.isKeyTrusted)
    }

    @Test(arguments: [0, 1, 255, 256, 298, 299])
    func `a changed entry is named`(at seq: Int) throws {
        let log = try SampleLog(300)
        for index in [0, 12, log.lines[seq].count - 3] {
            var lines = log.lines
            lines[seq][index] ^= 1
            let report = try log.report(try log.bundle(entries: lines))
            #expect(report.faults.contains(.altered(seq: Int64(seq))), "byte \(index): \(report.faults)")
        }
        var lines = log.lines
        lines[seq] = SampleLog.line(Int64(seq), "appointments:delete")
        #expect(try log.report(try log.bundle(entries: lines)).faults.first == .altered(seq: Int64(seq)))
    }

    @Test(arguments: [0, 1, 255, 256, 298, 299])
    func `a deleted entry is named`(at seq: Int) throws {
        let log = try SampleLog(300)
        var lines = log.lines
        lines.remove(at: seq)
        #expect(try log.report(try log.bundle(entries: lines)).faults == [.missing(seq: Int64(seq))])
    }

    @Test(arguments: [(0, 1), (3, 4), (3, 5), (3, 90), (0, 299), (255, 256)])
    func `swapped entries are named`(first: Int, second: Int) throws {
        let log = try SampleLog(300)
        var lines = log.lines
        lines.swapAt(first, second)
        let faults = try log.report(try log.bundle(entries: lines)).faults
        #expect(
            !faults.isEmpty
                && faults.allSatisfy { fault in
                    fault == .moved(seq: Int64(first)) || fault == .moved(seq: Int64(second))
                },
            "\(faults)"
        )
    }

    @Test(arguments: [0, 1, 150, 299, 300])
    func `an inserted entry is named`(at place: Int) throws {
        let log = try SampleLog(300)
        // It claims the place it was put at, or the one before, or one that does not exist.
        for claimed in [place, max(0, place - 1), 4_000] {
            var lines = log.lines
            lines.insert(SampleLog.line(Int64(claimed), "forged:entry"), at: place)
            let faults = try log.report(try log.bundle(entries: lines)).faults
            #expect(faults == [.inserted(seq: Int64(claimed))], "\(claimed): \(faults)")
        }
        var lines = log.lines
        lines.insert(lines[7], at: place)
        #expect(
            try log.report(try log.bundle(entries: lines)).faults.contains(.inserted(seq: 7)) || place == 7
                || place == 0
        )
        #expect(try !log.report(try log.bundle(entries: lines)).isVerified)
    }

    @Test func `an insertion that renumbers the rest is named where it begins`() throws {
        let log = try SampleLog(300)
        var lines = Array(log.lines[..<100])
        lines.append(SampleLog.line(100, "forged:entry"))
        lines += (100..<299).map { SampleLog.line(Int64($0) + 1) }
        let report = try log.report(try log.bundle(entries: lines))
        #expect(report.faults.first == .altered(seq: 100))
    }

    @Test func `a changed stored hash is named while the entry is still proved`() throws {
        let log = try SampleLog(300)
        var hashes = log.lines.map { TreeHash.leaf($0) }
        hashes[42] = .leaf([1])
        #expect(try log.report(try log.bundle(hashes: hashes)).faults == [.tile(seq: 42)])
    }

    @Test func `where hashes were rewritten too, the range between two checkpoints is named`() throws {
        let log = try SampleLog(300)
        var forged = log
        forged.lines[150] = SampleLog.line(150, "forged:entry")
        // The signed checkpoints are those of the true log, entries and tiles those of the forged one.
        let trusted = try [100, 200, 250].map { try log.note($0) }
        let bundle = try forged.bundle(note: try log.note())
        let report = try log.report(bundle, trusted: trusted)
        #expect(report.faults == [.rewritten(from: 100, to: 200)])
        #expect(report.agreeing == [100])
        // Signed anew as well (the key was stolen): only who holds an earlier checkpoint can tell, and does.
        let resigned = try forged.bundle()
        #expect(try log.report(resigned).isVerified)
        #expect(try log.report(resigned, trusted: trusted).faults == [.rewritten(from: 100, to: 200)])
    }

    @Test func `a log that was cut is noticed by a later checkpoint`() throws {
        let log = try SampleLog(300)
        let cut = try SampleLog(120)
        let report = try log.report(try cut.bundle(), trusted: [try log.note(100), try log.note(200)])
        #expect(report.faults == [.rewritten(from: 120, to: 200)] || report.faults == [.rewritten(from: 100, to: 200)])
    }

    @Test func `pruned entries keep their place`() throws {
        let log = try SampleLog(300)
        var lines = log.lines
        for seq in 0..<40 { lines[seq] = TreeHash.leaf(lines[seq]).prunedLine(seq: Int64(seq)) }
        let report = try log.report(try log.bundle(entries: lines))
        #expect(report.isVerified && report.pruned == 40 && report.entries == 260)
        lines[5] = TreeHash.leaf([1]).prunedLine(seq: 5)
        #expect(try log.report(try log.bundle(entries: lines)).faults == [.altered(seq: 5)])
    }

    @Test func `a filtered bundle is proved entry by entry`() throws {
        let log = try SampleLog(300)
        let chosen: [Int64] = [0, 3, 255, 256, 299]
        let lines = chosen.map { log.lines[Int($0)] }
        let report = try log.report(try log.bundle(entries: lines, proofs: chosen))
        #expect(report.isVerified && report.isFiltered && report.entries == 5)
        var changed = lines
        changed[2] = SampleLog.line(255, "forged:entry")
        #expect(try log.report(try log.bundle(entries: changed, proofs: chosen)).faults == [.altered(seq: 255)])
        #expect(
            try log.report(try log.bundle(entries: Array(lines.dropFirst()), proofs: chosen)).faults == [
                .missing(seq: 0)
            ]
        )
        let unproven = try log.report(try log.bundle(entries: lines, proofs: Array(chosen.dropFirst())))
        #expect(unproven.faults == [.unproven(seq: 0)])
        changed = lines
        changed.swapAt(1, 2)
        #expect(try log.report(try log.bundle(entries: changed, proofs: chosen)).faults == [.moved(seq: 3)])
    }

    @Test func `a foreign signature, log or key is refused`() throws {
        let log = try SampleLog(10)
        let other = try #require(NoteSigner(name: SampleLog.origin, seed: [UInt8](repeating: 9, count: 32)))
        let report = try BundleVerifier(keys: [other.verifierKey]).verify(try log.bundle())
        #expect(report.faults == [.unusable("the checkpoint: no known signature")])
        let forged = try log.note().replacing("\n10\n", with: "\n9\n")
        #expect(try !log.report(try log.bundle(note: forged)).isVerified)
    }

    @Test func `a bundle that is cut short or not one is an error, not a verdict`() throws {
        let log = try SampleLog(10)
        let bundle = try log.bundle()
        let bytes = try bundle.read(0..<bundle.size)
        for size in [0, 100, 512, 1_024, bytes.count - 1_024] {
            #expect(throws: BundleError.self, "\(size)") { try log.report(DataSource(Array(bytes[..<size]))) }
        }
        #expect(throws: BundleError.self) { try log.report(DataSource([UInt8](repeating: 7, count: 2_048))) }
        #expect(throws: BundleError.self) { try BundleVerifier().verify(path: "/nowhere") }
    }

    @Test func `a missing or short tile is said`() throws {
        let log = try SampleLog(300)
        let whole = try Tar.members(of: try log.bundle())
        #expect(whole.map(\.name).contains("tile/0/001.p/44"))
        var smaller = log
        smaller.lines.removeLast()
        // The checkpoint covers one entry more than the tiles and entries that are there.
        let report = try log.report(try smaller.bundle(note: try log.note()))
        #expect(
            report.faults.contains {
                if case .unusable(let what) = $0 { what.hasPrefix("tile/0/001.p/44") } else { false }
            }
        )
        #expect(!report.isVerified)
    }
}

@Suite("Offline proofs")
struct LogProofTests {
    @Test func `a proof survives its text`() throws {
        let log = try SampleLog(5)
        let plan = try #require(ProofPlan.inclusion(of: 2, in: 5))
        let proof = LogProof(index: 2, hashes: try plan.hashes(log.book().node), checkpoint: try log.note())
        let read = try LogProof(proof.text)
        #expect(read.index == 2 && read.hashes == proof.hashes && read.checkpoint == proof.checkpoint)
        #expect(proof.text.hasPrefix("c2sp.org/tlog-proof@v1\nindex 2\n"))
        #expect(throws: NoteError.self) { try LogProof("c2sp.org/tlog-proof@v2\nindex 2\n\n") }
        #expect(throws: NoteError.self) { try LogProof("c2sp.org/tlog-proof@v1\nindex -2\n\nx") }
    }
}
