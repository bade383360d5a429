/// Where a perfect subtree's hash stands: `level` 0 are leaves, node `index` of a level covers
/// `index << level ..< (index + 1) << level`.
package struct NodePosition: Hashable, Sendable, Comparable {
    package let level: Int
    package let index: Int64

    package init(level: Int, index: Int64) {
        self.level = level
        self.index = index
    }

    package static func < (left: Self, right: Self) -> Bool { (left.level, left.index) < (right.level, right.index) }
}

/// The hash at a position; asked for positions of complete subtrees only.
package typealias NodeReader<Failure: Error> = (NodePosition) throws(Failure) -> TreeHash

/// A hash of a proof or root as a right fold of perfect subtrees, largest first.
struct SubtreeRange {
    let positions: [NodePosition]

    /// The subtrees that leaves `start..<end` consist of; `start` is a multiple of the largest one's size.
    init(_ start: Int64, _ end: Int64) {
        var positions: [NodePosition] = []
        var start = start
        while start < end {
            let level = (end - start).floorLog2
            positions.append(NodePosition(level: level, index: start >> Int64(level)))
            start += 1 << Int64(level)
        }
        self.positions = positions
    }

    func hash<Failure: Error>(_ node: NodeReader<Failure>) throws(Failure) -> TreeHash {
        guard let last = positions.last else { return .empty }
        var hash = try node(last)
        for position in positions.dropLast().reversed() { hash = .node(try node(position), hash) }
        return hash
    }
}

extension Int64 {
    /// The exponent of the largest power of two that is not greater; the number is positive.
    var floorLog2: Int { Int64.bitWidth - 1 - leadingZeroBitCount }

    /// The largest power of two strictly less than the number, which is at least 2.
    var split: Int64 { 1 << Int64((self - 1).floorLog2) }
}
