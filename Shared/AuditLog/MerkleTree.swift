/// The growing edge of an RFC 6962 tree: enough to append and to give the root, at most 63 hashes.
package struct MerkleTree: Sendable, Equatable {
    /// The number of leaves.
    package private(set) var size: Int64
    /// The roots of the perfect subtrees that make up the tree, largest first.
    package private(set) var peaks: [TreeHash]

    /// A tree without leaves.
    package init() {
        size = 0
        peaks = []
    }

    /// Takes up a tree of `size` leaves again from its stored nodes.
    package init<Failure: Error>(size: Int64, node: NodeReader<Failure>) throws(Failure) {
        self.size = size
        var peaks: [TreeHash] = []
        for position in SubtreeRange(0, size).positions { peaks.append(try node(position)) }
        self.peaks = peaks
    }

    /// The positions `init(size:node:)` reads.
    package static func peakPositions(size: Int64) -> [NodePosition] { SubtreeRange(0, size).positions }

    /// Adds a leaf's hash and returns every node that is complete now, the leaf first.
    @discardableResult
    package mutating func append(_ leaf: TreeHash) -> [(position: NodePosition, hash: TreeHash)] {
        var complete = [(position: NodePosition(level: 0, index: size), hash: leaf)]
        var hash = leaf
        var index = size
        var level = 0
        while index & 1 == 1, let left = peaks.popLast() {
            hash = .node(left, hash)
            index >>= 1
            level += 1
            complete.append((NodePosition(level: level, index: index), hash))
        }
        peaks.append(hash)
        size += 1
        return complete
    }

    /// Adds a leaf's hash; for whoever does not store nodes.
    package mutating func add(_ leaf: TreeHash) {
        var hash = leaf
        var index = size
        while index & 1 == 1, let left = peaks.popLast() {
            hash = .node(left, hash)
            index >>= 1
        }
        peaks.append(hash)
        size += 1
    }

    /// The tree's root as of now.
    package var root: TreeHash {
        guard var hash = peaks.last else { return .empty }
        for peak in peaks.dropLast().reversed() { hash = .node(peak, hash) }
        return hash
    }

    /// The root that the tree had at an earlier size.
    package static func root<Failure: Error>(size: Int64, node: NodeReader<Failure>) throws(Failure) -> TreeHash {
        try SubtreeRange(0, size).hash(node)
    }
}
