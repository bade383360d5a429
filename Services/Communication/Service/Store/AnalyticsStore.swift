import CommunicationAPI
import Core
import Postgres

/// Messages counted.
enum AnalyticsStore {
    /// Counts the time's messages; `zone` says what a day is.
    static func count(
        _ span: AnalyticsSpan,
        zone: TimeZoneName?,
        in tx: borrowing Transaction
    ) throws -> [MessageCount] {
        let rows = try tx.rows(query(span, zone: zone))
        var costs: [String?: [MessageCost]] = [:]
        for row in try tx.rows(self.costs(span, zone: zone)) {
            costs[try row[0] as String?, default: []].append(MessageCost(micros: try row[2], currency: try row[1]))
        }
        return try rows.map { row in
            func number(_ column: Int) throws -> Int {
                let count: Int64 = try row[column]
                return Int(count)
            }
            return MessageCount(
                key: try row[0],
                total: try number(1),
                queued: try number(2),
                sending: try number(3),
                sent: try number(4),
                delivered: try number(5),
                opened: try number(6),
                failed: try number(7),
                suppressed: try number(8),
                cancelled: try number(9),
                expired: try number(10),
                unknown: try number(11),
                costs: costs[try row[0] as String?] ?? []
            )
        }
    }

    /// Reads by the index of the newest first, and nothing outside the time.
    static func query(_ span: AnalyticsSpan, zone: TimeZoneName?) -> Query {
        """
        select key, count(*), count(*) filter (where status = 'queued'), count(*) filter (where status = 'sending'),
            count(*) filter (where status = 'sent'), count(*) filter (where status = 'delivered'),
            count(*) filter (where status = 'opened'), count(*) filter (where status = 'failed'),
            count(*) filter (where status = 'suppressed'), count(*) filter (where status = 'cancelled'),
            count(*) filter (where status = 'expired'), count(*) filter (where status = 'unknown')
        from (\(keyed(span, zone: zone))) as counted
        group by key order by key
        """
    }

    /// What the messages cost, by key and currency.
    static func costs(_ span: AnalyticsSpan, zone: TimeZoneName?) -> Query {
        """
        select counted.key, a.cost_currency, sum(a.cost_micros)::bigint
        from (\(keyed(span, zone: zone))) as counted
        join message_attempts a on a.clinic_id = clinic_id() and a.message_id = counted.id
        where a.cost_micros is not null group by 1, 2 order by 1, 2
        """
    }

    /// The time's messages, each with what it is counted under.
    private static func keyed(_ span: AnalyticsSpan, zone: TimeZoneName?) -> Query {
        let key: Query =
            switch span.by {
            case .channel: "coalesce(channel, channels[1])"
            case .template: "template"
            case .provider: "provider"
            case .day: "to_char(created_at at time zone \(zone?.name ?? "UTC"), 'YYYY-MM-DD')"
            }
        return """
            select id, \(key) as key, status from messages
            where clinic_id = clinic_id() and created_at >= \(span.from) and created_at < \(span.to)
            """
    }
}
