import AuditLog
import Core
import Postgres

/// Signs what stands in the database, after reading it back, and only if it leads on from all that was signed before.
package struct CheckpointSigner: Sendable {
    /// Entries that are read back at a time.
    static let batch = 4_096
    /// Entries that one checkpoint adds at most; a longer backlog is signed in several.
    static let largestStep = 64 * batch

    let keys: AuditKeys
    let witness: WitnessFolder

    package init(keys: AuditKeys, witness: WitnessFolder) {
        self.keys = keys
        self.witness = witness
    }

    /// Signs a checkpoint over everything stored of a clinic's log; `nil` when nothing is new or another replica is at it.
    ///
    /// Throws `AuditLogFault` when the log may not be signed any further.
    func sign(_ clinic: ClinicID, in database: Database, at now: Instant) async throws -> StoredCheckpoint? {
        try await database.through(.sequencer) { tx in
            guard try AuditStore.lock(clinic, in: tx) else { return nil }
            return try sign(clinic, at: now, in: tx)
        }
    }

    private func sign(_ clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws -> StoredCheckpoint? {
        let signed = try CheckpointStore.newest(of: clinic, in: tx)
        var tree = try tree(at: signed, of: clinic, in: tx)
        let held = try witnessed(clinic)
        let begin = tree.size
        while tree.size < begin + Int64(Self.largestStep), try extend(&tree, of: clinic, in: tx) {
            if let held, held.size == tree.size, held.root != tree.root {
                throw AuditLogFault.inconsistent(size: held.size)
            }
        }
        if let held { try check(held, against: tree, of: clinic, in: tx) }
        guard tree.size > signed?.size ?? 0 else { return nil }
        let statement = AuditLog.Checkpoint(origin: keys.origin(of: clinic), size: tree.size, root: tree.root)
        let note = try statement.signed(by: keys.signer)
        let checkpoint = StoredCheckpoint(size: tree.size, root: tree.root, note: note, signedAt: now)
        // Outside first: what the database shows as signed, the witness holds.
        try witness.add(note, of: clinic)
        CheckpointStore.insert(checkpoint, of: clinic, in: tx)
        return checkpoint
    }

    /// The tree as it was signed last, from its stored nodes.
    private func tree(
        at signed: StoredCheckpoint?,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> MerkleTree {
        guard let signed else { return MerkleTree() }
        let nodes = try AuditTreeStore.nodes(MerkleTree.peakPositions(size: signed.size), of: clinic, in: tx)
        let tree = try MerkleTree(size: signed.size) { position throws(AuditLogFault) in
            guard let hash = nodes[position] else { throw .missing(seq: position.index << Int64(position.level)) }
            return hash
        }
        guard tree.root == signed.root else { throw AuditLogFault.inconsistent(size: signed.size) }
        return tree
    }

    private func witnessed(_ clinic: ClinicID) throws -> AuditLog.Checkpoint? {
        guard let note = try witness.newest(of: clinic) else { return nil }
        do {
            return try AuditLog.Checkpoint(note: note, keys: [keys.signer.verifierKey])
        } catch {
            throw AuditLogFault.witness
        }
    }

    /// What the witness holds must be a beginning of the tree.
    private func check(
        _ held: AuditLog.Checkpoint,
        against tree: MerkleTree,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws {
        guard held.origin == keys.origin(of: clinic) else { throw AuditLogFault.witness }
        guard held.size <= tree.size else { throw AuditLogFault.shrunk(size: tree.size, signed: held.size) }
        let positions = MerkleTree.peakPositions(size: held.size)
        let nodes = try AuditTreeStore.nodes(positions, of: clinic, in: tx)
        let root = try MerkleTree.root(size: held.size) { position throws(AuditLogFault) in
            guard let hash = nodes[position] else { throw .missing(seq: position.index << Int64(position.level)) }
            return hash
        }
        guard root == held.root else { throw AuditLogFault.inconsistent(size: held.size) }
    }

    /// Reads the next entries back, hashes them anew and adds them; `false` when there are no more.
    private func extend(
        _ tree: inout MerkleTree,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let entries = try AuditTreeStore.entries(of: clinic, from: tree.size, limit: Self.batch, in: tx)
        var nodes: [(position: NodePosition, hash: TreeHash)] = []
        for entry in entries {
            guard entry.seq == tree.size, let leaf = entry.leaf else { throw AuditLogFault.missing(seq: tree.size) }
            let hash = TreeHash.leaf(leaf)
            guard hash.bytes == entry.hash else { throw AuditLogFault.altered(seq: entry.seq) }
            nodes += tree.append(hash)
        }
        AuditTreeStore.insert(nodes, of: clinic, in: tx)
        return !entries.isEmpty
    }
}
