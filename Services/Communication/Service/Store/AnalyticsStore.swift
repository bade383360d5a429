import CommunicationAPI
import Core
import Postgres

/// Messages counted.
enum AnalyticsStore {
    /// Counts the time's messages; `zone` says what a day is.
    static func count(
        _ request: AnalyticsRequest,
        zone: TimeZoneName?,
        in tx: borrowing Transaction
    ) throws -> [MessageCount] {
        let rows = try tx.rows(query(request, zone: zone))
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
                unknown: try number(11)
            )
        }
    }

    /// Reads by the index of the newest first, and nothing outside the time.
    static func query(_ request: AnalyticsRequest, zone: TimeZoneName?) -> Query {
        let key: Query =
            switch request.by {
            case .channel: "coalesce(channel, channels[1])"
            case .template: "template"
            case .provider: "provider"
            case .day: "to_char(created_at at time zone \(zone?.name ?? "UTC"), 'YYYY-MM-DD')"
            }
        return """
            select key, count(*), count(*) filter (where status = 'queued'), count(*) filter (where status = 'sending'),
                count(*) filter (where status = 'sent'), count(*) filter (where status = 'delivered'),
                count(*) filter (where status = 'opened'), count(*) filter (where status = 'failed'),
                count(*) filter (where status = 'suppressed'), count(*) filter (where status = 'cancelled'),
                count(*) filter (where status = 'expired'), count(*) filter (where status = 'unknown')
            from (
                select \(key) as key, status from messages
                where clinic_id = clinic_id() and created_at >= \(request.from) and created_at < \(request.to)
            ) as counted
            group by key order by key
            """
    }
}
