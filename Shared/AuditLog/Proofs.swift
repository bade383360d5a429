/// What a proof consists of: which stored nodes make its hashes.
///
/// Lets a store fetch all of them in one query.
package struct ProofPlan: Sendable {
    private let ranges: [SubtreeRange]

    /// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962 §2.1.1); `nil` unless `0 ≤ index < size`.
    package static func inclusion(of index: Int64, in size: Int64) -> ProofPlan? {
        guard index >= 0, index < size else { return nil }
        var path: [SubtreeRange] = []
        var (start, end) = (Int64(0), size)
        while end - start > 1 {
            let middle = start + (end - start).split
            if index < middle {
                path.append(SubtreeRange(middle, end))
                end = middle
            } else {
                path.append(SubtreeRange(start, middle))
                start = middle
            }
        }
        return ProofPlan(ranges: path.reversed())
    }

    /// The consistency proof from `old` to `new` leaves (RFC 6962 §2.1.2); `nil` unless `0 ≤ old ≤ new`.
    package static func consistency(from old: Int64, to new: Int64) -> ProofPlan? {
        guard old >= 0, old <= new else { return nil }
        guard old > 0, old < new else { return ProofPlan(ranges: []) }
        var path: [SubtreeRange] = []
        var (start, end) = (Int64(0), new)
        var isWholeOld = true
        while end != old {
            let middle = start + (end - start).split
            if old <= middle {
                path.append(SubtreeRange(middle, end))
                end = middle
            } else {
                path.append(SubtreeRange(start, middle))
                start = middle
                isWholeOld = false
            }
        }
        if !isWholeOld { path.append(SubtreeRange(start, end)) }
        return ProofPlan(ranges: path.reversed())
    }

    /// Every stored node the proof needs.
    package var positions: [NodePosition] { ranges.flatMap(\.positions) }

    /// The proof's hashes in the order of RFC 6962.
    package func hashes<Failure: Error>(_ node: NodeReader<Failure>) throws(Failure) -> [TreeHash] {
        var hashes: [TreeHash] = []
        for range in ranges { hashes.append(try range.hash(node)) }
        return hashes
    }
}

/// Checks proofs.
///
/// Every hash of a proof must be used, none may be missing.
package enum ProofVerifier {
    /// Whether `leaf` is leaf `index` of the tree with this size and root (RFC 9162 §2.1.3.2).
    package static func verifyInclusion(
        leaf: TreeHash,
        index: Int64,
        size: Int64,
        root: TreeHash,
        proof: [TreeHash]
    ) -> Bool {
        guard index >= 0, index < size else { return false }
        var (position, last) = (index, size - 1)
        var hash = leaf
        for sibling in proof {
            guard last != 0 else { return false }
            if position & 1 == 1 || position == last {
                hash = .node(sibling, hash)
                while position & 1 == 0 && position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                hash = .node(hash, sibling)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && hash == root
    }

    /// Whether the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162 §2.1.4.2).
    package static func verifyConsistency(
        old: Int64,
        oldRoot: TreeHash,
        new: Int64,
        newRoot: TreeHash,
        proof: [TreeHash]
    ) -> Bool {
        guard old >= 0, old <= new else { return false }
        if old == new { return proof.isEmpty && oldRoot == newRoot }
        if old == 0 { return proof.isEmpty && oldRoot == .empty }
        let path = old & (old - 1) == 0 ? [oldRoot] + proof : proof
        guard let seed = path.first else { return false }
        var (position, last) = (old - 1, new - 1)
        while position & 1 == 1 {
            position >>= 1
            last >>= 1
        }
        var (oldHash, newHash) = (seed, seed)
        for sibling in path.dropFirst() {
            guard last != 0 else { return false }
            if position & 1 == 1 || position == last {
                oldHash = .node(sibling, oldHash)
                newHash = .node(sibling, newHash)
                while position & 1 == 0 && position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                newHash = .node(newHash, sibling)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && oldHash == oldRoot && newHash == newRoot
    }
}
