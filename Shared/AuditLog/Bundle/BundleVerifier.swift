/// Checks an export bundle offline: the signature, every entry, every hash, and earlier checkpoints.
///
/// Reads the bundle once in pieces; memory does not grow with it.
package struct BundleVerifier: Sendable {
    private let keys: [VerifierKey]
    private let trusted: [String]
    private let witnesses: [CosignerKey]

    /// `keys` are the log's keys as the auditor knows them (without any, the bundle's own are used and the report says
    /// so); `trusted` are checkpoints (signed notes) he or a witness already holds; each of `witnesses` must have
    /// cosigned the bundle's checkpoint.
    package init(keys: [VerifierKey] = [], trusted: [String] = [], witnesses: [CosignerKey] = []) {
        self.keys = keys
        self.trusted = trusted
        self.witnesses = witnesses
    }

    /// Verifies a bundle on disk.
    ///
    /// Throws if it cannot be read as a bundle at all; all else is in the report.
    package func verify(path: String) throws -> VerificationReport { try verify(try DataSource(path: path)) }

    /// Verifies a bundle.
    ///
    /// Throws if it cannot be read as a bundle at all; all else is in the report.
    package func verify(_ source: some BundleSource) throws -> VerificationReport {
        var verification = try Verification(source, keys: keys, trusted: trusted, witnesses: witnesses)
        return try verification.run()
    }
}

/// One run over one bundle.
private struct Verification<Source: BundleSource> {
    private let source: Source
    private let members: [String: Tar.Member]
    private let checkpoint: Checkpoint
    /// What of the checkpoint's note is signed.
    private let text: String
    /// Earlier checkpoints by size, smallest first, the bundle's own last.
    private let milestones: [Checkpoint]
    private var tiles: TileHashes<Source>
    private var report: VerificationReport

    private var tileTree = MerkleTree()
    /// Differs from `tileTree` from the first line on that is not the one of its place.
    private var entryTree: MerkleTree?
    private var tileRoots: [Int64: TreeHash] = [0: .empty]
    private var entryRoots: [Int64: TreeHash] = [:]
    private var entryFaults: [VerificationReport.Fault] = []

    init(_ source: Source, keys: [VerifierKey], trusted: [String], witnesses: [CosignerKey]) throws {
        self.source = source
        let list = try Tar.members(of: source)
        let members = Dictionary(list.map { ($0.name, $0) }) { first, _ in first }
        func text(_ name: String) throws -> String {
            guard let member = members[name] else { throw BundleError("The bundle has no \(name).") }
            guard member.size <= SignedNote.longest else { throw BundleError("\(name) is too long.") }
            return String(decoding: try source.read(member.offset..<member.offset + member.size), as: UTF8.self)
        }
        var report = VerificationReport()
        report.isKeyTrusted = !keys.isEmpty
        let keys = keys.isEmpty ? try BundleLayout.keys(json: Array(try text(BundleLayout.keys).utf8)) : keys
        let note = try text(BundleLayout.checkpoint)
        let checkpoint = try Self.read(note, keys: keys, as: "the checkpoint", into: &report)
        for witness in witnesses {
            // One that is wrong counts no more than one that is not there.
            let cosignature = try? SignedNote(note).cosignature(by: witness)
            if let cosignature { report.cosigned[witness.name] = cosignature.at }
            if cosignature == nil { report.add(.uncosigned(by: witness.name)) }
        }
        report.origin = checkpoint.origin
        report.size = checkpoint.size
        report.isFiltered = members[BundleLayout.filter] != nil
        var earlier: [Checkpoint] = []
        for name in members.keys.sorted() where name.hasPrefix(BundleLayout.earlierCheckpoints) {
            earlier.append(try Self.read(try text(name), keys: keys, as: name, into: &report))
        }
        for note in trusted {
            earlier.append(try Self.read(note, keys: keys, as: "a trusted checkpoint", into: &report))
        }
        for other in earlier where other.origin != checkpoint.origin {
            report.add(.unusable("a checkpoint is of another log, \(other.origin)"))
        }
        earlier.removeAll { $0.origin != checkpoint.origin }
        self.members = members
        self.text = checkpoint.text
        self.checkpoint = checkpoint
        self.report = report
        milestones = earlier.sorted { $0.size < $1.size }
        tiles = TileHashes(source, members)
    }

    private static func read(
        _ text: String,
        keys: [VerifierKey],
        as name: String,
        into report: inout VerificationReport
    ) throws -> Checkpoint {
        do {
            let note = try SignedNote(text)
            do {
                try note.verified(by: keys)
            } catch {
                report.add(.unusable("\(name): \(error.code.rawValue)"))
            }
            return try Checkpoint(text: note.text)
        } catch {
            throw BundleError("\(name) is not a signed checkpoint.")
        }
    }

    mutating func run() throws -> VerificationReport {
        for missing in try tiles.missing(upTo: checkpoint.size) {
            report.add(.unusable("\(missing.path) is missing or has another size than its hashes need"))
        }
        guard let entries = members[BundleLayout.entries] else {
            throw BundleError("The bundle has no \(BundleLayout.entries).")
        }
        if report.isFiltered {
            try walkTiles(upTo: checkpoint.size)
            try checkFiltered(entries)
        } else {
            try checkWhole(entries)
        }
        judge()
        return report
    }

    // MARK: - The whole log

    private mutating func checkWhole(_ entries: Tar.Member) throws {
        var lines = LineReader(source, entries)
        var alignment = EntryAlignment(size: checkpoint.size)
        while let line = try lines.next() {
            var hash = TreeHash.leaf(line)
            let place = alignment.next
            if alignment.isInStep, place < checkpoint.size, hash == (try tiles[place]) {
                report.entries += 1
                try walkTiles(upTo: place + 1)
                entryTree?.add(hash)
                alignment.advance()
            } else {
                let read = EntryLine(line)
                if let pruned = read.prunedHash { hash = pruned }
                var isGenuine = false
                if let seq = read.seq, (0..<checkpoint.size).contains(seq), let known = try tiles[seq] {
                    isGenuine = hash == known
                }
                if isGenuine { if read.prunedHash == nil { report.entries += 1 } else { report.pruned += 1 } }
                if !isGenuine || read.seq != place || !alignment.isInStep { fork() }
                alignment.take(.init(seq: read.seq, isGenuine: isGenuine))
                entryTree?.add(hash)
                try walkTiles(upTo: min(alignment.next, checkpoint.size))
            }
            if let entryTree { entryRoots[entryTree.size] = isMilestone(entryTree.size) ? entryTree.root : nil }
        }
        if alignment.next < checkpoint.size { fork() }
        report.moreFaults += max(0, alignment.left - Int64(VerificationReport.mostFaults))
        entryFaults = alignment.finish()
        try walkTiles(upTo: checkpoint.size)
    }

    /// From here on the lines are no longer what the tiles say: their tree is kept beside.
    private mutating func fork() {
        guard entryTree == nil else { return }
        entryTree = tileTree
        entryRoots = tileRoots
    }

    private mutating func walkTiles(upTo end: Int64) throws {
        while tileTree.size < end {
            guard let hash = try tiles[tileTree.size] else { return }
            tileTree.add(hash)
            if isMilestone(tileTree.size) { tileRoots[tileTree.size] = tileTree.root }
        }
    }

    private func isMilestone(_ size: Int64) -> Bool {
        size == checkpoint.size || milestones.contains { $0.size == size }
    }

    // MARK: - Selected entries

    private mutating func checkFiltered(_ entries: Tar.Member) throws {
        var lines = LineReader(source, entries)
        var unproven = Set(members.keys.filter { $0.hasPrefix(BundleLayout.proofs) })
        var last: Int64 = -1
        while let line = try lines.next() {
            let read = EntryLine(line)
            guard let seq = read.seq, (0..<checkpoint.size).contains(seq) else {
                entryFaults.append(.inserted(seq: read.seq ?? last + 1))
                continue
            }
            if seq <= last { entryFaults.append(.moved(seq: seq)) }
            last = max(last, seq)
            let hash = read.prunedHash ?? .leaf(line)
            let name = BundleLayout.proof(seq: seq)
            unproven.remove(name)
            let isProven = try proof(name).map { proof in
                ProofVerifier.verifyInclusion(
                    leaf: hash,
                    index: seq,
                    size: checkpoint.size,
                    root: checkpoint.root,
                    proof: proof.hashes
                )
                    && proof.index == seq && (try? SignedNote(proof.checkpoint))?.text == text
            }
            if let known = try tiles[seq], known != hash {
                entryFaults.append(isProven == true ? .tile(seq: seq) : .altered(seq: seq))
            } else if isProven != true {
                entryFaults.append(.unproven(seq: seq))
            } else if read.prunedHash == nil {
                report.entries += 1
            } else {
                report.pruned += 1
            }
        }
        for name in unproven.sorted() {
            guard let seq = Int64(name.dropFirst(BundleLayout.proofs.count)) else { continue }
            entryFaults.append(.missing(seq: seq))
        }
    }

    private func proof(_ name: String) throws -> LogProof? {
        guard let member = members[name], member.size <= SignedNote.longest else { return nil }
        let bytes = try source.read(member.offset..<member.offset + member.size)
        return try? LogProof(String(decoding: bytes, as: UTF8.self))
    }

    // MARK: - The verdict

    private mutating func judge() {
        let tilesAreSigned = tileRoots[checkpoint.size] == checkpoint.root
        let entriesAreSigned = entryTree.map { $0.size == checkpoint.size && $0.root == checkpoint.root } ?? false
        if entriesAreSigned && !tilesAreSigned {
            // Every entry is what was signed; then it is the stored hashes that were changed.
            for case .altered(let seq) in entryFaults { report.add(.tile(seq: seq)) }
            if entryFaults.isEmpty { report.add(.root) }
        } else {
            for fault in entryFaults { report.add(fault) }
        }
        let roots = entriesAreSigned ? entryRoots : tileRoots
        var agreed: Int64 = 0
        var disagreed: Int64?
        for milestone in milestones + [checkpoint] {
            let isAgreed = milestone.size <= checkpoint.size && roots[milestone.size] == milestone.root
            if isAgreed, disagreed == nil { agreed = milestone.size }
            if !isAgreed, disagreed == nil { disagreed = milestone.size }
            if isAgreed, milestone != checkpoint { report.agreeing.append(milestone.size) }
        }
        if let disagreed {
            report.add(agreed < disagreed ? .rewritten(from: agreed, to: disagreed) : .root)
        }
    }
}

/// The level-0 hashes of a bundle, one tile in memory at a time.
private struct TileHashes<Source: BundleSource> {
    private let source: Source
    private let members: [String: Tar.Member]
    private var current: Int64 = -1
    private var hashes: [TreeHash] = []
    private var byIndex: [Int64: (Tile, Tar.Member)] = [:]

    init(_ source: Source, _ members: [String: Tar.Member]) {
        self.source = source
        self.members = members
    }

    /// Takes up the tiles a log of `size` entries has and returns the ones that are not there whole.
    mutating func missing(upTo size: Int64) throws -> [Tile] {
        var missing: [Tile] = []
        // A size that anybody can claim: where there are fewer members than tiles, one more of them says so.
        let looked = Int64(members.count + 1) * Int64(Tile.fullWidth)
        for tile in Tile.tiles(level: 0, size: min(size, looked)) {
            if let member = members[tile.path], member.size == Int64(tile.width * TreeHash.byteCount) {
                byIndex[tile.index] = (tile, member)
            } else {
                missing.append(tile)
            }
        }
        return missing
    }

    /// The hash of a place, `nil` if the bundle has none.
    subscript(place: Int64) -> TreeHash? {
        mutating get throws {
            let index = place / Int64(Tile.fullWidth)
            if index != current {
                guard let (tile, member) = byIndex[index] else { return nil }
                let bytes = try source.read(member.offset..<member.offset + member.size)
                hashes = (0..<tile.width).map { TreeHash(bytes, at: $0 * TreeHash.byteCount) }
                current = index
            }
            let position = Int(place % Int64(Tile.fullWidth))
            return position < hashes.count ? hashes[position] : nil
        }
    }
}
