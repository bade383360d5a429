import Contracts
import Core
package import Redis

/// Under which ring keys events and requests are sealed that somebody has still to take in.
///
/// News are left out: whoever starts to listen begins behind them.
package enum WaitingKeys {
    /// Entries read at a time.
    static let page = 1_000

    /// The ids found in all topics and requests; a group that is missing has everything before it.
    package static func find(redis: RedisClient, keyspace: Keyspace) async throws -> Set<String> {
        var found: Set<String> = []
        for service in ServiceName.allCases {
            let topics = TopicPart.allCases.map { (keyspace.stream(service, $0), $0.groups(of: service)) }
            for (stream, groups) in topics + [(keyspace.requests(service), [service.rawValue])] where !groups.isEmpty {
                guard try await redis.send(["XLEN", .text(stream)]).integer ?? 0 > 0 else { continue }
                found.formUnion(try await keyIDs(in: stream, groups: groups, redis))
            }
        }
        return found
    }

    private static func keyIDs(in stream: String, groups: [String], _ redis: RedisClient) async throws -> Set<String> {
        var found: Set<String> = []
        var start = try await oldest(in: stream, groups: groups, redis)
        while true {
            let entries = try await redis.send([
                "XRANGE", .text(stream), .text(start), "+", "COUNT", .number(page),
            ]).entries()
            for entry in entries {
                if let sealed = try? SealedEntry(entry) { found.insert(sealed.header.keyID) }
            }
            guard entries.count == page, let last = entries.last else { return found }
            start = "(\(last.id)"
        }
    }

    /// Where what a group has not acknowledged begins, in the words of `XRANGE`.
    private static func oldest(in stream: String, groups: [String], _ redis: RedisClient) async throws -> String {
        let known = try await redis.send(["XINFO", "GROUPS", .text(stream)]).array?.map(\.fields) ?? []
        var oldest: (id: EntryID, text: String)?
        for group in groups {
            guard let fields = known.first(where: { $0["name"]?.string == group }),
                let delivered = fields["last-delivered-id"]?.string.flatMap({ EntryID($0) })
            else { return "-" }
            var start = (id: delivered, text: "(\(delivered)")
            if fields["pending"]?.integer ?? 0 > 0 {
                let pending = try await redis.send(["XPENDING", .text(stream), .text(group)]).array ?? []
                if pending.count > 1, let first = pending[1].string.flatMap({ EntryID($0) }) {
                    start = (first, first.description)
                }
            }
            if oldest.map({ start.id < $0.id }) ?? true { oldest = start }
        }
        return oldest?.text ?? "-"
    }
}
