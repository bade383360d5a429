import AccessAPI
import AuditLog
import Contracts
import Core
import Postgres
import ServiceHost

/// Where a bundle's bytes go on.
struct BundlePlace: Hashable, Sendable {
    enum Part: String, CaseIterable { case entries, notes, checkpoints, tiles, proofs }

    let part: Part
    /// An entry's place, a checkpoint's size or a tile's index.
    let position: Int64

    init(_ part: Part, _ position: Int64) {
        self.part = part
        self.position = position
    }

    init?(text: String) {
        let parts = text.split(separator: ".")
        guard parts.count == 2, let part = Part(rawValue: String(parts[0])), let position = Int64(parts[1]),
            position >= 0
        else { return nil }
        self.init(part, position)
    }

    var text: String { "\(part.rawValue).\(position)" }
}

/// A bundle's bytes, page by page, from what is stored: nothing of it is kept anywhere.
struct BundlePages: Sendable {
    /// Earlier checkpoints in a bundle; of more, an even selection.
    static let mostCheckpoints: Int64 = 500
    static let checkpointsPerPage = 100
    static let tilesPerPage: Int64 = 24
    static let proofsPerPage = 64

    let clinic: ClinicID
    let filter: AuditFilter
    let size: Int64
    /// The length of `entries.ndjson`.
    let entryBytes: Int64
    let key: VerifierKey

    func page(_ place: BundlePlace, in tx: borrowing Transaction) throws -> (chunk: [UInt8], next: BundlePlace?) {
        switch place.part {
        case .entries: try entries(place.position, in: tx)
        case .notes: try notes(in: tx)
        case .checkpoints: try checkpoints(place.position, in: tx)
        case .tiles: try tiles(place.position, in: tx)
        case .proofs: try proofs(place.position, in: tx)
        }
    }

    private func entries(_ start: Int64, in tx: borrowing Transaction) throws -> ([UInt8], BundlePlace?) {
        let end = filter.isEmpty ? size : min(size, start + AuditHandlers.pageSpan)
        let found = try AuditEntryStore.page(
            filter,
            of: clinic,
            from: start,
            to: end,
            limit: AuditHandlers.pageEntries,
            in: tx
        )
        var chunk = start == 0 ? try Tar.header(name: BundleLayout.entries, size: entryBytes) : []
        var next = found.count < AuditHandlers.pageEntries ? end : (found.last?.seq ?? end) + 1
        for entry in found {
            if !chunk.isEmpty, chunk.count + entry.leaf.count + 1 > StreamPage.largestChunk {
                next = entry.seq
                break
            }
            chunk += entry.leaf + [UInt8(ascii: "\n")]
        }
        if next < size { return (chunk, BundlePlace(.entries, next)) }
        return (chunk + Tar.padding(after: entryBytes), BundlePlace(.notes, 0))
    }

    private func notes(in tx: borrowing Transaction) throws -> ([UInt8], BundlePlace?) {
        guard let checkpoint = try CheckpointStore.newest(of: clinic, upTo: size, in: tx), checkpoint.size == size
        else {
            throw AuditLogFault.inconsistent(size: size)
        }
        var chunk = try file(BundleLayout.checkpoint, Array(checkpoint.note.utf8))
        chunk += try file(BundleLayout.keys, BundleLayout.keysJSON([key]))
        if !filter.isEmpty { chunk += try file(BundleLayout.filter, filterJSON()) }
        return (chunk, BundlePlace(.checkpoints, 0))
    }

    private func filterJSON() throws -> [UInt8] {
        struct Asked: Encodable {
            var from: Instant?
            var to: Instant?
            var filters: AuditFilters
        }
        return try JSONWriter.encode(Asked(from: filter.from, to: filter.to, filters: filter.fields)) + [10]
    }

    private func checkpoints(_ after: Int64, in tx: borrowing Transaction) throws -> ([UInt8], BundlePlace?) {
        let count = try CheckpointStore.count(of: clinic, below: size, in: tx)
        let step = max(1, (count + Self.mostCheckpoints - 1) / Self.mostCheckpoints)
        let found = try CheckpointStore.sample(
            of: clinic,
            below: size,
            after: after,
            step: step,
            limit: Self.checkpointsPerPage,
            in: tx
        )
        var chunk: [UInt8] = []
        for checkpoint in found {
            chunk += try file(BundleLayout.earlierCheckpoint(size: checkpoint.size), Array(checkpoint.note.utf8))
        }
        guard found.count == Self.checkpointsPerPage, let last = found.last else {
            return (chunk, BundlePlace(.tiles, 0))
        }
        return (chunk, BundlePlace(.checkpoints, last.size))
    }

    private func tiles(_ start: Int64, in tx: borrowing Transaction) throws -> ([UInt8], BundlePlace?) {
        let width = Int64(Tile.fullWidth)
        let count = (size + width - 1) / width
        let end = min(count, start + Self.tilesPerPage)
        var chunk: [UInt8] = []
        for index in start..<max(start, end) {
            let tile = Tile(level: 0, index: index, width: Int(min(width, size - index * width)))
            // A tile of which hashes are gone is left out: the verifier says so, and of the rest what it can.
            guard
                let hashes = try AuditTreeStore.hashesIfAll(
                    level: 0,
                    from: index * width,
                    count: Int64(tile.width),
                    of: clinic,
                    in: tx
                )
            else { continue }
            chunk += try file(tile.path, hashes.flatMap(\.bytes))
        }
        if end < count { return (chunk, BundlePlace(.tiles, end)) }
        return filter.isEmpty ? (chunk + Tar.trailer, nil) : (chunk, BundlePlace(.proofs, 0))
    }

    /// An offline proof for every entry of a filtered bundle.
    private func proofs(_ start: Int64, in tx: borrowing Transaction) throws -> ([UInt8], BundlePlace?) {
        guard let checkpoint = try CheckpointStore.newest(of: clinic, upTo: size, in: tx) else {
            throw AuditLogFault.inconsistent(size: size)
        }
        let end = min(size, start + AuditHandlers.pageSpan)
        let found = try AuditEntryStore.page(
            filter,
            of: clinic,
            from: start,
            to: end,
            limit: Self.proofsPerPage,
            in: tx
        )
        var chunk: [UInt8] = []
        for entry in found {
            guard let plan = ProofPlan.inclusion(of: entry.seq, in: size) else { continue }
            let nodes = try AuditTreeStore.nodes(plan.positions, of: clinic, in: tx)
            let hashes = try plan.hashes { position throws(AuditLogFault) in
                guard let hash = nodes[position] else { throw .missing(seq: position.index << Int64(position.level)) }
                return hash
            }
            let proof = LogProof(index: entry.seq, hashes: hashes, checkpoint: checkpoint.note)
            chunk += try file(BundleLayout.proof(seq: entry.seq), Array(proof.text.utf8))
        }
        let next = found.count < Self.proofsPerPage ? end : (found.last?.seq ?? end) + 1
        return next < size ? (chunk, BundlePlace(.proofs, next)) : (chunk + Tar.trailer, nil)
    }

    private func file(_ name: String, _ contents: [UInt8]) throws -> [UInt8] {
        try Tar.header(name: name, size: Int64(contents.count)) + contents + Tar.padding(after: Int64(contents.count))
    }
}
