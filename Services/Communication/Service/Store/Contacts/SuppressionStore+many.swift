import CommunicationAPI
import Core
import Postgres

/// Many addresses at once.
extension SuppressionStore {
    /// Rows that one statement writes.
    private static let rowsOfStatement = 1_000

    /// Suppresses many addresses, as staff or a sheet of theirs say it; what was so already stays, and lasts as long as the
    /// longer of both.
    ///
    /// - Returns: how many are new.
    func add(
        all entries: [NewSuppression],
        source: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int {
        var longest: [NewSuppression.Key: NewSuppression] = [:]
        for entry in entries {
            longest[entry.key] = longest[entry.key].map { $0.lasts(asLongAs: entry) ? $0 : entry } ?? entry
        }
        // In one order, so that two sheets with the same addresses wait for each other.
        let ordered = longest.sorted { $0.key < $1.key }.map(\.value)
        var added = 0
        for start in stride(from: 0, to: ordered.count, by: Self.rowsOfStatement) {
            let part = ordered[start..<min(start + Self.rowsOfStatement, ordered.count)]
            added += try write(Array(part), source: source, at: now, in: tx)
        }
        return added
    }

    private func write(
        _ part: [NewSuppression],
        source: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int {
        let ids = part.map { _ in SuppressionID(at: now) }
        let sealed = try part.map { try seal($0.address, $0.addressIndex, in: tx) ?? [] }
        let rows = try tx.rows(
            """
            insert into suppressions (clinic_id, id, channel, address_index, sealed, category, reason, source, expires_at,
                created_by, created_at, updated_at)
            select clinic_id(), n.id, n.channel, n.address_index, n.sealed, n.category, n.reason, \(source), n.expires_at,
                \(tx.tenant?.actor ?? "system"), \(now), \(now)
            from unnest(\(ids), \(part.map(\.channel.rawValue)), \(ByteColumns(part.map(\.addressIndex))),
                \(ByteColumns(sealed)), \(part.map { $0.category?.rawValue ?? Self.everything }),
                \(part.map(\.reason.rawValue)), \(OptionalColumns(part.map(\.expiresAt))))
                as n (id, channel, address_index, sealed, category, reason, expires_at)
            \(Self.orLonger)
            returning id
            """
        )
        return Set(try rows.map { try $0[0] as SuppressionID }).intersection(ids).count
    }
}
