import Contracts
import Core
import Postgres

/// Numbers of a series that are missing for too long.
struct AuditGap: Hashable, Sendable {
    var service: String
    var series: SeriesID
    /// How many entries are missing.
    var count: Int64
    /// Which, as PostgreSQL writes ranges: `{[3,4),[7,9)}`.
    var numbers: String
    /// Whether it was alarmed about before.
    var isKnown: Bool
}

/// The table `audit_series`, through the sequencer's door.
enum AuditSeriesStore {
    /// Takes note of the numbers of entries that arrived, in the transaction that stores them.
    static func receive(
        _ numbers: [(series: SeriesID, number: Int64)],
        from service: ServiceName,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        if numbers.isEmpty { return }
        // In the order of the series: replicas that take in the same ones must lock them in the same order.
        tx.execute(
            """
            insert into audit_series as s (service, series, received, heard_at)
            select \(service.rawValue), n.series, range_agg(int8range(n.number, n.number, '[]')), \(now)
            from unnest(\(numbers.map(\.series)), \(numbers.map(\.number))) as n (series, number)
            group by n.series order by n.series
            on conflict (service, series)
                do update set received = s.received + excluded.received, heard_at = excluded.heard_at
            """
        )
    }

    /// Takes note of how far a process says its series have come.
    static func told(_ heads: AuditHeads, from service: ServiceName, at now: Instant, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into audit_series as s (service, series, received, told, heard_at)
            select \(service.rawValue), h.series, '{}', max(h.number), \(now)
            from unnest(\(heads.heads.map(\.series)), \(heads.heads.map(\.number))) as h (series, number)
            group by h.series order by h.series
            on conflict (service, series)
                do update set told = greatest(s.told, excluded.told), heard_at = excluded.heard_at
            """
        )
    }

    /// Marks what has begun or ceased to be missing and returns the gaps that were there before `patience`.
    ///
    /// Those that it returns are marked as known.
    static func gaps(missingBefore patience: Instant, at now: Instant, in tx: borrowing Transaction) throws
        -> [AuditGap]
    {
        tx.execute(
            """
            update audit_series set missing_since = case when isempty(audit_missing(received, told)) then null else \(now) end,
                alarmed_at = null
            where isempty(audit_missing(received, told)) = (missing_since is not null)
            """
        )
        let rows = try tx.rows(
            """
            select service, series, audit_missing(received, told)::text,
                (select sum(upper(r) - lower(r))::bigint from unnest(audit_missing(received, told)) as r), alarmed_at is not null
            from audit_series where missing_since <= \(patience) order by service, series for update
            """
        )
        tx.execute(
            "update audit_series set alarmed_at = \(now) where missing_since <= \(patience) and alarmed_at is null"
        )
        return try rows.map {
            AuditGap(service: try $0[0], series: try $0[1], count: try $0[3], numbers: try $0[2], isKnown: try $0[4])
        }
    }

    /// Forgets series that nobody has written to since then.
    static func forget(heardBefore: Instant, in tx: borrowing Transaction) {
        tx.execute("delete from audit_series where heard_at < \(heardBefore)")
    }
}
