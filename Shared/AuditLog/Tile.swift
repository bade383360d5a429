/// A piece of the tree as C2SP tlog-tiles serves it: up to 256 hashes of every eighth level.
package struct Tile: Hashable, Sendable {
    /// Hashes in a full tile.
    package static let fullWidth = 256
    /// Tree levels that one tile spans.
    package static let height = 8
    /// Tile levels there can be.
    package static let levels = 0...63

    package let level: Int
    package let index: Int64
    /// 1…256; less than 256 for the tile at the right edge.
    package let width: Int

    package init(level: Int, index: Int64, width: Int = fullWidth) {
        self.level = level
        self.index = index
        self.width = width
    }

    /// `tile/<level>/<index>[.p/<width>]`, the index in groups of three digits.
    package var path: String {
        "tile/\(level)/\(Self.groups(of: index))" + (width == Self.fullWidth ? "" : ".p/\(width)")
    }

    /// Reads what `path` writes, and nothing else.
    package init?(path: some StringProtocol) {
        var parts = String(path).split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count >= 3, parts[0] == "tile", let level = Int(parts[1]), Self.levels.contains(level) else {
            return nil
        }
        var width = Self.fullWidth
        if parts[parts.count - 2].hasSuffix(".p") {
            guard let partial = Int(parts[parts.count - 1]), (1..<Self.fullWidth).contains(partial) else { return nil }
            width = partial
            parts.removeLast()
            parts[parts.count - 1].removeLast(2)
        }
        let digits = parts.dropFirst(2).map { $0.hasPrefix("x") ? $0.dropFirst() : $0[...] }.joined()
        guard let index = Int64(digits), index >= 0 else { return nil }
        self.init(level: level, index: index, width: width)
        // Anything that is not spelt as we spell it (leading zeros, signs, missing x) is not a tile.
        guard self.path == String(path) else { return nil }
    }

    /// The nodes whose hashes the tile holds, in order.
    package var positions: [NodePosition] {
        (0..<Int64(width)).map { NodePosition(level: level * Self.height, index: index * Int64(Self.fullWidth) + $0) }
    }

    /// Whether a tree of `size` leaves has every node of the tile.
    package func isComplete(in size: Int64) -> Bool {
        let nodes = level * Self.height < Int64.bitWidth ? size >> Int64(level * Self.height) : 0
        return index <= nodes / Int64(Self.fullWidth) && nodes - index * Int64(Self.fullWidth) >= Int64(width)
    }

    /// The tiles of one level in a tree of `size` leaves, the partial one last.
    package static func tiles(level: Int, size: Int64) -> [Tile] {
        let nodes = level * height < Int64.bitWidth ? size >> Int64(level * height) : 0
        let full = nodes / Int64(fullWidth)
        var tiles = (0..<full).map { Tile(level: level, index: $0) }
        let rest = Int(nodes % Int64(fullWidth))
        if rest > 0 { tiles.append(Tile(level: level, index: full, width: rest)) }
        return tiles
    }

    private static func groups(of index: Int64) -> String {
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1_000)
            groups.insert(String(repeating: "0", count: 3 - digits.count) + digits, at: 0)
            rest /= 1_000
        } while rest > 0
        return groups.dropLast().map { "x\($0)/" }.joined() + (groups.last ?? "")
    }
}
