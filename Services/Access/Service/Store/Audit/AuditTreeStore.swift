import AuditLog
import Core
import Postgres

/// The tree over a clinic's entries, read from what is stored: the leaves' hashes, and every eighth level above them.
enum AuditTreeStore {
    /// Reads the hashes of these nodes.
    ///
    /// Each is folded from at most 128 stored ones.
    static func nodes(
        _ positions: [NodePosition],
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [NodePosition: TreeHash] {
        var found: [NodePosition: TreeHash] = [:]
        for position in Set(positions) { found[position] = try node(position, of: clinic, in: tx) }
        return found
    }

    static func node(
        _ position: NodePosition,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> TreeHash {
        let base = position.level / Tile.height * Tile.height
        let width: Int64 = 1 << Int64(position.level - base)
        let start = position.index * width
        let hashes = try hashes(level: base, from: start, count: width, of: clinic, in: tx)
        var tree = MerkleTree()
        for hash in hashes { tree.add(hash) }
        return tree.root
    }

    /// Stored hashes of one level that is a multiple of eight; all must be there.
    static func hashes(
        level: Int,
        from start: Int64,
        count: Int64,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [TreeHash] {
        guard let hashes = try hashesIfAll(level: level, from: start, count: count, of: clinic, in: tx) else {
            throw AuditLogFault.missing(seq: start << Int64(level))
        }
        return hashes
    }

    /// The same; `nil` when one of them is gone.
    static func hashesIfAll(
        level: Int,
        from start: Int64,
        count: Int64,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [TreeHash]? {
        let rows = try tx.rows(
            """
            select hash from audit_nodes where clinic_id = \(clinic) and level = \(level)
                and index >= \(start) and index < \(start + count) order by index
            """
        )
        let hashes = try rows.compactMap { row -> TreeHash? in TreeHash(bytes: try row[0] as [UInt8]) }
        return hashes.count == Int(count) ? hashes : nil
    }

    /// Entries and their stored hashes, in order, for what has not been signed yet.
    static func entries(
        of clinic: ClinicID,
        from start: Int64,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [(seq: Int64, leaf: [UInt8]?, hash: [UInt8])] {
        let rows = try tx.rows(
            """
            select n.index, e.leaf, n.hash
            from audit_nodes as n left join audit_entries as e on e.clinic_id = n.clinic_id and e.seq = n.index
            where n.clinic_id = \(clinic) and n.level = 0 and n.index >= \(start) and n.index < \(start + Int64(limit))
            order by n.index
            """
        )
        return try rows.map { (try $0[0], try $0[1], try $0[2]) }
    }

    static func insert(
        _ nodes: [(position: NodePosition, hash: TreeHash)],
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) {
        for node in nodes where node.position.level > 0 && node.position.level % Tile.height == 0 {
            tx.execute(
                """
                insert into audit_nodes (clinic_id, level, index, hash)
                values (\(clinic), \(node.position.level), \(node.position.index), \(node.hash.bytes))
                """
            )
        }
    }
}

/// Why a log may not be signed any further.
///
/// Names places, never contents.
enum AuditLogFault: Error, Hashable, Sendable {
    /// An entry or a hash is not there.
    case missing(seq: Int64)
    /// The stored hash is not the entry's.
    case altered(seq: Int64)
    /// What stands in the database does not lead to a checkpoint that was signed.
    case inconsistent(size: Int64)
    /// The database holds less than a checkpoint that was signed.
    case shrunk(size: Int64, signed: Int64)
    /// The folder outside the database cannot be read or written.
    case witness

    /// A stable code for metrics and logs.
    var code: String {
        switch self {
        case .missing: "missing"
        case .altered: "altered"
        case .inconsistent: "inconsistent"
        case .shrunk: "shrunk"
        case .witness: "witness"
        }
    }
}
