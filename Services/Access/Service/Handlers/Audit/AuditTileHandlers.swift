import AccessAPI
import AuditLog
import Contracts
import Core
import Postgres
import ServiceHost

/// The log as tools for C2SP tlog-tiles read it: pieces of the tree and of the entries, up to the newest checkpoint.
enum AuditTileHandlers {
    static let media = "application/octet-stream"
    /// A full tile of hashes is the same for ever; the same path is another clinic's tile under another header.
    static let forGood = [
        ("Cache-Control", "private, max-age=31536000, immutable"), ("Vary", "Authorization, X-Clinic-Id"),
    ]

    static func register(in table: inout HandlerTable) {
        let endpoints = AuditEndpoints()
        table.stream(endpoints.tile) { path, context, _, tx in
            let tile = try signed(Tile(path: "tile/\(path.tile)"), context, tx)
            let hashes = try AuditTreeStore.hashes(
                level: tile.level * Tile.height,
                from: tile.index * Int64(Tile.fullWidth),
                count: Int64(tile.width),
                of: context.clinic,
                in: tx
            )
            return StreamPage(
                hashes.flatMap(\.bytes),
                contentType: media,
                next: nil,
                headers: tile.width == Tile.fullWidth ? forGood : []
            )
        }
        table.stream(endpoints.entryTile) { try entries($0, $1, $2, $3) }
    }

    /// The tile, if it is one and the newest checkpoint covers it.
    private static func signed(
        _ tile: Tile?,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Tile {
        guard let tile, let newest = try CheckpointStore.newest(of: context.clinic, in: tx),
            tile.isComplete(in: newest.size)
        else { throw Problem.notFound }
        return tile
    }

    /// Entries with their lengths before them; a page's name is how many of them went before.
    private static func entries(
        _ path: AuditTilePath,
        _ context: OperationContext,
        _ page: String?,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        let tile = try signed(Tile(path: "tile/0/\(path.tile)"), context, tx)
        guard let sent = page.map({ Int($0) }) ?? 0, (0..<tile.width).contains(sent) else {
            throw Problem.malformed("The page is not one that was given.")
        }
        let start = tile.index * Int64(Tile.fullWidth)
        let found = try AuditEntryStore.page(
            AuditFilter(from: nil, to: nil, fields: AuditFilters()),
            of: context.clinic,
            from: start + Int64(sent),
            to: start + Int64(tile.width),
            limit: tile.width,
            in: tx
        )
        if found.contains(where: \.isPruned) {
            throw Problem.gone("entries_pruned", "Entries of the tile are past retention; their hashes are there.")
        }
        var chunk: [UInt8] = []
        for (index, entry) in found.enumerated() {
            guard entry.seq == start + Int64(sent + index), let length = UInt16(exactly: entry.leaf.count) else {
                throw AuditLogFault.missing(seq: entry.seq)
            }
            if !chunk.isEmpty, chunk.count + 2 + entry.leaf.count > StreamPage.largestChunk {
                return StreamPage(chunk, contentType: media, next: String(sent + index))
            }
            chunk += [UInt8(length >> 8), UInt8(truncatingIfNeeded: length)] + entry.leaf
        }
        guard sent + found.count == tile.width else { throw AuditLogFault.missing(seq: start) }
        return StreamPage(chunk, contentType: media, next: nil)
    }
}
